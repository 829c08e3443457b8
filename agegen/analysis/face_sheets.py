"""Faces by their words and pixels, and contact sheets of them, in a file or in a notebook."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import UNKNOWN_AGE, FaceStore
from agegen.run.files import written_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS_PER_INCH = 130
JPEG, JPEG_DOTS_PER_INCH = {"quality": 80, "optimize": True}, 105  # in notebooks


class Tile(NamedTuple):
    """A picture, uint8 (h, w, 3), what stands under it, and the colour of its frame ("" none)."""

    image: np.ndarray
    caption: str
    frame: str = ""


@dataclass(frozen=True)
class Sheet:
    """Rows of tiles from left to right, shorter ones end earlier.

    At the end of a notebook's cell it shows itself, as a JPEG: a tenth of a PNG's size.
    """

    rows: Sequence[Sequence[Tile]]
    heads: Sequence[str] = ()  # above the columns
    names: Sequence[str] = ()  # beside the rows
    side: float = 1.15  # of a picture's place, in inches
    below: float = 0.3  # height of the captions below a row, as a share of it

    def _repr_mimebundle_(self, **_: object) -> tuple[dict, dict]:
        """What a notebook shows: the picture, and its captions for those who cannot see it."""
        buffer = BytesIO()
        draw_sheet(self).savefig(buffer, format="jpeg", dpi=JPEG_DOTS_PER_INCH, pil_kwargs=JPEG)
        captions = [tile.caption for row in self.rows for tile in row if tile.caption]
        alt = "; ".join((*self.heads, *captions)).replace("\n", " ")
        return (
            {"image/jpeg": base64.b64encode(buffer.getvalue()).decode(), "text/plain": alt},
            {"image/jpeg": {"alt": alt}},
        )


def draw_sheet(sheet: Sheet) -> Figure:
    """Lay a sheet out; matplotlib is imported only here."""
    from matplotlib.figure import Figure

    rows = sheet.rows
    columns = max(map(len, rows))
    heights = [1 + sheet.below * any(tile.caption for tile in row) for row in rows]
    size = (sheet.side * columns, sheet.side * sum(heights))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False, height_ratios=heights)
    for axes, row in zip(grid, rows, strict=True):
        for place, tile in zip(axes, row, strict=False):
            place.imshow(tile.image)
            place.set_xlabel(tile.caption, fontsize=7, labelpad=2)
        for place in axes:
            place.set(xticks=[], yticks=[])
            place.spines[:].set_visible(False)
        for place, tile in zip(axes, row, strict=False):
            if tile.frame:
                place.spines[:].set(visible=True, color=tile.frame, linewidth=2)
    for place, head in zip(grid[0], sheet.heads, strict=False):
        place.set_title(head, fontsize=8)
    for place, name in zip(grid[:, 0], sheet.names, strict=False):
        place.set_ylabel(name, fontsize=8)
    return figure


def save_sheet(path: Path, sheet: Sheet, dots_per_inch: int = DOTS_PER_INCH) -> None:
    """Write a sheet as a PNG."""
    with written_whole(path) as temporary:
        draw_sheet(sheet).savefig(temporary, format="png", dpi=dots_per_inch)


def describe_face(store: FaceStore, index: int, p: float) -> dict:
    """One face in plain JSON with its p(old); an unknown age is null, an unknown gender ""."""
    age = int(store.ages[index])
    return {
        "index": int(index),
        "label": int(store.labels[index]),
        "age": None if age == UNKNOWN_AGE else age,
        "gender": str(store.genders[index]),
        "split": str(store.splits[index]),
        "p_old": float(p),
    }


def name_face(store: FaceStore, index: int) -> str:
    """young, age 24."""
    age = "" if store.ages[index] == UNKNOWN_AGE else f", age {store.ages[index]}"
    return f"{CLASS_NAMES[store.labels[index]]}{age}"


def name_answer(store: FaceStore, index: int, p: float) -> str:
    """wrong: young, age 24 / p(old) 0.912."""
    kind = "right" if (p > 0.5) == store.labels[index] else "wrong"
    return f"{kind}: {name_face(store, index)}\np(old) {p:.3f}"


def save_faces(path: Path, store: FaceStore, indices: list[int]) -> None:
    """Save the pixels of some faces: `indices` int64 (k,) and `images` uint8 (k, h, w, 3)."""
    kept = np.unique(np.array(indices, dtype=np.int64))
    with written_whole(path) as temporary, temporary.open("wb") as file:
        np.savez(file, indices=kept, images=store.images[kept])
