"""Photos with the faces found in them marked: outline, number, and what was said of them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

LONGEST_SIDE = 1600  # of an annotated picture, pixels
LIGHT = (255, 255, 255)


class Mark(NamedTuple):
    """A face to be marked: its corners (4, 2) in the photo's pixels, a label, a colour."""

    outline: np.ndarray
    label: str
    colour: str


def annotate(photo: np.ndarray, marks: Sequence[Mark]) -> Image.Image:
    """Draw outlines and labels onto a photo, shrunk to at most `LONGEST_SIDE`.

    Args:
        photo: uint8 (h, w, 3), RGB.
        marks: the later ones lie on top.
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
    for mark in marks:
        write_label(draw, mark, scale, font, picture.size)
    return picture


def write_label(
    draw: ImageDraw.ImageDraw,
    mark: Mark,
    scale: float,
    font: ImageFont.FreeTypeFont,
    size: tuple[int, int],
) -> None:
    """Write a label under the outline, moved to where it is inside the picture."""
    left, top, right, bottom = draw.textbbox((0, 0), mark.label, font=font)
    width, height, edge = right - left + 8, bottom - top + 8, mark.outline * scale
    x = min(max(edge[:, 0].min(), 0), max(size[0] - width, 0))
    y = min(max(edge[:, 1].max() + 2, 0), max(size[1] - height, 0))
    draw.rectangle((x, y, x + width, y + height), fill=mark.colour)
    draw.text((x + 4 - left, y + 4 - top), mark.label, font=font, fill=LIGHT)
