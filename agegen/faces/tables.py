"""Any table of photos, as spreadsheets and other programs write it → faces."""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from agegen.faces.find_images import all_files, entries, is_file, is_hidden
from agegen.faces.records import UNLABELLED, AgeRanges, Face, Item, Note, Rejected
from agegen.faces.repeats import Found, settle
from agegen.faces.table_lines import Line, Table, read_lines
from agegen.faces.words import class_named, gender_named, split_named
from agegen.run.errors import UserError

TABLE_SUFFIXES = (".csv", ".tsv")
UNKNOWN_CELLS = frozenset({"nan", "n/a", "#n/a", "null", "none"})
YEARS = re.compile(r"(\d{1,3})(?:[.,]\d+)?")


def find_table(source: Path) -> Path | None:
    """Return the only table directly in a folder, if there is just one."""
    tables = [
        path
        for path in entries(source)
        if path.suffix.lower() in TABLE_SUFFIXES and not is_hidden(path.name) and is_file(path)
    ]
    return tables[0] if len(tables) == 1 else None


def read_table(source: Path, ranges: AgeRanges) -> Iterator[Item]:
    """A table with columns ``path`` and ``age`` or ``label``; ``identity``, ``gender``, ``split``.

    Paths are relative to the table's folder. Each line that is no face is rejected by its number;
    if the source is a folder, so is each file in it that its table does not name.
    """
    path = source if source.is_file() else find_table(source)
    if path is None:
        raise UserError(f"--source {source} holds no CSV table, or more than one: name the file")
    table = read_lines(path)
    found = [read_line(path, line) for line in table.lines]
    yield from settle(found, ranges)
    yield from notes(path, table)
    if source.is_dir():
        named = {item.face.path if isinstance(item, Found) else item.path for item in found}
        yield from unnamed_files(source, path, {file for file in named if is_file(file)})


def read_line(table: Path, line: Line) -> Found | Rejected:
    """Turn one line into a face, or say what is wrong with it."""
    where = f"line {line.number} of {table.name}"
    if isinstance(line.cells, str):
        return Rejected(table, f"{where}: {line.cells}")
    path = existing(table.parent, line.cells["path"])
    if path is None:
        return Rejected(table.parent / line.cells["path"], f"{where}: no such file")
    cells = {column: known(cell) for column, cell in line.cells.items()}
    text, named, given = (cells.get(name, "") for name in ("age", "label", "split"))
    years, label, split = YEARS.fullmatch(text), class_named(named), split_named(given or "train")
    mistakes = {
        f"age “{text}” is not a number of years": text and not years,
        f"label “{named}” is not 0, 1, young or old": named and label is None,
        "neither an age nor a label": not text and not named,
        f"split “{given}” is not train, val or test": split is None,
    }
    mistake = next((reason for reason, is_made in mistakes.items() if is_made), None)
    if mistake:
        return Rejected(path, f"{where}: {mistake}")
    face = Face(
        path,
        UNLABELLED if label is None else label,
        age=int(years[1]) if years else None,
        identity=cells.get("identity", ""),
        gender=gender_named(cells.get("gender", "")),
        split="" if split in (None, "train") else split,
    )
    return Found(face, where)


def known(cell: str) -> str:
    """Return a cell, or "" for what programs write into one that is empty."""
    return "" if cell.casefold() in UNKNOWN_CELLS else cell


def existing(folder: Path, cell: str) -> Path | None:
    """Return the file that a cell means, or None."""
    turned = cell.replace("\\", "/")  # Windows' backslashes
    accents = [unicodedata.normalize(form, turned) for form in ("NFC", "NFD")]  # macOS decomposes
    spellings = [cell, turned, *accents]
    with suppress(UnicodeEncodeError):
        spellings.append(os.fsdecode(turned.encode("cp1252", "surrogateescape")))
    return next((folder / name for name in spellings if name and is_file(folder / name)), None)


def notes(path: Path, table: Table) -> Iterator[Note]:
    """Say what of the table was not understood, though its lines were read."""
    if table.unused:
        yield Note(f"columns of {path.name} that are not read: {', '.join(table.unused)}")
    if table.foreign:
        yield Note(f"{path.name} is not all UTF-8: lines read as Windows-1252: {table.foreign:,}")
    given = [known(c.get("gender", "")) for _, c in table.lines if isinstance(c, dict)]
    unclear = Counter(word for word in given if word and not gender_named(word))
    if unclear:
        words = ", ".join(f"“{word}”" for word, _ in unclear.most_common(5))
        yield Note(
            f"gender {words} counts as unknown (lines of {path.name}: {unclear.total():,}): "
            "write female or male"
        )


def unnamed_files(source: Path, table: Path, named: set[Path]) -> Iterator[Item]:
    """Yield what lies in the table's folder and is not named by it; photos as rejected."""
    paths = {in_real_folder(path) for path in (*named, table)}
    for file in all_files(source):
        item = Rejected(file, f"{table.name} does not name it") if isinstance(file, Path) else file
        if in_real_folder(item.path) not in paths:
            yield item


def in_real_folder(path: Path) -> Path:
    """Return a file's path with its folder's links, ``..`` and the like resolved."""
    return Path(os.path.realpath(path.parent), path.name)
