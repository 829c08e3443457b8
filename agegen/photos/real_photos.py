"""Photos with faces that someone has marked by hand: how many are found, what else is found.

The marks are a table, ``marks.csv``, beside the photos: ``photo`` (file name), ``x``, ``y`` (centre
of the face) and ``width`` in pixels of the upright photo, ``view`` (a word by which the figures are
grouped, such as front or side), ``age`` in years where it is known. A photo without a face has one
row with nothing but its name.
"""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from agegen.faces.records import CLASS_NAMES, AgeRanges
from agegen.photos.classify import PhotoClassifier, Verdict
from agegen.run.errors import UserError
from agegen.run.progress import Progress

MARKS = "marks.csv"
COLUMNS = ("photo", "x", "y", "width", "view", "age")
NEAR = 0.6  # widths of the face between its mark and the find, at most


class RealFace(NamedTuple):
    """A row of the table, lengths in pixels, and what became of the face."""

    photo: str
    x: float
    y: float
    width: float
    view: str
    age: int | None  # None where unknown
    label: int | None = None  # 0 young, 1 old, None where the age is unknown or in neither class
    found: int = 0  # 1 or 0
    p_old: float = np.nan  # calibrated probability; not-a-number where it was not found
    unlikeness: float = np.nan  # above 1 is unfamiliar


class FalseFind(NamedTuple):
    """A find where no face is marked: its photo, its centre in pixels, how unfamiliar it is."""

    photo: str
    x: float
    y: float
    unlikeness: float


class RealPhotos(NamedTuple):
    """Every marked face, every find that is none, and the number of photos with and without."""

    faces: list[RealFace]
    false_finds: list[FalseFind]
    photos: int
    without: int


def measure_real_photos(photo_classifier: PhotoClassifier, folder: Path) -> RealPhotos:
    """Classify the photos of a folder and compare the finds with its marks.

    Raises:
        UserError: the table is missing or damaged, or one of its photos is.
    """
    marked = read_marks(folder / MARKS)
    young, old = (photo_classifier.ages[name] for name in CLASS_NAMES)
    ranges = AgeRanges((young[0], young[1]), (old[0], old[1]))
    faces: list[RealFace] = []
    false_finds: list[FalseFind] = []
    with Progress(len(marked), "classifying real photos", "photos") as progress:
        for name, marks in marked.items():
            result, _ = photo_classifier.classify_file(folder / name)
            if not result.width:
                raise UserError(f"{folder / name}: {result.problem}")
            places = [(mark.x, mark.y, mark.width) for mark in marks]
            found, extra = pair_up(places, result.verdicts, NEAR)
            for mark, verdict in zip(marks, found, strict=True):
                label = None if mark.age is None else ranges.label(mark.age)
                face = mark._replace(label=label)
                if verdict:
                    p_old, unlikeness = verdict.p_old, verdict.unlikeness
                    face = face._replace(found=1, p_old=p_old, unlikeness=unlikeness)
                faces.append(face)
            for find in extra:
                x, y = find.face.find.centre
                false_finds.append(FalseFind(name, x, y, find.unlikeness))
            progress.update()
    without = sum(1 for marks in marked.values() if not marks)
    return RealPhotos(faces, false_finds, len(marked), without)


def read_marks(path: Path) -> dict[str, list[RealFace]]:
    """Read the table: the marked faces of every photo, in its order.

    Raises:
        UserError: it is missing, or a row is not as described above; it says which.
    """
    if not path.exists():
        raise UserError(f"{path} does not exist: a table of {', '.join(COLUMNS)}")
    marked: dict[str, list[RealFace]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        try:
            for row in rows:
                faces = marked.setdefault(row["photo"], [])
                if row["x"]:
                    x, y, width = (float(row[name]) for name in ("x", "y", "width"))
                    age = int(row["age"]) if row["age"] else None
                    faces.append(RealFace(row["photo"], x, y, width, row["view"], age))
        except (KeyError, TypeError, ValueError, csv.Error):
            expected = ", ".join(COLUMNS)
            raise UserError(f"{path}, line {rows.line_num}: not a row of {expected}") from None
    return marked


def pair_up(
    places: Sequence[tuple[float, float, float]], verdicts: list[Verdict], near: float
) -> tuple[list[Verdict | None], list[Verdict]]:
    """Give each face the nearest find, the nearest pairs first; and the finds that are left.

    `places` are x and y of the centres, and widths; `near` is in widths, between face and find.
    """
    pairs = sorted(
        (np.hypot(*(v.face.find.centre - (x, y))) / width, i, j)
        for i, (x, y, width) in enumerate(places)
        for j, v in enumerate(verdicts)
    )
    found: dict[int, int] = {}
    for distance, i, j in pairs:
        if distance < near and i not in found and j not in found.values():
            found[i] = j
    rest = [v for j, v in enumerate(verdicts) if j not in found.values()]
    return [verdicts[found[i]] if i in found else None for i in range(len(places))], rest
