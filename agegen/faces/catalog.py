"""Find face photos on disk and what is known of them: age, class, identity, gender, split.

Four kinds of source are recognised (see `agegen.faces.sources`): the lab course's class folders,
CACD, UTKFace, and any table.
"""

from dataclasses import dataclass, field
from pathlib import Path

from agegen.errors import UserError
from agegen.faces.find_images import walk
from agegen.faces.records import CLASS_NAMES, AgeRanges, Face, Rejected, SourceKind
from agegen.faces.sources import CACD_NAME, SOURCES, UTKFACE_NAME, class_folders, find_table


@dataclass
class Catalog:
    """What a source holds: each file is in one list, but for hidden ones, .csv and .mat."""

    kind: SourceKind
    faces: list[Face] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


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
        if isinstance(item, Face):
            catalog.faces.append(item)
        else:
            catalog.rejected.append(item)
    catalog.faces.sort(key=lambda face: str(face.path))
    require_both_classes(source, catalog)
    return catalog


def require_both_classes(source: Path, catalog: Catalog) -> None:
    """Refuse a source in which a class has no face at all."""
    present = {face.label for face in catalog.faces}
    missing = [name for label, name in enumerate(CLASS_NAMES) if label not in present]
    if missing:
        left_out = catalog.rejected
        why = (
            f" (first of {len(left_out)} files left out: {left_out[0].reason})" if left_out else ""
        )
        raise UserError(
            f"no face of class {' and '.join(missing)} in {source}, read as {catalog.kind}{why}"
        )


def recognise(source: Path) -> SourceKind:
    """Tell the kind of a source from its folders and file names.

    Raises:
        UserError: it is empty, or nothing in it looks like one of the kinds.
    """
    if source.is_file():
        if source.suffix.lower() == ".csv":
            return "table"
        raise UserError(f"--source {source} is a file, but not a CSV table")
    if (source / "train").is_dir() or class_folders(source):
        return "folders"
    names = [path.name for _, path in zip(range(2000), walk(source), strict=False)]
    if not names:
        raise UserError(f"--source {source} holds no visible files")
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
