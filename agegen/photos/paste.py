"""Changed faces go back into their photo: only their change is added, at the photo's resolution.

A face is changed at some 100 pixels and may have 1,000 in the photo. Replacing it would blur it;
instead, what the change adds to each of those 100 pixels is enlarged and added to the photo, whose
own fine structure stays. A mask lets the change fade out towards the border of its square.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from agegen.faces.alignment import Similarity, outline, similarity

FEATHER = 0.15  # share of the square's side over which a change fades out
BAND_PIXELS = 2_000_000  # of the photo that are worked on at a time, to save memory


class Change(NamedTuple):
    """What is to be added to the square of a face."""

    levels: np.ndarray  # float32 (side, side, 3), in 8-bit levels from −255 to 255
    to_square: Similarity  # from the photo's pixels to those of `levels`


class Box(NamedTuple):
    """Whole pixels of a photo, the right and bottom ones excluded."""

    left: int
    top: int
    right: int
    bottom: int


def add_changes(photo: np.ndarray, changes: Sequence[Change]) -> np.ndarray:
    """Add the changes of faces to a photo; where squares overlap, they share the pixels.

    The photo, uint8 (h, w, 3), is left as it is. What is returned has its own bytes where nothing
    changes, and outside the squares.
    """
    result = photo.copy()
    changes = [no_finer_than_the_photo(change) for change in changes]
    for number, change in enumerate(changes):
        others = changes[:number] + changes[number + 1 :]
        for box in bands(change, photo.shape[0], photo.shape[1]):
            weight = share(box, change, others)[..., None].astype(np.float32)
            region = result[box.top : box.bottom, box.left : box.right]
            region[:] = rounded(region + sample_levels(change, box) * weight)
    return result


def add_everywhere(photo: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Add the change of a whole picture to it, without a mask; uint8 (h, w, 3).

    `levels` are float32 (h', w', 3), in 8-bit levels; they are resized to the photo.
    """
    result = photo.copy()
    height, width = photo.shape[:2]
    for channel, field in enumerate(channels(levels)):  # one at a time, to save memory
        resized = np.asarray(field.resize((width, height), Image.Resampling.BICUBIC))
        result[..., channel] = rounded(photo[..., channel] + resized)
    return result


def no_finer_than_the_photo(change: Change) -> Change:
    """Shrink the change of a face that is smaller in the photo, so that it is averaged there."""
    side, scale = len(change.levels), change.to_square.scale
    if scale <= 1:
        return change
    smaller = max(round(side / scale), 1)
    shrunk = similarity(smaller / side, 0, (0, 0), (0, 0))
    fields = [
        np.asarray(field.resize((smaller, smaller), Image.Resampling.BICUBIC))
        for field in channels(change.levels)
    ]
    return Change(np.stack(fields, axis=-1), change.to_square.then(shrunk))


def channels(levels: np.ndarray) -> list[Image.Image]:
    """The three channels as pictures of float32."""
    return [Image.fromarray(np.ascontiguousarray(levels[..., c], np.float32)) for c in range(3)]


def bands(change: Change, height: int, width: int) -> Iterator[Box]:
    """Cut the part of the photo that the square touches into bands of few pixels."""
    corners = outline(change.to_square, len(change.levels))
    left, top = np.clip(np.floor(corners.min(axis=0)), 0, (width, height)).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(axis=0)), 0, (width, height)).astype(int)
    if left < right:
        rows = max(BAND_PIXELS // (right - left), 1)
        for first in range(top, bottom, rows):
            yield Box(left, first, right, min(first + rows, bottom))


def share(box: Box, change: Change, others: Sequence[Change]) -> np.ndarray:
    """Weights of a change in a box, float64 (h, w): its mask, divided where masks exceed 1."""
    own = mask(box, change)
    total = own.copy()
    for other in others:
        if touches(box, other):
            total += mask(box, other)
    return own / np.maximum(total, 1)


def touches(box: Box, change: Change) -> bool:
    """False if the change's square is certainly outside the box."""
    corners = outline(change.to_square, len(change.levels))
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return left < box.right and right > box.left and top < box.bottom and bottom > box.top


def mask(box: Box, change: Change) -> np.ndarray:
    """Weights in [0, 1], float64 (h, w): 0 from the square's border on, 1 beyond the feather."""
    columns, rows = np.arange(box.left, box.right) + 0.5, np.arange(box.top, box.bottom) + 0.5
    side, ((a, b, c), (d, e, f)) = len(change.levels), change.to_square.matrix
    x = a * columns + b * rows[:, None] + c
    y = d * columns + e * rows[:, None] + f
    return fade(np.minimum(x, side - x) / side) * fade(np.minimum(y, side - y) / side)


def fade(depth: np.ndarray) -> np.ndarray:
    """Rise smoothly from 0 at depth 0 to 1 at `FEATHER`: 3t² − 2t³."""
    t = np.clip(depth / FEATHER, 0, 1)
    return t * t * (3 - 2 * t)


def sample_levels(change: Change, box: Box) -> np.ndarray:
    """The change at the box's pixels, float32 (h, w, 3), bicubic; 0 outside the square."""
    (a, b, _), (d, e, _) = change.to_square.matrix
    shift_x, shift_y = change.to_square.apply((box.left, box.top))
    size = (box.right - box.left, box.bottom - box.top)
    fields = [
        field.transform(
            size, Image.Transform.AFFINE, (a, b, shift_x, d, e, shift_y), Image.Resampling.BICUBIC
        )
        for field in channels(change.levels)
    ]
    return np.stack([np.asarray(field) for field in fields], axis=-1)


def rounded(values: np.ndarray) -> np.ndarray:
    """The nearest 8-bit levels."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
