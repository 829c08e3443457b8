"""Pictures before and after: every file is in a pair or named, both faces are of one place."""

import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from real_face import hopper

from agegen.faces import landmarks
from agegen.faces.geometry import Geometry
from agegen.photos.pairs import are_crops, facts_of, match_names, read_pairs
from agegen.run.errors import UserError
from agegen.run.files import write_text


def smooth(seed: int, width: int = 60, height: int = 60) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def folders(tmp_path: Path) -> tuple[Path, Path]:
    before, after = tmp_path / "before", tmp_path / "after"
    for folder in (before, after):
        folder.mkdir()
    return before, after


@pytest.mark.parametrize("seed", range(20))
def test_every_file_is_in_a_pair_or_named(tmp_path: Path, seed: int) -> None:
    before, after = folders(tmp_path)
    rng = random.Random(seed)
    names = ["a", "b.c", "25_Ann_0001", "ü", "x_old", "sub/d", "sub/deep/e", "001_f_young", "g h"]
    expected = set()
    for name in names:
        kind = rng.choice(["pair", "before", "after", "ours"])
        ours = name if "/" in name else f"{rng.randint(1, 2000):03d}_{name}_old"
        for folder, wanted, called in (
            (before, kind != "after", name),
            (after, kind in ("pair", "after"), name),
            (after, kind == "ours", ours),
        ):
            if wanted:
                path = folder / f"{called}.{rng.choice(['png', 'jpg', 'webp'])}"
                path.parent.mkdir(parents=True, exist_ok=True)
                smooth(1).save(path)
        if kind in ("pair", "ours"):
            expected.add(name)
    (after / "notes.txt").write_text("no picture")
    smooth(2).save(after / "003_anybody_old_strip.png")
    matched, left_out = match_names(before, after)
    found = {path.relative_to(before).with_suffix("").as_posix() for path, _ in matched}
    assert found == expected
    named = {path for pair in matched for path in pair} | {entry.path for entry in left_out}
    files = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert {path.name for path in files - named} == {"003_anybody_old_strip.png"}


def test_formats_and_sizes_may_differ_and_shapes_may_not(tmp_path: Path) -> None:
    before, after = folders(tmp_path)
    for number in range(4):
        smooth(number).save(before / f"{number}.png")
    smooth(0).resize((150, 150)).save(after / "0.jpg", quality=98)
    smooth(1).convert("L").save(after / "1.bmp")
    smooth(2, 60, 90).save(after / "2.png")
    (after / "3.png").write_bytes(b"no picture")
    pairs = read_pairs(before, after, 48, None, 10**6)
    assert [path.name for path in pairs.files] == ["0.png", "1.png"]
    assert pairs.before.shape == pairs.after.shape == (2, 48, 48, 3)
    assert np.abs(pairs.before[0].astype(int) - pairs.after[0]).mean() < 4
    reasons = {entry.path.name: entry.reason for entry in pairs.left_out}
    assert reasons["2.png"] == "is 60 × 60 pixels, 2.png 60 × 90: another shape"
    assert reasons["3.png"].startswith("3.png: ")


@pytest.mark.skipif(not landmarks.available(), reason="the extra photos is not installed")
def test_the_face_of_a_photo_is_cut_out_of_the_same_place(tmp_path: Path) -> None:
    before, after = folders(tmp_path)
    photo = Image.fromarray(hopper())
    photo.save(before / "grace.png")
    photo.point(lambda x: min(x + 40, 255)).resize((600, 600)).save(after / "grace.png")
    smooth(3, 200, 200).save(before / "nobody.png")
    smooth(3, 200, 200).save(after / "nobody.png")
    pairs = read_pairs(before, after, 100, Geometry("", 100, 0, 0, None), 10**6)
    assert len(pairs.files) == 1
    lighter = pairs.after[0].astype(float) - pairs.before[0]
    assert abs(np.median(lighter) - 40) < 3
    assert np.abs(lighter - 40)[pairs.before[0] < 200].mean() < 5
    assert [entry.reason for entry in pairs.left_out] == ["no face found"]


@pytest.mark.parametrize("end", ["before", "after", "strip", "face2"])
def test_names_that_only_look_like_ours_are_listed(tmp_path: Path, end: str) -> None:
    before, after = folders(tmp_path)
    smooth(0).save(before / "a.png")
    smooth(0).save(after / "a.png")
    smooth(0).save(after / f"wedding_old_{end}.png")
    smooth(0).save(after / f"001_a_old_{end}.png")  # translate_photos shows it, no more
    _, left_out = match_names(before, after)
    assert [entry.path.name for entry in left_out] == [f"wedding_old_{end}.png"]


def test_square_pictures_of_one_size_are_crops(tmp_path: Path) -> None:
    for number in range(3):
        smooth(number).save(tmp_path / f"{number}.png")
    assert are_crops(tmp_path)
    smooth(5, 61, 60).save(tmp_path / "z.png")
    assert not are_crops(tmp_path)


def test_names_of_known_data_sets_say_who_it_is() -> None:
    cacd = facts_of([Path("25_Ann_Lee_0001.jpg"), Path("60_Bob_0002.jpg")])
    assert [(face.age, face.identity) for face in cacd] == [(25, "Ann_Lee"), (60, "Bob")]
    utkface = facts_of([Path("25_1_0_20170101120000000.jpg.chip.jpg")])
    assert (utkface[0].age, utkface[0].gender) == (25, "female")


@pytest.mark.parametrize("seed", range(8))
def test_a_name_that_says_nothing_costs_the_others_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    known = {f"{i:03d}A{rng.integers(18, 70)}{'abc'[i % 3]}.JPG" for i in range(rng.integers(3, 9))}
    odd = ["me.jpg", "IMG_2041.HEIC", "25_Ann_Lee_0001.jpg", "x001A23.png"][: rng.integers(1, 3)]
    files = [Path(name) for name in rng.permutation([*known, *odd])]
    for path, face in zip(files, facts_of(files), strict=True):
        assert face.path == path
        said = (face.identity, face.age) if path.name in known else ("", None)
        assert (face.identity, face.age) == said
        assert bool(face.identity) == (path.name in known)


def test_nothing_to_judge_is_one_sentence(tmp_path: Path) -> None:
    before, after = folders(tmp_path)
    smooth(0).save(before / "a.png")
    with pytest.raises(UserError, match=r"there is no pair of pictures in .*a.png has no partner"):
        read_pairs(before, after, 48, None, 10**6)
    with pytest.raises(UserError, match="is no folder of pictures"):
        read_pairs(before / "a.png", after, 48, None, 10**6)


def test_what_translate_photos_wrote_beside_its_pictures_is_not_listed(tmp_path: Path) -> None:
    before, after = folders(tmp_path)
    smooth(0).save(before / "a.png")
    smooth(0).save(after / "001_a_old.png")
    write_text(after / "journal.jsonl", "{}")
    (after / "mine.txt").write_text("mine")
    _, left_out = match_names(before, after)
    assert [entry.path.name for entry in left_out] == ["mine.txt"]
