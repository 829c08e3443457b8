"""Find face photos on disk and what is known of them: age, class, identity, gender, split.

Six kinds of source are recognised: the lab course's class folders, CACD, UTKFace, IMDB-WIKI,
FG-NET, and any table. Each is one function from a folder to `Item`s (see `SOURCES`), in which each
file is once; nothing is decoded.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from agegen.faces import names as photo_names
from agegen.faces.find_images import all_files, walk
from agegen.faces.folders import read_folders, suggests_ages, suggests_classes
from agegen.faces.records import (
    CLASS_NAMES,
    OTHER,
    UNLABELLED,
    AgeRanges,
    Beside,
    Face,
    Item,
    Note,
    Rejected,
    SourceKind,
)
from agegen.faces.repeats import settle
from agegen.faces.tables import TABLE_SUFFIXES, find_table, read_table
from agegen.run.errors import UserError


@dataclass
class Catalog:
    """What a source holds: each visible file, or table's row, is in one of the first three."""

    kind: SourceKind  # how it was read
    faces: list[Face] = field(default_factory=list)  # what becomes a face if it can be decoded
    rejected: list[Rejected] = field(default_factory=list)
    beside: list[Beside] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def remarks(self) -> Iterator[str]:
        """Yield a line for each note, and one that names what lies beside the photos."""
        yield from (f"note: {note.text}" for note in self.notes)
        names = Counter(item.path.name for item in self.beside).most_common()
        if names:
            several = [name if n == 1 else f"{name} ({n:,} times)" for name, n in names[:8]]
            more = [f"and {len(names) - 8:,} other names"] if len(names) > 8 else []
            yield f"beside the photos, and not read: {', '.join(several + more)}"


def faces_by_name(
    folder: Path, ranges: AgeRanges, parse: Callable[[Path], Face | Rejected]
) -> Iterator[Item]:
    """Yield a face for each image whose name `parse` understands and whose age is in a class."""
    files = all_files(folder)
    yield from settle((parse(f) if isinstance(f, Path) else f for f in files), ranges)


def read_cacd(source: Path, ranges: AgeRanges) -> Iterator[Item]:
    """CACD (Chen, Chen and Hsu, ECCV 2014): age and identity in the name or in its .mat file."""
    table = next((p for p in walk(source) if p.name == "celebrity2000_meta.mat"), None)
    known = read_cacd_meta(table) if table else {}

    def parse(path: Path) -> Face | Rejected:
        face = photo_names.parse_cacd_name(path)
        if path.name not in known:
            return face
        age, identity = known[path.name]
        named = face.identity if isinstance(face, Face) else identity
        return Face(path, UNLABELLED, age=age, identity=named)

    yield from faces_by_name(source, ranges, parse)


def read_cacd_meta(path: Path) -> dict[str, tuple[int, str]]:
    """Read ``celebrityImageData`` of celebrity2000_meta.mat: file name → (age, identity number)."""
    from scipy.io import loadmat  # only here: half a second that other sources need not wait

    try:
        data = loadmat(path, simplify_cells=True)["celebrityImageData"]
        return {
            str(name): (int(age), str(int(identity)))
            for name, age, identity in zip(data["name"], data["age"], data["identity"], strict=True)
        }
    except Exception as error:
        raise UserError(f"{path} is not CACD's celebrity2000_meta.mat ({error})") from None


SOURCES: dict[SourceKind, Callable[[Path, AgeRanges], Iterator[Item]]] = {
    "folders": read_folders,
    "cacd": read_cacd,
    # UTKFace (Zhang, Song and Qi, CVPR 2017): age and gender in the name, no identities
    "utkface": partial(faces_by_name, parse=photo_names.parse_utkface_name),
    # IMDB-WIKI (Rothe, Timofte and Van Gool, IJCV 2018): person and dates in the name
    "imdb-wiki": partial(faces_by_name, parse=photo_names.parse_imdb_wiki_name),
    # FG-NET (Panis et al., IET Biometrics 2016): person and age in the name
    "fgnet": partial(faces_by_name, parse=photo_names.parse_fgnet_name),
    "table": read_table,
}


def read_catalog(
    source: Path, ranges: AgeRanges, kind: SourceKind | None = None, both: bool = True
) -> Catalog:
    """List the faces of `source`, a folder or a CSV file, sorted by path, those of no class last.

    Args:
        source: the folder of photos, or the table.
        ranges: the ages of the two classes.
        kind: how to read it; None recognises it from names and folders.
        both: refuse a source that lacks a whole class.

    Raises:
        UserError: the source is missing, is of no known kind, or lacks what it must have.
    """
    if not source.exists():
        raise UserError(f"{source} does not exist")
    kind = kind or recognise(source)
    if kind != "table" and not source.is_dir():
        raise UserError(f"--kind {kind} reads a folder, and {source} is a file")
    catalog = Catalog(kind)
    lists: dict[type, list] = {
        Face: catalog.faces,
        Rejected: catalog.rejected,
        Beside: catalog.beside,
        Note: catalog.notes,
    }
    for item in SOURCES[kind](source, ranges):
        lists[type(item)].append(item)
    catalog.faces.sort(key=lambda face: (face.label == OTHER, str(face.path)))
    if both:
        require_both_classes(source, catalog)
    return catalog


def require_both_classes(source: Path, catalog: Catalog) -> None:
    """Refuse a source in which a class has no face at all."""
    present = {face.label for face in catalog.faces}
    missing = [name for label, name in enumerate(CLASS_NAMES) if label not in present]
    if missing:
        why = ""
        for first in catalog.rejected[:1]:
            number = f"{len(catalog.rejected):,} left out"
            why = f" ({number}; the first, {first.path.name}: {first.reason})"
        raise UserError(
            f"no face of class {' and '.join(missing)} in {source}, read as {catalog.kind}{why}"
        )


def recognise(source: Path) -> SourceKind:
    """Tell the kind of a source from its folders and file names.

    Raises:
        UserError: it is empty, or nothing in it looks like one of the kinds.
    """
    if not source.is_dir():
        if source.suffix.lower() in TABLE_SUFFIXES:
            return "table"
        raise UserError(f"{source} is a file, but not a CSV table (--kind table reads it as one)")
    if suggests_classes(source):
        return "folders"
    names = [path.name for _, path in zip(range(2000), walk(source), strict=False)]
    if not names:
        raise UserError(f"{source} holds no visible files")
    counts: dict[SourceKind, int] = {
        "utkface": sum(bool(photo_names.UTKFACE_NAME.match(name)) for name in names),
        "cacd": sum(bool(photo_names.CACD_NAME.match(Path(name).stem)) for name in names),
        "imdb-wiki": sum(bool(photo_names.IMDB_WIKI_NAME.match(name)) for name in names),
        "fgnet": sum(bool(photo_names.FGNET_NAME.fullmatch(Path(name).stem)) for name in names),
    }
    kind = max(counts, key=lambda k: counts[k])
    if counts[kind]:
        return kind
    if find_table(source):
        return "table"
    if suggests_ages(source):
        return "folders"
    raise UserError(
        f"{source} is of no known kind: expected train/0, train/1 …; folders called as "
        "ages; CACD names (25_First_Last_0001.jpg); UTKFace names (25_0_1_20170101….jpg); "
        "IMDB-WIKI names (1000_1981-05-05_2009.jpg); FG-NET names (001A23.JPG); or one CSV table"
    )
