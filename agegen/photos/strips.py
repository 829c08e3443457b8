"""Before and after of each translated photo: as a strip, and as pictures for the page."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from agegen.faces.alignment import sample_face, similarity
from agegen.photos.crop import CroppedFace
from agegen.run.files import written_whole

MARGIN = 16  # pixels between pictures
WIDTH, HEIGHT = 720, 720  # the most that a photo takes
TILE = 172  # side of an enlarged face: four pairs are as wide as two photos
MOST_FACES = 24
LETTERS = 16
PAIR = 2 * TILE + 2 + MARGIN  # width of two tiles and the space after them
ROW = TILE + LETTERS + 6 + MARGIN  # height of a tile with its caption and the space after it


class Shown(NamedTuple):
    """What is shown of a translated photo.

    Attributes:
        before: the photo, of at most `WIDTH` × `HEIGHT` pixels.
        after: the same translated.
        pairs: its first `MOST_FACES` faces, before and after; none of a whole picture.
    """

    before: Image.Image
    after: Image.Image
    pairs: list[Image.Image]


def show(source: np.ndarray, translated: np.ndarray, faces: list[CroppedFace] | None) -> Shown:
    """Shrink two photos, uint8 (h, w, 3), sRGB, and enlarge the faces; None: the whole picture."""
    pairs = [pair_of_tiles(source, translated, face) for face in (faces or [])[:MOST_FACES]]
    return Shown(thumbnail(source), thumbnail(translated), pairs)


def make_strip(shown: Shown, to: str) -> Image.Image:
    """Draw a strip of both photos and the faces."""
    width = max(2 * shown.before.width + 3 * MARGIN, PAIR + MARGIN)
    columns = (width - MARGIN) // PAIR
    below = 2 * MARGIN + LETTERS + shown.before.height + MARGIN
    strip = Image.new("RGB", (width, below + -(-len(shown.pairs) // columns) * ROW), "white")
    for number, (photo, caption) in enumerate(((shown.before, "photo"), (shown.after, f"to {to}"))):
        left = MARGIN + number * (MARGIN + photo.width)
        put(strip, photo, caption, (left, MARGIN // 2), 2 * MARGIN + LETTERS)
    for number, pair in enumerate(shown.pairs):
        left, top = MARGIN + number % columns * PAIR, below + number // columns * ROW
        put(strip, pair, f"face {number + 1}", (left, top), top + LETTERS + 6)
    return strip


def write_shown(out: Path, stem: str, shown: Shown) -> list[str]:
    """Write the pictures as JPEG for the page, whose names begin with `stem`.

    Returns:
        The names, relative to `out`: the photo before and after, then a pair a face.
    """
    pictures = {"before": shown.before, "after": shown.after}
    pictures |= {f"face{number}": pair for number, pair in enumerate(shown.pairs, start=1)}
    names = []
    for what, picture in pictures.items():
        names.append(f"page/{stem}_{what}.jpg")
        with written_whole(out / names[-1]) as temporary:
            picture.save(temporary, "JPEG", quality=88)
    return names


def pair_of_tiles(source: np.ndarray, translated: np.ndarray, face: CroppedFace) -> Image.Image:
    """A face before and after, as large as a tile, and as upright as the network saw it."""
    to_tile = face.to_face.then(similarity(TILE / len(face.image), 0, (0, 0), (0, 0)))
    pair = Image.new("RGB", (2 * TILE + 2, TILE), "white")
    for picture, x in ((source, 0), (translated, TILE + 2)):
        pair.paste(Image.fromarray(sample_face(picture, to_tile, TILE)), (x, 0))
    return pair


def put(
    strip: Image.Image, picture: Image.Image, caption: str, at: tuple[int, int], top: int
) -> None:
    """Put a picture into a strip with a caption at a place above it."""
    font = ImageFont.load_default(LETTERS)
    ImageDraw.Draw(strip).text(at, caption, fill="black", font=font)
    strip.paste(picture, (at[0], top))


def thumbnail(picture: np.ndarray) -> Image.Image:
    """The picture made to fit strip and page; a small one is enlarged, at most fourfold."""
    height, width = picture.shape[:2]
    scale = min(WIDTH / width, HEIGHT / height, 4)
    size = (max(round(scale * width), 1), max(round(scale * height), 1))
    return Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS, reducing_gap=3)
