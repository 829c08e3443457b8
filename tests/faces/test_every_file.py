"""Whatever lies in a source: each visible file is a face, or rejected, or beside the photos."""

import os
import random
from collections import Counter
from pathlib import Path

import pytest
from catalogs import touch

from agegen.faces.catalog import SOURCES, read_catalog
from agegen.faces.find_images import is_hidden
from agegen.faces.records import AgeRanges, Note
from agegen.run.errors import UserError

RANGES = AgeRanges()
FOLDERS = """
train Train training test Test testing val valid validation dev extra holdout data images A B nm
0 1 2 01 young Old OLDER class_0 trainA trainB testa valB 23 054 (52-62) 60-100 age_25 00 99
.git .cache __MACOSX @eaDir Ann_Lee x.jpg
""".split()  # noqa: SIM905
FILES = """
25_Ann_Lee_{n:04d}.jpg 57_Bob_Ray_{n:04d}.JPG 40_Cid_Moe_{n:04d}.jpg 999_Old_One_{n:04d}.jpg
25_Wrong_{n}.jpg {n}.jpg 23_{n}.png 55_x{n}.webp ²_{n}.jpg 25_Zoë_Ñ_{n:04d}.jpg {n} {n}.jpg.part
25_0_1_20170101{n:09d}.jpg.chip.jpg 61_3_20170101{n:09d}.jpg 53__0_20170101{n:09d}.jpg
nm{n:07d}_rm1_1980-6-3_2003.jpg {n}_1940-08-02_1999.jpg {n}_1940-00-00_1999.jpg
{n}_1940-13-02_1999.jpg {n}_2010-01-01_1999.jpg ._{n}.jpg .DS_Store Thumbs.db desktop.ini README
LICENCE.txt notes{n}.md faces{n}.csv meta.mat {n}.heic {n}.mp4
""".split()  # noqa: SIM905


def random_tree(folder, rng):
    """Make a tree of empty files and links, and return the paths of all visible files in it."""
    made = [folder]
    for number in range(rng.randint(1, 25)):
        depth = rng.choice((0, 1, 1, 2, 2, 2, 3))
        place = folder.joinpath(*(rng.choice(FOLDERS) for _ in range(depth)))
        name = rng.choice(FILES).format(n=number)
        name = os.fsdecode(b"24_Ren\xe9_%04d.jpg" % number) if rng.random() < 0.05 else name
        if (
            any(os.path.lexists(p) and not p.is_dir() for p in (place, *place.parents))
            or (place / name).exists()
        ):
            continue
        touch(place, name)
        kind = rng.random()
        link = place / rng.choice(
            (f"link{number}.jpg", f"22_Link_Ed_{number:04d}.jpg", "test", "z")
        )
        if kind < 0.15 and not os.path.lexists(link):
            link.symlink_to(rng.choice((*made, place)) if kind < 0.1 else folder / "nowhere")
        elif kind < 0.2 and not os.path.lexists(link) and made[-1].is_file():
            link.hardlink_to(made[-1])
        made.append(place / name)
    files = [Path(current, name) for current, _, names in os.walk(folder) for name in names]
    return [path for path in files if not hidden(path, folder)]


def hidden(path, source):
    return any(map(is_hidden, path.relative_to(source).parts))


def listings(source, kind, present):
    """Read a source; returns how often each file is listed, by itself or by a folder above.

    A folder that is read already under another name stands for what it holds.
    """
    items = [item for item in SOURCES[kind](source, RANGES) if not isinstance(item, Note)]
    listed = Counter(item.path for item in items)
    assert set(listed.values()) <= {1}
    assert not [path for path in listed if hidden(path, source)]
    return {path: sum(listed[p] for p in (path, *path.parents)) for path in present}


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    """300 trees: the folder of each, and its files."""
    rng, folder = random.Random(0), tmp_path_factory.mktemp("trees")
    sources = [touch(folder / str(number), ".nothing") for number in range(300)]
    return [(source, random_tree(source, rng)) for source in sources]


@pytest.mark.parametrize("kind", ["folders", "cacd", "utkface", "imdb-wiki"])
def test_every_visible_file_of_any_tree_is_accounted_for_once(trees, kind):
    assert sum(len(present) for _, present in trees) > 2000
    for source, present in trees:
        assert set(listings(source, kind, present).values()) <= {1}


def test_every_visible_file_beside_a_table_is_accounted_for(trees):
    rng, read, refused = random.Random(1), 0, 0
    for source, present in trees:
        files = [path for path in present if path.is_file()]
        table = source / "t.csv"
        chosen = rng.sample(files, len(files) // 2)
        names = [os.fsencode(path.relative_to(source)) for path in chosen]
        rows = [name + rng.choice((b",23", b",57", b",40")) for name in names]
        table.write_bytes(b"\n".join([b"path,age", *rows]))
        try:
            assert 0 not in listings(source, "table", present).values()
            read += 1
        except UserError:  # of two tables in the folder
            refused += 1
        table.unlink()
    assert read > 200
    assert refused < 100


def test_any_tree_is_read_or_refused_in_a_sentence(trees):
    counts = Counter()
    for source, _ in trees:
        try:
            counts[read_catalog(source, RANGES).kind] += 1
        except UserError:
            counts["refused"] += 1
    assert counts["folders"] > 20
    assert counts["refused"] > 20
