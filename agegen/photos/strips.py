"""Before and after of each translated photo: as a strip, and as pictures for the page."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from agegen.faces.alignment import sample_face, similarity
from agegen.photos.crop import CroppedFace
from agegen.run.files import written_whole

MARGIN = 16  # pixels between pictures
WIDTH, HEIGHT = 720, 720  # the most that a photo takes
TILE = 172  # side of an enlarged face: four pairs are as wide as two photos
MOST_FACES = 24
PAGE_SIDE = 900  # the most pixels that a photo has on the page
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
        pair = pair_of_tiles(source, translated, face)
        put(strip, pair, f"face {number + 1}", (left, top), top + LETTERS + 6)
    return strip


def pair_of_tiles(source: np.ndarray, translated: np.ndarray, face: CroppedFace) -> Image.Image:
    """A face before and after, as large as a tile, and as upright as the network saw it."""
    to_tile = face.to_face.then(similarity(TILE / len(face.image), 0, (0, 0), (0, 0)))
    pair = Image.new("RGB", (2 * TILE + 2, TILE), "white")
    for picture, x in ((source, 0), (translated, TILE + 2)):
        pair.paste(Image.fromarray(sample_face(picture, to_tile, TILE)), (x, 0))
    return pair


def write_shown(
    out: Path,
    stem: str,
    source: np.ndarray,
    translated: np.ndarray,
    faces: list[CroppedFace] | None,
) -> list[str]:
    """Write what the page shows of a photo, as JPEG of at most `PAGE_SIDE` pixels.

    Args:
        out: folder of the results.
        stem: how the names begin.
        source: uint8 (h, w, 3), sRGB.
        translated: the same after.
        faces: of which the first `MOST_FACES` are shown; None for the whole picture.

    Returns:
        The names, relative to `out`: the photo before and after, then a pair a face.
    """
    pictures = {"before": Image.fromarray(source), "after": Image.fromarray(translated)}
    for picture in pictures.values():
        picture.thumbnail((PAGE_SIDE, PAGE_SIDE))
    for number, face in enumerate((faces or [])[:MOST_FACES], start=1):
        pictures[f"face{number}"] = pair_of_tiles(source, translated, face)
    names = []
    for what, picture in pictures.items():
        names.append(f"page/{stem}_{what}.jpg")
        with written_whole(out / names[-1]) as temporary:
            picture.save(temporary, "JPEG", quality=88)
    return names


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
