"""The section "Examples": galleries of faces, sorted by how sure the classifier is of them."""

import base64
from io import BytesIO
from typing import NamedTuple

import numpy as np
from PIL import Image

from agegen import metrics
from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import UNKNOWN_AGE
from agegen.report.parts.saved_run import Scored

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
    years = "age unknown" if age == UNKNOWN_AGE else f"age {age}"
    p = f"p(old) {scored.p[row]:.3f}"
    what = f"{CLASS_NAMES[scored.y[row]]} face {number} of the store, {years}, {p}"
    return as_jpeg(np.asarray(scored.store.images[number])), what, f"{p}\n{years}"


def as_jpeg(pixels: np.ndarray) -> str:
    """Turn pixels uint8 (h, w, 3) into a data URI; large faces are scaled down."""
    image = Image.fromarray(pixels)
    image.thumbnail((EXAMPLE_PIXELS, EXAMPLE_PIXELS))
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=92, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
