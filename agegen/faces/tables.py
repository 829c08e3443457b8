"""Any table of photos, in whatever encoding and with whatever delimiter programs write it → faces.

Every line is read by itself, so that a stray quotation mark costs its own line and no other.
"""

import codecs
import csv
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from agegen.faces.find_images import all_files, entries, is_file, is_hidden
from agegen.faces.names import class_named, gender_named, split_named
from agegen.faces.records import UNLABELLED, AgeRanges, Face, Item, Note, Rejected
from agegen.faces.repeats import Found, settle
from agegen.run.errors import UserError

TABLE_SUFFIXES = (".csv", ".tsv")
UNKNOWN_CELLS = frozenset({"nan", "n/a", "#n/a", "null", "none"})
YEARS = re.compile(r"(\d{1,3})(?:[.,]\d+)?")
DELIMITERS = ",;\t|"
COLUMNS = {
    "path": "path file filename file_name filepath file_path image image_path image_name "
    "image_file img img_path img_name photo photo_path",
    "age": "age ages age_years",
    "label": "label labels class target",
    "identity": "identity identity_id person person_id subject subject_id",
    "gender": "gender sex",
    "split": "split set subset partition",
}
MEANINGS = {name: column for column, names in COLUMNS.items() for name in names.split()}
BREAKS = re.compile(rb"\r\n|\r|\n")
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # what .xlsx and .xls begin with


class Line(NamedTuple):
    """A line below the header."""

    number: int  # from 1
    cells: dict[str, str] | str  # by column of `COLUMNS`; a sentence where the line is malformed


class Table(NamedTuple):
    """What a file holds: the lines that are not blank, and how they had to be read."""

    lines: list[Line]  # those below the header
    unused: list[str]  # the names of columns that mean nothing to us
    foreign: int  # the number of lines that are not UTF-8, and were read as Windows-1252


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
        raise UserError(f"{source} holds no CSV table, or more than one: name the file")
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


def read_lines(path: Path) -> Table:
    """Read a table of any of the delimiters ``, ; tab |``, with a header.

    Raises:
        UserError: it cannot be read, is a spreadsheet's workbook, or lacks a column, or has two
            that could be the same.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    if data.startswith(WORKBOOKS):
        raise UserError(f"{path} is a spreadsheet's workbook: save it as CSV in UTF-8")
    texts, foreign = decode(data)
    numbered = [(number, text) for number, text in enumerate(texts, 1) if text.strip()]
    delimiters = DELIMITERS
    if numbered and (given := re.fullmatch(r'"?sep=(.)"?', numbered[0][1])):  # Excel's own line
        delimiters = given[1]
        del numbered[0]
    delimiter, names = header(numbered[0][1] if numbered else "", delimiters)
    columns = meanings(path, names)
    lines = list(parse_lines(numbered[1:], delimiter, columns))
    unused = [name for name, column in zip(names, columns, strict=True) if name and not column]
    return Table(lines, unused, foreign)


def decode(data: bytes) -> tuple[list[str], int]:
    """Return the lines of UTF-8 or UTF-16, and how many had to be read as Windows-1252."""
    for bom, encoding, zero in (
        (codecs.BOM_UTF16_LE, "utf-16-le", data[1:2]),
        (codecs.BOM_UTF16_BE, "utf-16-be", data[:1]),
    ):
        if data.startswith(bom) or zero == b"\0":  # every second byte, in a text of the West
            data = data.removeprefix(bom).decode(encoding, "replace").encode()
    texts, foreign = [], 0
    for line in BREAKS.split(data.removeprefix(codecs.BOM_UTF8)):
        try:
            texts.append(line.decode())
        except UnicodeDecodeError:
            texts.append(line.decode("cp1252", "surrogateescape"))
            foreign += 1
    return texts, foreign


def split_cells(text: str, delimiter: str) -> list[str] | None:
    """Split a line into stripped cells; None where a quotation mark, or a cell's size, forbids."""
    lines = [text + "\n", "next"]
    try:
        rows = list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True))
    except csv.Error:
        return None
    return [cell.strip() for cell in rows[0]] if len(rows) == 2 else None


def header(text: str, delimiters: str) -> tuple[str, list[str]]:
    """Return the delimiter that makes most columns known (else most columns), and their names."""
    options = [(d, split_cells(text, d) or text.replace('"', "").split(d)) for d in delimiters]
    return max(options, key=lambda it: (sum(map(bool, map(meaning, it[1]))), len(it[1])))


def meaning(name: str) -> str:
    """Return the column of `COLUMNS` that a table's column is, or ""."""
    return MEANINGS.get(re.sub(r"\W+", "_", name.casefold()).strip("_"), "")


def meanings(path: Path, names: list[str]) -> list[str]:
    """Return what each column means; refuse what is missing or twice there."""
    columns = [meaning(name) for name in names]
    if "path" not in columns or not {"age", "label"} & set(columns):
        there = ", ".join(f"“{name[:30]}”" for name in names[:12] if name)
        raise UserError(
            f"{path} needs the columns path and age (or label) in its first line; "
            f"it has {there or 'none'}"
        )
    for column in COLUMNS:
        called = [name for name, means in zip(names, columns, strict=True) if means == column]
        if len(called) > 1:
            both = " and ".join(f"“{name}”" for name in called)
            raise UserError(f"{path}: the columns {both} could each be the {column}: rename one")
    return columns


def parse_lines(
    numbered: list[tuple[int, str]], delimiter: str, columns: list[str]
) -> Iterator[Line]:
    """Yield the lines that are not empty cells throughout; cells that are missing are empty."""
    for number, text in numbered:
        cells = split_cells(text, delimiter)
        if cells is None:
            quoted = "a quotation mark is out of place, or not closed in the same line"
            yield Line(number, quoted if '"' in text else "a cell is too long")
        elif any(cells[len(columns) :]):
            yield Line(number, f"{len(cells)} cells, but {len(columns)} columns in the header")
        elif any(cells):
            cells += [""] * (len(columns) - len(cells))
            yield Line(number, {c: cell for c, cell in zip(columns, cells, strict=False) if c})
