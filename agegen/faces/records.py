"""What the package says of a face photo: its class, age, identity, gender and split."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from agegen.run.errors import UserError

YOUNG, OLD = 0, 1
OTHER = 2
"""The label of a face in neither class, which is kept for its age alone."""
UNLABELLED = -1
"""The label of a face whose age has still to decide its class (see `agegen.faces.repeats`)."""
CLASS_NAMES = ("young", "old")
OLDEST_KEPT = 100
"""Years; beyond, ages of data sets are mostly wrong."""
DIRECTIONS = (("young", "old"), ("old", "young"))
"""Source and aim of both translations."""


def age_sign(to: str) -> int:
    """The direction in which scores of age move towards a class: 1 for old, −1 for young."""
    return 1 if to == CLASS_NAMES[OLD] else -1


def source_of(to: str) -> str:
    """The class whose faces are translated to a class."""
    return next(source for source, aim in DIRECTIONS if aim == to)


SourceKind = Literal["folders", "cacd", "utkface", "imdb-wiki", "fgnet", "table"]


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
    """A file, or a table's row, that does not become a face, with the reason in words."""

    path: Path
    reason: str


class Beside(NamedTuple):
    """A file of the source that is no photo but metadata, such as a table."""

    path: Path


class Note(NamedTuple):
    """What the user should know of how a source was read, as a sentence without its full stop."""

    text: str


Item = Face | Rejected | Beside | Note
"""What reading a source yields."""


@dataclass(frozen=True)
class AgeRanges:
    """The two classes as closed intervals of whole years."""

    young: tuple[int, int] = (20, 26)
    old: tuple[int, int] = (52, 62)
    others: bool = False
    """Keep the other ages, too, up to `OLDEST_KEPT`, in neither class."""

    def __post_init__(self) -> None:
        for name, (low, high) in (("young", self.young), ("old", self.old)):
            if not 0 <= low <= high:
                raise UserError(f"--{name} {low} {high} is not a range of ages: low comes first")
        if self.young[1] >= self.old[0]:
            raise UserError(
                f"the classes overlap: young ends at {self.young[1]}, old begins at {self.old[0]}"
            )

    def label(self, age: int) -> int | None:
        """Return the class of an age, or None if it is in neither (or `OTHER`, if those stay)."""
        if self.young[0] <= age <= self.young[1]:
            return YOUNG
        if self.old[0] <= age <= self.old[1]:
            return OLD
        return OTHER if self.others and age <= OLDEST_KEPT else None

    def outside(self, age: int) -> str:
        """Say why an age is in neither class."""
        young, old = (f"{low}–{high}" for low, high in (self.young, self.old))
        return f"age {age} is in neither class (young {young}, old {old})"
