"""Attribution maps as pictures: painted over the grey faces that they belong to."""

from typing import NamedTuple

import numpy as np

from agegen.analysis.face_sheets import Tile

YOUNG, GREY, OLD = (0, 114, 178), (245, 245, 245), (213, 94, 0)  # Okabe and Ito (2008)
FULL = 0.99  # quantile of the magnitudes that gets the full colour


class ClassMean(NamedTuple):
    """The mean face of a class, uint8 (h, w, 3), its mean map, float (h, w), and of how many."""

    face: np.ndarray
    signed: np.ndarray
    n: int


def overlay(image: np.ndarray, signed: np.ndarray, scale: float) -> np.ndarray:
    """Paint a map over the grey face: orange speaks for old, blue for young, uint8 (h, w, 3).

    Args:
        image: uint8 (h, w, 3).
        signed: float (h, w).
        scale: the attribution that gets the full colour.
    """
    strength = np.clip(signed / max(scale, 1e-12), -1, 1)[..., None]
    colour = np.where(strength > 0, np.array(OLD), np.array(YOUNG))
    grey = 0.5 * image.mean(axis=2, keepdims=True) + 0.5 * np.array(GREY)
    alpha = 0.85 * np.abs(strength)
    return (alpha * colour + (1 - alpha) * grey).round().astype(np.uint8)


def full_colour(signed: np.ndarray) -> float:
    """Return the magnitude that only a hundredth of the pixels exceed."""
    return float(np.quantile(np.abs(signed), FULL))


def faces_above_maps(
    images: np.ndarray, signed: np.ndarray, captions: list[str]
) -> list[list[Tile]]:
    """Two rows of a sheet: faces uint8 (n, h, w, 3), and below each its map, on its own scale."""
    maps = [
        Tile(overlay(image, one, full_colour(one)), "")
        for image, one in zip(images, signed, strict=True)
    ]
    return [[Tile(image, text) for image, text in zip(images, captions, strict=True)], maps]


def mean_tiles(means: dict[str, ClassMean]) -> list[Tile]:
    """Each class's mean face and, all on one scale, its mean map over it."""
    scale = max(full_colour(mean.signed) for mean in means.values())
    tiles = []
    for name, mean in means.items():
        tiles += [
            Tile(mean.face, f"mean {name} face\nn = {mean.n}"),
            Tile(overlay(mean.face, mean.signed, scale), "its map"),
        ]
    return tiles
