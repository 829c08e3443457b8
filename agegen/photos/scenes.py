"""Scenes with faces pasted into them, of which it is known where every face is.

They measure what finding and aligning faces does: real or drawn backgrounds, several faces of
several sizes, tilted, saved as photos are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from agegen.faces.alignment import Similarity, similarity
from agegen.run.errors import UserError
from agegen.run.files import written_whole

TRIES = 200
SIDEWAYS = 6  # EXIF orientation of a photo taken with the camera turned


class Pasted(NamedTuple):
    """A face in a scene."""

    chip: int  # which of the chips it is
    to_scene: Similarity  # from the chip's pixels to the scene's
    side: int  # of the chip in the scene, pixels
    tilt: float  # degrees clockwise


@dataclass(frozen=True)
class SceneConfig:
    """How faces are pasted."""

    smallest: int = 100
    """Smallest side of a pasted face in pixels; sides are even on a logarithmic scale."""
    largest: int = 600
    """Largest side of a pasted face in pixels."""
    tilt: float = 25.0
    """Largest tilt in degrees, each way."""

    def __post_init__(self) -> None:
        if not 1 <= self.smallest <= self.largest <= 2000:
            raise UserError("--scene: 1 to 2000 pixels, the smallest face not above the largest")


def paste_faces(
    chips: Sequence[np.ndarray],
    config: SceneConfig,
    rng: np.random.Generator,
    background: np.ndarray | None = None,
) -> tuple[np.ndarray, list[Pasted]]:
    """Paste chips, uint8 (side, side, 3), into a scene, apart from each other, with soft edges.

    The background, uint8 (h, w, 3), is scaled to the scene; None draws one. Returns the scene and
    the faces that found room; a chip that found none is left out.
    """
    low, high = np.log([config.smallest, config.largest])
    sides = np.exp(rng.uniform(low, high, len(chips))).round().astype(int)
    width, height = (max(int(rng.integers(900, 2400)), int(1.5 * sides.max())) for _ in range(2))
    scene = Image.fromarray(draw_background(rng) if background is None else background)
    scene = scene.resize((width, height), Image.Resampling.BICUBIC)
    pasted: list[Pasted] = []
    for number in np.argsort(-sides):
        side, tilt = int(sides[number]), float(rng.uniform(-config.tilt, config.tilt))
        centre = free_place(rng, side, (width, height), pasted)
        if centre is not None:
            to_scene = paste(scene, chips[number], side, tilt, centre)
            pasted.append(Pasted(int(number), to_scene, side, tilt))
    return np.asarray(scene), pasted


def free_place(
    rng: np.random.Generator, side: int, size: tuple[int, int], pasted: list[Pasted]
) -> tuple[int, int] | None:
    """Choose a centre whose chip lies in the scene and touches no other; None if none is found."""
    radius = 0.6 * side
    for _ in range(TRIES):
        x, y = (int(rng.uniform(radius, length - radius)) for length in size)
        if all(np.hypot(*(middle(p) - (x, y))) > radius + 0.6 * p.side for p in pasted):
            return x, y
    return None


def middle(pasted: Pasted) -> np.ndarray:
    """Where the chip's centre lies in the scene, float64 (2,)."""
    half = pasted.side / pasted.to_scene.scale / 2
    return pasted.to_scene.apply([half, half])


def paste(
    scene: Image.Image, chip: np.ndarray, side: int, tilt: float, centre: tuple[int, int]
) -> Similarity:
    """Paste one chip, resized and turned by Pillow; returns the transform to the scene."""
    face = Image.fromarray(chip).resize((side, side), Image.Resampling.LANCZOS)
    turned = face.rotate(-tilt, Image.Resampling.BICUBIC, expand=True)
    mask = soft_mask(side).rotate(-tilt, Image.Resampling.BICUBIC, expand=True)
    left, top = centre[0] - turned.width // 2, centre[1] - turned.height // 2
    scene.paste(turned, (left, top), mask)
    target = (left + turned.width / 2, top + turned.height / 2)
    half = chip.shape[0] / 2
    return similarity(side / chip.shape[0], tilt, (half, half), target)


def soft_mask(side: int) -> Image.Image:
    """A rounded square that fades out over the outermost twentieth."""
    axis = np.abs(np.linspace(-1, 1, side)) ** 5
    radius = (axis[:, None] + axis) ** 0.2
    return Image.fromarray((np.clip((1 - radius) * 20, 0, 1) * 255).astype(np.uint8))


def draw_background(rng: np.random.Generator) -> np.ndarray:
    """Noise of three coarsenesses and some rectangles, uint8 (600, 800, 3)."""
    field = np.zeros((600, 800, 3))
    for cells, strength in ((4, 90), (16, 50), (80, 25)):
        coarse = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((800, 600), Image.Resampling.BICUBIC), dtype=float)
        field += (smooth / 127.5 - 1) * strength
    field += rng.uniform(80, 180, 3)
    for _ in range(6):
        top, left = rng.integers(0, 500), rng.integers(0, 650)
        height, width = rng.integers(30, 200, 2)
        field[top : top + height, left : left + width] += rng.uniform(-60, 60, 3)
    return np.clip(field + rng.normal(0, 4, field.shape), 0, 255).astype(np.uint8)


def save_scene(scene: np.ndarray, path: Path, sideways: bool) -> None:
    """Save as JPEG; `sideways` as a turned camera does, with the orientation in the EXIF data."""
    image = Image.fromarray(scene)
    exif = image.getexif()
    if sideways:
        image = image.transpose(Image.Transpose.ROTATE_90)
        exif[0x0112] = SIDEWAYS
    with written_whole(path) as temporary:
        image.save(temporary, "JPEG", quality=92, exif=exif)
