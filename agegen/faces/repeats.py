"""What a source says of a photo, settled: each photo once, and a class for each age.

A photo that is listed twice with different data is left out altogether, as nothing tells which of
them is true. One that differs in its split alone stays in the test split (else in validation), as
near-duplicates do.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from stat import S_ISLNK
from typing import NamedTuple

from agegen.faces.records import UNLABELLED, AgeRanges, Face, Item, Rejected

SPLIT_RANKS = {"test": 2, "val": 1}


class Found(NamedTuple):
    """A face as it was found: in a line of a table ("line 7 of faces.csv"), or by itself."""

    face: Face
    line: str = ""

    @property
    def name(self) -> str:
        """Where it was found."""
        return self.line or str(self.face.path)

    def rejected(self, reason: str) -> Rejected:
        """Leave it out."""
        return Rejected(self.face.path, f"{self.line}: {reason}" if self.line else reason)


def settle(items: Iterable[Item | Found], ranges: AgeRanges) -> Iterator[Item]:
    """Yield each photo once, in a class; reject repeats, contradictions and other ages.

    What is no face is passed on.
    """
    same: dict[tuple[str | int, str | int], list[Found]] = {}
    real_folder = lru_cache(os.path.realpath)
    for read in items:
        if isinstance(read, Face | Found):
            found = Found(read) if isinstance(read, Face) else read
            same.setdefault(file_key(found.face.path, real_folder), []).append(found)
        else:
            yield read
    for group in same.values():
        if len(group) > 1 and (differing := differences(group, ranges)):
            yield from contradicting(group, differing)
            continue
        kept = max(group, key=lambda item: SPLIT_RANKS.get(item.face.split, 0))
        label = class_of(kept.face, ranges)
        if label is None:
            assert kept.face.age is not None
            yield kept.rejected(ranges.outside(kept.face.age))
        else:
            yield kept.face._replace(label=label)
        for item in group:
            if item is not kept:
                yield item.rejected(f"a repeat of {kept.name}")


def file_key(path: Path, real_folder: Callable[[Path], str]) -> tuple[str | int, str | int]:
    """Return the same for all names of a file: links, hard links, and ways round."""
    try:
        status = path.lstat()
    except (OSError, ValueError):  # gone meanwhile: decoding says so
        return str(path), ""
    if S_ISLNK(status.st_mode):
        return file_key(Path(os.path.realpath(path)), real_folder)
    # numbers of files are not to be trusted on every network drive: taken for hard links alone
    if status.st_nlink > 1:
        return status.st_dev, status.st_ino
    return real_folder(path.parent), path.name


def differences(items: list[Found], ranges: AgeRanges) -> list[str]:
    """Name the data, but for the split, in which the same photo's differ where they are known."""
    values: dict[str, set] = {"class": {class_of(item.face, ranges) for item in items}}
    for name in ("age", "identity", "gender"):
        values[name] = {getattr(item.face, name) for item in items} - {None, ""}
    return [name for name, known in values.items() if len(known) > 1]


def contradicting(items: list[Found], differing: list[str]) -> Iterator[Rejected]:
    """Reject all; each names (up to three of) the others."""
    for item in items:
        others = [other.name for other in items if other is not item]
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        yield item.rejected(
            f"the same photo as {', '.join(others[:3])}{more}, with another "
            f"{' and '.join(differing)}: nothing tells which is true"
        )


def class_of(face: Face, ranges: AgeRanges) -> int | None:
    """Return a face's label, else that of its age, or None if it is in neither class."""
    if face.label != UNLABELLED:
        return face.label
    assert face.age is not None
    return ranges.label(face.age)
