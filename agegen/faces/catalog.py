"""Find face photos on disk and what is known of them: age, class, identity, gender, split.

Five kinds of source are recognised (see `agegen.faces.sources`): the lab course's class folders,
CACD, UTKFace, IMDB-WIKI, and any table.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from agegen.faces.find_images import is_hidden, walk
from agegen.faces.folders import suggests_ages, suggests_classes
from agegen.faces.photo_names import CACD_NAME, IMDB_WIKI_NAME, UTKFACE_NAME
from agegen.faces.records import (
    CLASS_NAMES,
    AgeRanges,
    Beside,
    Face,
    Note,
    Rejected,
    SourceKind,
)
from agegen.faces.sources import SOURCES
from agegen.faces.tables import TABLE_SUFFIXES, find_table
from agegen.run.errors import UserError


@dataclass
class Catalog:
    """What a source holds: each file, or row of a table, is in one of the first three lists.

    Attributes:
        kind: how the source was read.
        faces: what becomes a face if it can be decoded.
        rejected: what does not, with the reason.
        beside: hidden files and metadata, which are no photos.
        notes: what the user should know of how the source was read.
    """

    kind: SourceKind
    faces: list[Face] = field(default_factory=list)
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
    if kind != "table" and not source.is_dir():
        raise UserError(f"--kind {kind} reads a folder, and --source {source} is a file")
    catalog = Catalog(kind)
    lists: dict[type, list] = {
        Face: catalog.faces,
        Rejected: catalog.rejected,
        Beside: catalog.beside,
        Note: catalog.notes,
    }
    for item in SOURCES[kind](source, ranges):
        lists[type(item)].append(item)
    catalog.faces.sort(key=lambda face: str(face.path))
    require_both_classes(source, catalog)
    return catalog


def require_both_classes(source: Path, catalog: Catalog) -> None:
    """Refuse a source in which a class has no face at all."""
    present = {face.label for face in catalog.faces}
    missing = [name for label, name in enumerate(CLASS_NAMES) if label not in present]
    if missing:
        left_out = catalog.rejected
        why = ""
        if left_out:
            first = left_out[0]
            why = f" ({len(left_out):,} left out; the first, {first.path.name}: {first.reason})"
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
        raise UserError(
            f"--source {source} is a file, but not a CSV table (--kind table reads it as one)"
        )
    if suggests_classes(source):
        return "folders"
    visible = (path for path in walk(source) if not is_hidden(path.name))
    names = [path.name for _, path in zip(range(2000), visible, strict=False)]
    if not names:
        raise UserError(f"--source {source} holds no visible files")
    counts: dict[SourceKind, int] = {
        "utkface": sum(bool(UTKFACE_NAME.match(name)) for name in names),
        "cacd": sum(bool(CACD_NAME.match(Path(name).stem)) for name in names),
        "imdb-wiki": sum(bool(IMDB_WIKI_NAME.match(name)) for name in names),
    }
    kind = max(counts, key=lambda k: counts[k])
    if counts[kind]:
        return kind
    if find_table(source):
        return "table"
    if suggests_ages(source):
        return "folders"
    raise UserError(
        f"--source {source} is of no known kind: expected train/0, train/1 …; folders called as "
        "ages; CACD names (25_First_Last_0001.jpg); UTKFace names (25_0_1_20170101….jpg); "
        "IMDB-WIKI names (1000_1981-05-05_2009.jpg); or one CSV table"
    )
