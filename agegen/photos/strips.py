"""A strip for each translated photo: before and after side by side, its faces enlarged beneath."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from agegen.faces.alignment import sample_face, similarity
from agegen.photos.crop import CroppedFace

MARGIN = 16  # pixels between pictures
WIDTH, HEIGHT = 720, 720  # the most that a photo takes
TILE = 172  # side of an enlarged face: four pairs are as wide as two photos
MOST_FACES = 24
LETTERS = 16
PAIR = 2 * TILE + 2 + MARGIN  # width of two tiles and the space after them
ROW = TILE + LETTERS + 6 + MARGIN  # height of a tile with its caption and the space after it


def make_strip(
    source: np.ndarray, translated: np.ndarray, faces: list[CroppedFace] | None, to: str
) -> Image.Image:
    """Draw a strip of two photos, uint8 (h, w, 3), and the faces; None for the whole picture."""
    photos = [thumbnail(picture) for picture in (source, translated)]
    width = max(2 * photos[0].width + 3 * MARGIN, PAIR + MARGIN)
    columns, shown = (width - MARGIN) // PAIR, (faces or [])[:MOST_FACES]
    below = 2 * MARGIN + LETTERS + photos[0].height + MARGIN
    strip = Image.new("RGB", (width, below + -(-len(shown) // columns) * ROW), "white")
    for number, (photo, caption) in enumerate(zip(photos, ("photo", f"to {to}"), strict=True)):
        left = MARGIN + number * (MARGIN + photo.width)
        put(strip, photo, caption, (left, MARGIN // 2), 2 * MARGIN + LETTERS)
    for number, face in enumerate(shown):
        left, top = MARGIN + number % columns * PAIR, below + number // columns * ROW
        # as large as a tile, and as upright as the network saw it
        to_tile = face.to_face.then(similarity(TILE / len(face.image), 0, (0, 0), (0, 0)))
        for picture, x, caption in (
            (source, left, f"face {number + 1}"), (translated, left + TILE + 2, "")
        ):  # fmt: skip
            tile = Image.fromarray(sample_face(picture, to_tile, TILE))
            put(strip, tile, caption, (x, top), top + LETTERS + 6)
    return strip


def put(
    strip: Image.Image, picture: Image.Image, caption: str, at: tuple[int, int], top: int
) -> None:
    """Put a picture into a strip with a caption at a place above it."""
    font = ImageFont.load_default(LETTERS)
    ImageDraw.Draw(strip).text(at, caption, fill="black", font=font)
    strip.paste(picture, (at[0], top))


def thumbnail(picture: np.ndarray) -> Image.Image:
    """The picture made to fit the strip; a small one is enlarged, at most fourfold."""
    height, width = picture.shape[:2]
    scale = min(WIDTH / width, HEIGHT / height, 4)
    size = (max(round(scale * width), 1), max(round(scale * height), 1))
    return Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS, reducing_gap=3)
