"""Galleries of faces whose pixels a chapter of the analysis has kept beside its figures."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from agegen.faces.records import CLASS_NAMES
from agegen.report.parts.examples import Gallery, as_jpeg
from agegen.run.errors import UserError


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
    name: str,
    faces: list[dict],
    pixels: dict[int, np.ndarray],
    more: Callable[[dict], str] = lambda _: "",
) -> Gallery:
    """Show faces with p(old) and the true age.

    Args:
        name: of the gallery.
        faces: with `index`, `label`, `age`, `p_old`, as the analysis saves them.
        pixels: of `read_faces`.
        more: what else stands below a face.
    """
    return Gallery(name, [show_face(face, pixels[face["index"]], more(face)) for face in faces])


def show_face(face: dict, pixels: np.ndarray, more: str) -> tuple[str, str, str]:
    """One face: data URI, what it is in words, caption."""
    years = "age unknown" if face["age"] is None else f"age {face['age']}"
    facts = [f"p(old) {face['p_old']:.3f}", years, *([more] if more else [])]
    what = f"{CLASS_NAMES[face['label']]} face {face['index']} of the store, {', '.join(facts)}"
    return as_jpeg(pixels), what, "\n".join(facts)
