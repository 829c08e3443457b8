"""Find face photos on disk and what is known of them: age, class, identity, gender, split.

Four kinds of source are recognised (see `SOURCES`): the lab course's class folders, CACD, UTKFace,
and any table. Each is one function from a folder to `Face`s and `Rejected`s; nothing is decoded.
"""

import csv
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from agegen.errors import UserError

YOUNG, OLD = 0, 1
CLASS_NAMES = ("young", "old")
SourceKind = Literal["folders", "cacd", "utkface", "table"]

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
    | {".ppm", ".pgm", ".avif", ".jp2"}
)
METADATA_SUFFIXES = frozenset({".csv", ".mat"})

CACD_NAME = re.compile(r"(?P<age>\d{1,3})_(?P<identity>\D.*)_(?P<number>\d{4})$", re.DOTALL)
UTKFACE_NAME = re.compile(r"(?P<age>\d{1,3})_(?P<gender>[01])_(?:[0-4]_)?\d{8,}")
AGE_PREFIX = re.compile(r"(?P<age>\d{1,3})_")


class Face(NamedTuple):
    """One face photo as the source describes it, not yet decoded.

    `age` is in years, None where unknown; `identity` and `gender` ("female", "male") are empty
    where unknown; `split` is "test", "train" or "val" where the source gives it, else empty.
    """

    path: Path
    label: int
    age: int | None = None
    identity: str = ""
    gender: str = ""
    split: str = ""


class Rejected(NamedTuple):
    """A file that does not become a face, with the reason in words."""

    path: Path
    reason: str


@dataclass
class Catalog:
    """What a source holds. Every file found is in `faces` or in `rejected`."""

    kind: SourceKind
    faces: list[Face] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


@dataclass(frozen=True)
class AgeRanges:
    """The two classes as closed intervals of whole years."""

    young: tuple[int, int] = (20, 26)
    old: tuple[int, int] = (52, 62)

    def __post_init__(self) -> None:
        for name, (low, high) in (("young", self.young), ("old", self.old)):
            if not 0 <= low <= high:
                raise UserError(f"--{name} {low} {high} is not a range of ages: low comes first")
        if self.young[1] >= self.old[0]:
            raise UserError(
                f"the classes overlap: young ends at {self.young[1]}, old begins at {self.old[0]}"
            )

    def label(self, age: int) -> int | None:
        """Return the class of an age, or None if it is in neither."""
        if self.young[0] <= age <= self.young[1]:
            return YOUNG
        return OLD if self.old[0] <= age <= self.old[1] else None

    def outside(self, age: int) -> str:
        """Say why an age is in neither class."""
        young, old = (f"{low}–{high}" for low, high in (self.young, self.old))
        return f"age {age} is in neither class (young {young}, old {old})"


def read_catalog(source: Path, ranges: AgeRanges, kind: SourceKind | None = None) -> Catalog:
    """List the faces of `source`, a folder or a CSV file, sorted by path.

    Args:
        source: the folder of photos, or the table.
        ranges: the ages of the two classes.
        kind: how to read it; None recognises it from names and folders.

    Raises:
        UserError: the source is missing, is of no known kind, or lacks a whole class.
    """
    if not source.exists():
        raise UserError(f"--source {source} does not exist")
    kind = kind or recognise(source)
    catalog = Catalog(kind)
    for item in SOURCES[kind](source, ranges):
        (catalog.faces if isinstance(item, Face) else catalog.rejected).append(item)
    catalog.faces.sort(key=lambda face: str(face.path))
    require_both_classes(source, catalog)
    return catalog


def require_both_classes(source: Path, catalog: Catalog) -> None:
    """Refuse a source in which a class has no face at all."""
    present = {face.label for face in catalog.faces}
    missing = [name for label, name in enumerate(CLASS_NAMES) if label not in present]
    if missing:
        why = f" (first of {len(catalog.rejected)} files left out: {catalog.rejected[0].reason})"
        raise UserError(
            f"no face of class {' and '.join(missing)} in {source}, read as {catalog.kind}"
            + (why if catalog.rejected else "")
        )


def recognise(source: Path) -> SourceKind:
    """Tell the kind of a source from its folders and file names.

    Raises:
        UserError: nothing in it looks like one of the kinds.
    """
    if source.is_file():
        if source.suffix.lower() == ".csv":
            return "table"
        raise UserError(f"--source {source} is a file, but not a CSV table")
    if (source / "train").is_dir() or class_folders(source):
        return "folders"
    names = [path.name for _, path in zip(range(2000), walk(source), strict=False)]
    counts: dict[SourceKind, int] = {
        "utkface": sum(bool(UTKFACE_NAME.match(name)) for name in names),
        "cacd": sum(bool(CACD_NAME.match(Path(name).stem)) for name in names),
    }
    kind = max(counts, key=lambda k: counts[k])
    if counts[kind]:
        return kind
    if find_table(source):
        return "table"
    raise UserError(
        f"--source {source} is of no known kind: expected train/0, train/1 …; CACD names "
        "(25_First_Last_0001.jpg); UTKFace names (25_0_1_20170101….jpg); or one CSV table"
    )


def walk(folder: Path) -> Iterator[Path]:
    """Yield every file below `folder`, hidden ones aside, each real folder once.

    Links are followed; a folder met before under another name, or one that may not be read, is
    yielded as a path itself (it is no file) so that the caller can list it.
    """
    seen = {folder.resolve()}
    unreadable: list[OSError] = []
    for current, folders, files in os.walk(folder, onerror=unreadable.append, followlinks=True):
        paths = [Path(current, name) for name in sorted(folders) if not name.startswith(".")]
        folders.clear()
        for path in paths:
            real = path.resolve()
            if real in seen:
                yield path
            else:
                folders.append(path.name)
            seen.add(real)
        for name in sorted(files):
            if not name.startswith(".") and name not in ("Thumbs.db", "desktop.ini"):
                yield Path(current, name)
    yield from (Path(error.filename) for error in unreadable)


def is_file(path: Path) -> bool:
    """True for a file or a link to one; False where its name or its folder's rights forbid it."""
    try:
        return path.is_file()
    except OSError:
        return False


def image_files(folder: Path) -> Iterator[Path | Rejected]:
    """Yield the image files below `folder` by suffix, and every other file as rejected."""
    for path in walk(folder):
        suffix = path.suffix.lower()
        if path.is_symlink() and path.is_dir():
            yield Rejected(path, "a symbolic link to a folder that is read already")
        elif path.is_dir():
            yield Rejected(path, "a folder that cannot be read, or that is read already")
        elif path.is_symlink() and not path.exists():
            yield Rejected(path, "a symbolic link that leads nowhere")
        elif suffix in IMAGE_SUFFIXES:
            yield path
        elif suffix not in METADATA_SUFFIXES:
            yield Rejected(path, f"not an image: its name ends in “{suffix or 'nothing'}”")


def faces_by_name(
    folder: Path, ranges: AgeRanges, parse: Callable[[Path], Face | Rejected]
) -> Iterator[Face | Rejected]:
    """Yield a face for each image whose name `parse` understands and whose age is in a class."""
    for item in image_files(folder):
        face = parse(item) if isinstance(item, Path) else item
        yield in_class(face, ranges) if isinstance(face, Face) else face


def in_class(face: Face, ranges: AgeRanges) -> Face | Rejected:
    """Give a face of known age its label, or reject it."""
    assert face.age is not None
    label = ranges.label(face.age)
    if label is None:
        return Rejected(face.path, ranges.outside(face.age))
    return face._replace(label=label)


def parse_cacd_name(path: Path) -> Face | Rejected:
    """Read ``{age}_{First_Last}_{NNNN}.jpg``; the label is set later, from the age."""
    match = CACD_NAME.match(path.stem)
    if not match:
        return Rejected(path, "no age in the name (expected like 25_First_Last_0001.jpg)")
    return Face(path, YOUNG, age=int(match["age"]), identity=match["identity"])


def parse_utkface_name(path: Path) -> Face | Rejected:
    """Read ``{age}_{gender}_{race}_{date}.jpg``; a few published names lack the race."""
    match = UTKFACE_NAME.match(path.name)
    if not match:
        return Rejected(path, "no age in the name (expected like 25_0_1_20170101120000000.jpg)")
    gender = ("male", "female")[int(match["gender"])]
    return Face(path, YOUNG, age=int(match["age"]), gender=gender)


def parse_any_name(path: Path) -> Face | Rejected:
    """Read a name as UTKFace's, else CACD's, else as ``{age}_anything``."""
    for parse in (parse_utkface_name, parse_cacd_name):
        face = parse(path)
        if isinstance(face, Face):
            return face
    match = AGE_PREFIX.match(path.name)
    if not match:
        return Rejected(path, "no age in the name (expected to begin like 25_)")
    return Face(path, YOUNG, age=int(match["age"]))


def read_utkface(source: Path, ranges: AgeRanges) -> Iterator[Face | Rejected]:
    """UTKFace (Zhang, Song and Qi, CVPR 2017): age and gender in the name, no identities."""
    yield from faces_by_name(source, ranges, parse_utkface_name)


def read_cacd(source: Path, ranges: AgeRanges) -> Iterator[Face | Rejected]:
    """CACD (Chen, Chen and Hsu, ECCV 2014): age and identity in the name or in its .mat file."""
    table = next((p for p in walk(source) if p.name == "celebrity2000_meta.mat"), None)
    known = read_cacd_meta(table) if table else {}

    def parse(path: Path) -> Face | Rejected:
        if path.name not in known:
            return parse_cacd_name(path)
        age, identity = known[path.name]
        return Face(path, YOUNG, age=age, identity=identity)

    yield from faces_by_name(source, ranges, parse)


def read_cacd_meta(path: Path) -> dict[str, tuple[int, str]]:
    """Read ``celebrityImageData`` of celebrity2000_meta.mat: file name → (age, identity number).

    Raises:
        UserError: scipy is missing, or the file is not what it should be.
    """
    try:
        from scipy.io import loadmat
    except ImportError:
        raise UserError(f"reading {path} needs scipy: pip install 'agegen[cacd]'") from None
    try:
        data = loadmat(path, simplify_cells=True)["celebrityImageData"]
        return {
            str(name): (int(age), str(int(identity)))
            for name, age, identity in zip(data["name"], data["age"], data["identity"], strict=True)
        }
    except Exception as error:
        raise UserError(f"{path} is not CACD's celebrity2000_meta.mat ({error})") from None


def class_folders(folder: Path) -> list[tuple[Path, int]]:
    """Return the class folders directly in `folder`: ``0`` or ``young``, ``1`` or ``old``."""
    names = {"0": YOUNG, "young": YOUNG, "1": OLD, "old": OLD}
    return [(folder / name, label) for name, label in names.items() if (folder / name).is_dir()]


def read_folders(source: Path, ranges: AgeRanges) -> Iterator[Face | Rejected]:
    """The lab course's layout: ``train/{0,1}/…`` and ``test/{0,1}/…``, or ages in the names.

    A test (or val) folder keeps its faces; train is split further by `prepare`.
    """
    splits = [name for name in ("train", "val", "test") if (source / name).is_dir()]
    for split in splits or [""]:
        given = "" if split == "train" else split
        yield from split_folder(source / split, given, ranges)


def split_folder(folder: Path, split: str, ranges: AgeRanges) -> Iterator[Face | Rejected]:
    """Yield the faces of one split, the class from its folder or from the age in the name."""
    labels = {class_folder.name: label for class_folder, label in class_folders(folder)}
    if not labels:
        for item in faces_by_name(folder, ranges, parse_any_name):
            yield item._replace(split=split) if isinstance(item, Face) else item
        return
    for item in image_files(folder):
        if isinstance(item, Rejected):
            yield item
        else:
            yield class_folder_face(item, labels.get(item.relative_to(folder).parts[0]), split)


def class_folder_face(path: Path, label: int | None, split: str) -> Face | Rejected:
    """The folder decides the class; a name in a known form still adds age and identity."""
    if label is None:
        return Rejected(path, "in none of the class folders 0 and 1 (or young and old)")
    named = parse_any_name(path)
    if isinstance(named, Rejected):
        return Face(path, label, split=split)
    return named._replace(label=label, split=split)


def find_table(source: Path) -> Path | None:
    """Return the only CSV directly in a folder, if there is just one."""
    tables = sorted(source.glob("*.csv"))
    return tables[0] if len(tables) == 1 else None


def read_table(source: Path, ranges: AgeRanges) -> Iterator[Face | Rejected]:
    """A CSV with columns ``path`` and ``age`` or ``label``; ``identity``, ``gender``, ``split``.

    Paths are relative to the table's folder. Labels are 0/1 or young/old.
    """
    table = source if source.is_file() else find_table(source)
    if table is None:
        raise UserError(f"--source {source} holds no CSV table, or more than one: name the file")
    for number, row in table_rows(table):
        yield table_face(table, number, row, ranges)


def table_rows(table: Path) -> Iterable[tuple[int, dict[str, str]]]:
    """Yield (line number, row) with lower-case column names and stripped cells."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = {name.strip().lower() for name in reader.fieldnames or []}
            if "path" not in columns or not columns & {"age", "label"}:
                raise UserError(f"{table} needs the columns path and age (or label)")
            for row in reader:
                cells = {k.strip().lower(): (v or "").strip() for k, v in row.items() if k}
                yield reader.line_num, cells
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{table} is not a CSV in UTF-8 ({error})") from None


def table_face(table: Path, number: int, row: dict[str, str], ranges: AgeRanges) -> Face | Rejected:
    """Turn one row into a face, or say what is wrong with it and in which line."""
    path = table.parent / row["path"]
    text, named, split = (row.get(name, "").lower() for name in ("age", "label", "split"))
    labels = {"0": YOUNG, "young": YOUNG, "1": OLD, "old": OLD}
    label = labels.get(named)
    mistakes = {
        "no such file": not row["path"] or not is_file(path),
        f"age “{text}” is not a whole number of years": text and not re.fullmatch(r"\d{1,3}", text),
        f"label “{named}” is not 0, 1, young or old": named and label is None,
        "neither an age nor a label": not text and not named,
        f"split “{split}” is not train, val or test": split not in ("", "train", "val", "test"),
    }
    mistake = next((reason for reason, found in mistakes.items() if found), None)
    if mistake:
        return Rejected(path, f"line {number} of {table.name}: {mistake}")
    face = Face(
        path,
        label if label is not None else YOUNG,
        age=int(text) if text else None,
        identity=row.get("identity", ""),
        gender=row.get("gender", "").lower(),
        split="" if split == "train" else split,
    )
    return in_class(face, ranges) if label is None else face


SOURCES: dict[SourceKind, Callable[[Path, AgeRanges], Iterator[Face | Rejected]]] = {
    "folders": read_folders,
    "cacd": read_cacd,
    "utkface": read_utkface,
    "table": read_table,
}
