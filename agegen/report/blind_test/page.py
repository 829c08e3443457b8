"""The page of a blind test: two faces at a time, one touch or key each, answers as a file."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from agegen.faces.pixels import as_url
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
        # as PNGs: what compression leaves would be a hint
        shown = [as_url(Image.fromarray(picture)) for picture in pictures]
        asked.append({"kind": kind, "text": text, "choices": choices, "pictures": shown})
    return render("blind_test/page.html", name=name, questions=asked)
