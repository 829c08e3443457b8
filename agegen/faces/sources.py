"""The four kinds of source: the lab course's class folders, CACD, UTKFace, and any table.

Each is one function from a folder to `Face`s and `Rejected`s (see `SOURCES`); nothing is decoded.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from agegen.errors import UserError
from agegen.faces.find_images import image_files, is_file, walk
from agegen.faces.records import OLD, YOUNG, AgeRanges, Face, Rejected, SourceKind

CACD_NAME = re.compile(r"(?P<age>\d{1,3})_(?P<identity>\D.*)_(?P<number>\d{4})$", re.DOTALL)
UTKFACE_NAME = re.compile(r"(?P<age>\d{1,3})_(?P<gender>[01])_(?:[0-4]_)?\d{8,}")
AGE_PREFIX = re.compile(r"(?P<age>\d{1,3})_")


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
        face = parse_cacd_name(path)
        if path.name not in known:
            return face
        age, identity = known[path.name]
        named = face.identity if isinstance(face, Face) else identity
        return Face(path, YOUNG, age=age, identity=named)

    yield from faces_by_name(source, ranges, parse)


def read_cacd_meta(path: Path) -> dict[str, tuple[int, str]]:
    """Read ``celebrityImageData`` of celebrity2000_meta.mat: file name → (age, identity number).

    Raises:
        UserError: the file is not what it should be.
    """
    from scipy.io import loadmat  # only here: half a second that other sources need not wait

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
        for face in faces_by_name(folder, ranges, parse_any_name):
            yield face._replace(split=split) if isinstance(face, Face) else face
        return
    for path in image_files(folder):
        if isinstance(path, Rejected):
            yield path
        else:
            yield class_folder_face(path, labels.get(path.relative_to(folder).parts[0]), split)


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
