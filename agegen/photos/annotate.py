"""Photos with the faces found in them marked: outline, number, and what was said of them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

LONGEST_SIDE = 1600  # of an annotated picture, pixels
LIGHT = (255, 255, 255)
Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""


class Mark(NamedTuple):
    """A face to be marked: its corners (4, 2) in the photo's pixels, a label, a colour."""

    outline: np.ndarray
    label: str
    colour: str


def annotate(photo: np.ndarray, marks: Sequence[Mark]) -> Image.Image:
    """Draw outlines and labels onto a photo, uint8 (h, w, 3), shrunk to at most `LONGEST_SIDE`.

    Later marks lie on top, and their labels are placed first.
    """
    picture = Image.fromarray(photo)
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    scale = picture.width / photo.shape[1]
    draw = ImageDraw.Draw(picture)
    letters = max(picture.size) // 55 + 6
    font = ImageFont.load_default(letters)
    for mark in marks:
        corners = [tuple(corner) for corner in mark.outline[[0, 1, 2, 3, 0, 1]] * scale]
        draw.line(corners, fill=LIGHT, width=letters // 4 + 2, joint="curve")
        draw.line(corners, fill=mark.colour, width=letters // 6 + 1, joint="curve")
    taken: list[Box] = []
    for mark in marks[::-1]:
        left, top, right, bottom = draw.textbbox((0, 0), mark.label, font=font)
        width, height = right - left + 8, bottom - top + 8
        box = place_label(mark.outline * scale, width, height, picture.size, taken)
        draw.rectangle(box, fill=mark.colour)
        draw.text((box[0] + 4 - left, box[1] + 4 - top), mark.label, font=font, fill=LIGHT)
        taken.append(box)
    return picture


def place_label(
    outline: np.ndarray, width: float, height: float, size: tuple[int, int], taken: Sequence[Box]
) -> Box:
    """Find a free place: below the outline, above it, in it; below it where none is free."""
    (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
    places = []
    for y in (bottom + 2, top - height - 2, bottom - height, top):
        for x in (left, right - width):
            x0 = float(np.clip(x, 0, max(size[0] - width, 0)))
            y0 = float(np.clip(y, 0, max(size[1] - height, 0)))
            places.append((x0, y0, x0 + width, y0 + height))
    free = (place for place in places if not any(overlap(place, other) for other in taken))
    return next(free, places[0])


def overlap(a: Box, b: Box) -> bool:
    """True if two boxes have an inner point in common."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
