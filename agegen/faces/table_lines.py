"""The text of a table, in whatever encoding and with whatever delimiter → lines of cells.

Every line is read by itself, so that a stray quotation mark costs its own line and no other.
"""

import codecs
import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from agegen.run.errors import UserError

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


def read_lines(path: Path) -> Table:
    """Read a table of any of the delimiters ``, ; tab |``, with a header.

    Raises:
        UserError: it cannot be read, is a spreadsheet's workbook, or lacks a column, or has two
            that could be the same.
    """
    texts, foreign = decode(read_bytes(path))
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


def read_bytes(path: Path) -> bytes:
    """Read the file, or say why it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    if data.startswith(WORKBOOKS):
        raise UserError(f"{path} is a spreadsheet's workbook: save it as CSV in UTF-8")
    return data


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
