"""What became of each photo, written down as soon as it is known: the same command goes on.

The file ``journal.jsonl`` in the folder of the results: in its first line the request, which is all
that decides them, and the settings as they were given; then a line a photo. Whenever a process is
killed, whole lines remain.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from agegen.run.errors import UserError
from agegen.run.files import explained_write_errors, write_text

JOURNAL = "journal.jsonl"


class PhotoResult(NamedTuple):
    """What became of one photo; all of it plain JSON."""

    line: str  # what is said of it
    rows: list[list]  # its rows of the table, a cell each value
    files: list[str]  # its pictures, relative to the folder of the results
    content: dict[str, Any]  # what else is kept of it


class Entry(NamedTuple):
    """A line of the journal."""

    path: str  # of the photo, absolute
    stamp: list[int]  # its size in bytes, time of its last change in ns; empty for what is no photo
    number: int  # which its pictures' names begin with; 0 for what is no photo
    result: PhotoResult  # what became of it


class Journal:
    """The photos worked through in a folder, by path, in the order in which they came first.

    The request is all that decides the results beside the photos, in plain JSON; `settings` is what
    the user knows of it, by flag; `table` is the name of the table that is made of them.

    Raises:
        UserError: the folder has results of another request, or may not be written.
    """

    def __init__(self, out: Path, request: dict, settings: dict[str, str], table: str) -> None:
        self.out, self.path = out, out / JOURNAL
        request = json.loads(json.dumps(request))
        if not self.path.exists():
            if (out / table).exists():
                raise UserError(f"{out} holds {table} without {JOURNAL}: choose another --out")
            write_text(self.path, json.dumps(request | {"settings": settings}) + "\n")
        first, *lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines() or [""]
        require_same(out, first, request, settings)
        for unfinished in out.rglob(".*.[0-9]*.tmp"):  # by a kill; see `written_whole`
            unfinished.unlink(missing_ok=True)
        self.entries = {
            entry.path: entry
            for entry in map(parse_entry, lines)
            if entry and all((out / name).exists() for name in entry.result.files)
        }
        write_text(self.path, "\n".join([first, *map(json.dumps, self.entries.values()), ""]))

    def done(self, path: Path) -> Entry | None:
        """What is known of a photo; None if it has not been worked on as it is now."""
        entry = self.entries.get(str(path.absolute()))
        return entry if entry and entry.number and entry.stamp == stamp_of(path) else None

    def number_for(self, path: Path) -> int:
        """The number of a photo: the one that it had, or the next."""
        had = self.entries.get(str(path.absolute()))
        numbers = [entry.number for entry in self.entries.values()]
        return (had.number if had else 0) or max(numbers, default=0) + 1

    def add(self, entry: Entry) -> None:
        """Write an entry down in the place of an earlier one, whose other pictures are removed.

        What is no photo any more takes the place of none.
        """
        before = self.entries.get(entry.path)
        if entry == before or (before and before.number and not entry.number):
            return
        with explained_write_errors(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        self.entries[entry.path] = entry
        for name in before.result.files if before else []:
            if name not in entry.result.files:
                (self.out / name).unlink(missing_ok=True)

    def results(self) -> list[PhotoResult]:
        """All results; first those of what is no photo."""
        return [e.result for e in sorted(self.entries.values(), key=lambda entry: entry.number)]


def stamp_of(path: Path) -> list[int]:
    """What tells a file from a later one of its name: its size and the time of its last change."""
    try:
        status = path.stat()
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]


def parse_entry(line: str) -> Entry | None:
    """Read an entry; None for a line that is cut short."""
    try:
        path, stamp, number, result = json.loads(line)
        return Entry(path, stamp, number, PhotoResult(*result))
    except (TypeError, ValueError):
        return None


def require_same(out: Path, line: str, wanted: dict, settings: dict[str, str]) -> None:
    """Refuse to mix results of different requests, of which the journal's first line has one."""
    found = None
    with suppress(json.JSONDecodeError):
        found = json.loads(line)
    if not isinstance(found, dict) or not isinstance(then := found.pop("settings", {}), dict):
        raise UserError(f"{out / JOURNAL} is damaged: choose another --out")
    if all(found.get(name) == wanted.get(name) for name in found.keys() | wanted.keys()):
        return
    differs = [
        f"{flag} ({then[flag]} then, {now} now)"
        for flag, now in settings.items()
        if then.get(flag, now) != now
    ]
    other = ", ".join(differs) or "network, or other settings"
    remedy = "repeat it as it was, or choose another --out"
    raise UserError(f"{out} holds results with another {other}: {remedy}")
