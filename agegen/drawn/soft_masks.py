"""Soft masks, strokes and seeded noise: what the synthetic faces are drawn with.

A `Field` is n h w and a `Layer` n c h w, both float32.
"""

from __future__ import annotations

import numpy as np

Field = np.ndarray
Layer = np.ndarray
TILE = 64  # side of a texture that spans the face from -1.2 to 1.2


def per_face(values: np.ndarray) -> Field:
    """n -> n 1 1, to go with fields."""
    return values[:, None, None]


def per_layer(colours: np.ndarray) -> Layer:
    """n c -> n c 1 1, to go with layers."""
    return colours[:, :, None, None]


def inside(distance: Field, softness: Field | float) -> Field:
    """1 where `distance` is negative, 0 where positive, smooth over `softness`."""
    t = np.clip(0.5 - distance / softness, 0, 1)
    return t * t * (3 - 2 * t)


def bump(q: Field) -> Field:
    """1 at q = 0, falling smoothly to 0 at q = 1 and beyond."""
    return np.square(np.maximum(1 - q, 0))


def blob(dx: Field, dy: Field, width: float, height: float) -> Field:
    """An ellipse about (0, 0) with half axes `width` and `height`, fading to 0 at its rim."""
    return bump(np.square(dx * (1 / width)) + np.square(dy * (1 / height)))


def arc(
    dx: Field, dy: Field, angle: float, length: float, bend: float, width: Field | float
) -> Field:
    """A soft stroke through (0, 0): half its length is `length`, half its width `width`."""
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    along = cos * dx + sin * dy
    along2 = np.square(along)
    across = cos * dy - sin * dx - bend * along2
    return bump(np.square(across / width)) * bump(along2 * (1 / length**2))


def paint(image: Layer, mask: Field, colour: Layer | float) -> None:
    """Lay a colour or a layer over `image` where `mask` says, in place."""
    image += mask[:, None] * (colour - image)


def hash_noise(seed: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform float32 noise in 0..1, n *shape, that depends on each seed only."""
    index = np.arange(np.prod(shape), dtype=np.uint32) * np.uint32(2654435769)
    bits = (seed.astype(np.uint32)[:, None] * np.uint32(747796405)) ^ index[None]
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        bits ^= bits >> np.uint32(shift)
        bits *= np.uint32(factor)
    bits ^= bits >> np.uint32(16)
    uniform = (bits >> np.uint32(8)).astype(np.float32) * np.float32(2**-24)
    return uniform.reshape(len(seed), *shape)


def clouds(seed: np.ndarray, cells: int, size: int) -> Field:
    """Smooth noise about 0 in -1..1, n size size, of cells x cells patches."""
    place = np.arange(size, dtype=np.float32)[:, None] * np.float32(cells / size)
    weight = bump(np.square((place - np.arange(cells + 1, dtype=np.float32)) / 1.5))
    weight /= weight.sum(1, keepdims=True)
    return 2 * (weight @ hash_noise(seed, (cells + 1, cells + 1)) @ weight.T) - 1


def sample_tile(tile: Field, x: Field, y: Field) -> Field:
    """Bilinear look-up of n TILE TILE at face coordinates."""
    u = np.clip((x + 1.2) * (TILE / 2.4), 0, TILE - 1.01)
    v = np.clip((y + 1.2) * (TILE / 2.4), 0, TILE - 1.01)
    column, row = u.astype(np.int32), v.astype(np.int32)
    u -= column
    v -= row
    flat = tile.ravel()
    at = row * TILE + column + np.arange(len(tile), dtype=np.int32)[:, None, None] * TILE * TILE
    top = flat[at] * (1 - u) + flat[at + 1] * u
    bottom = flat[at + TILE] * (1 - u) + flat[at + TILE + 1] * u
    return top * (1 - v) + bottom * v
