"""Galleries of faces: of a store, or those whose pixels a chapter of the analysis has kept."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from agegen import metrics
from agegen.faces.pixels import as_url
from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import UNKNOWN_AGE
from agegen.report.parts.saved_run import Scored
from agegen.run.errors import UserError

MOST_EXAMPLES = 12
EXAMPLE_PIXELS = 128  # larger faces are scaled down to this, so that the page stays small


class Gallery(NamedTuple):
    """Example faces: (data URI, what it is, caption)."""

    name: str
    faces: list[tuple[str, str, str]]


def make_galleries(scored: Scored, most: int) -> list[Gallery]:
    """The most confident right and wrong, and the least certain faces of each class."""
    margin = metrics.margin(scored.y, scored.p)
    right = (scored.p > 0.5) == scored.y
    kinds = {
        "most confident of {:,} right": (-margin, right),
        "most confident of {:,} wrong": (margin, ~right),
        "least certain of all {:,}": (np.abs(margin), np.ones_like(right)),
    }
    galleries = []
    for kind, (key, wanted) in kinds.items():
        order = np.argsort(key, kind="stable")
        for label, name in enumerate(CLASS_NAMES):
            rows = order[(wanted & (scored.y == label))[order]]
            title = f"{name}: {min(most, len(rows))} {kind.format(len(rows))}"
            galleries.append(Gallery(title, [show_face(scored, row) for row in rows[:most]]))
    return galleries


def show_face(scored: Scored, row: int) -> tuple[str, str, str]:
    """One face: data URI, what it is in words, caption."""
    number = int(scored.indices[row])
    age = scored.store.ages[number]
    years, p = in_years(None if age == UNKNOWN_AGE else age), f"p(old) {scored.p[row]:.3f}"
    what = f"{CLASS_NAMES[scored.y[row]]} face {number} of the store, {years}, {p}"
    return embed_face(np.asarray(scored.store.images[number])), what, f"{p}\n{years}"


def embed_face(pixels: np.ndarray) -> str:
    """Turn pixels uint8 (h, w, 3) into a data URI; large faces are scaled down."""
    return as_jpeg(Image.fromarray(pixels), EXAMPLE_PIXELS, quality=92, subsampling=0)


def as_jpeg(image: Image.Image, side: int, **options: int) -> str:
    """Turn a picture, which is shrunk to that side, into a data URI; options are the format's."""
    image.thumbnail((side, side))
    return as_url(image, "jpeg", **options)


def in_years(age: int | None) -> str:
    """Age 24."""
    return "age unknown" if age is None else f"age {age}"


def read_faces(path: Path) -> dict[int, np.ndarray]:
    """Read number in the store → pixels uint8 (h, w, 3).

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(zip(file["indices"].tolist(), file["images"], strict=True))
    except (OSError, KeyError, ValueError):
        raise UserError(
            f"{path} is missing or damaged: make it with recipes/analyze_classifier.py --again"
        ) from None


def make_gallery(
    name: str, faces: list[dict], pixels: dict[int, np.ndarray], more: Callable[[dict], str]
) -> Gallery:
    """Show faces of a chapter by their pixels (`read_faces`) with p(old), true age and `more`."""
    shown = []
    for face in faces:
        facts = [f"p(old) {face['p_old']:.3f}", in_years(face["age"]), more(face)]
        what = f"{CLASS_NAMES[face['label']]} face {face['index']} of the store, {', '.join(facts)}"
        shown.append((embed_face(pixels[face["index"]]), what, "\n".join(facts)))
    return Gallery(name, shown)
