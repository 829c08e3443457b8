"""The page of a blind test: two faces at a time, one touch or key each, answers as a file."""

import base64
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from PIL import Image

from agegen.report.parts.templates import render

WORDS = {
    "photograph": ("Which one is the photograph?", "left", "right"),
    "older": ("Who looks older?", "left", "right"),
    "same": ("Is this the same person?", "yes", "no"),
}


def make_page(name: str, questions: Sequence[tuple[str, tuple[np.ndarray, np.ndarray]]]) -> str:
    """Make the page of a test.

    Args:
        name: of the test, which the answers carry.
        questions: kind, "photograph", "older" or "same", and the left and the right picture, uint8
            (h, w, 3).

    Returns:
        HTML that refers to nothing outside itself, and does not hold the right answers.
    """
    asked = []
    for kind, pictures in questions:
        text, *choices = WORDS[kind]
        asked.append({"kind": kind, "text": text, "choices": choices,
                      "pictures": [embed(picture) for picture in pictures]})  # fmt: skip
    return render("blind_test/page.html", name=name, questions=asked)


def embed(picture: np.ndarray) -> str:
    """A data URI without loss: what compression leaves is no hint."""
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, format="png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
