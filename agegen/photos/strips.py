"""A strip for each translated photo: before and after side by side, its faces enlarged beneath."""

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from agegen.faces.alignment import Similarity, sample_face, similarity
from agegen.photos.crop import CroppedFace

MARGIN = 16  # pixels between pictures
WIDTH, HEIGHT = 720, 720  # the most that a photo takes
TILE = 172  # side of an enlarged face: four pairs are as wide as two photos
MOST_FACES = 24
LETTERS = 16


def make_strip(
    source: np.ndarray, translated: np.ndarray, faces: list[CroppedFace] | None, to: str
) -> Image.Image:
    """Draw a strip.

    Args:
        source: uint8 (h, w, 3).
        translated: of the same size.
        faces: where they are, the largest first; None for the whole picture.
        to: the age that they were translated to.
    """
    photos = [thumbnail(picture) for picture in (source, translated)]
    width = max(2 * photos[0].width + 3 * MARGIN, pair_width() + MARGIN)
    columns = (width - MARGIN) // pair_width()
    shown = faces[:MOST_FACES] if faces else []
    below = 2 * MARGIN + LETTERS + photos[0].height + MARGIN
    strip = Image.new("RGB", (width, below + -(-len(shown) // columns) * row_height()), "white")
    draw_photos(strip, photos, to)
    for number, pair in enumerate(pairs(source, translated, shown)):
        left = MARGIN + number % columns * pair_width()
        draw_pair(strip, pair, f"face {number + 1}", left, below + number // columns * row_height())
    return strip


def draw_photos(strip: Image.Image, photos: list[Image.Image], to: str) -> None:
    """Put both photos side by side, their captions above."""
    draw, font = ImageDraw.Draw(strip), ImageFont.load_default(LETTERS)
    lefts = (MARGIN, 2 * MARGIN + photos[0].width)
    for photo, caption, left in zip(photos, ("photo", f"to {to}"), lefts, strict=True):
        draw.text((left, MARGIN // 2), caption, fill="black", font=font)
        strip.paste(photo, (left, 2 * MARGIN + LETTERS))


def draw_pair(
    strip: Image.Image, pair: list[Image.Image], caption: str, left: int, top: int
) -> None:
    """Put a face before and after side by side, with a caption above."""
    font = ImageFont.load_default(LETTERS)
    ImageDraw.Draw(strip).text((left, top), caption, fill="black", font=font)
    for picture, x in zip(pair, (left, left + TILE + 2), strict=True):
        strip.paste(picture, (x, top + LETTERS + 6))


def pair_width() -> int:
    """Two tiles and the space after them."""
    return 2 * TILE + 2 + MARGIN


def row_height() -> int:
    """A tile with its caption and the space after it."""
    return TILE + LETTERS + 6 + MARGIN


def thumbnail(picture: np.ndarray) -> Image.Image:
    """The picture made to fit the strip; a small one is enlarged, at most fourfold."""
    height, width = picture.shape[:2]
    scale = min(WIDTH / width, HEIGHT / height, 4)
    size = (max(round(scale * width), 1), max(round(scale * height), 1))
    return Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS, reducing_gap=3)


def pairs(
    source: np.ndarray, translated: np.ndarray, faces: list[CroppedFace]
) -> Iterator[list[Image.Image]]:
    """Each face before and after, as large as a tile and as upright as the network saw it."""
    for face in faces:
        to_tile = face.to_face.then(enlargement(face))
        yield [Image.fromarray(sample_face(photo, to_tile, TILE)) for photo in (source, translated)]


def enlargement(face: CroppedFace) -> Similarity:
    """From the face's pixels to the tile's."""
    return similarity(TILE / len(face.image), 0, (0, 0), (0, 0))
