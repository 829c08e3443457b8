"""Similarity transforms between a photo and a face as a data set crops it, and sampling by them.

Points are (x, y) in pixels, x to the right and y down, measured from the picture's upper left
corner: the centre of the first pixel is (0.5, 0.5).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

MOST_OVERSAMPLING = 8


@dataclass(frozen=True)
class Similarity:
    """Scaling, rotation and shift."""

    matrix: np.ndarray  # float64 (2, 3); a point p goes to matrix[:, :2] @ p + matrix[:, 2]

    def apply(self, points: ArrayLike) -> np.ndarray:
        """Map points, (..., 2) → float64 (..., 2)."""
        return np.asarray(points, dtype=np.float64) @ self.matrix[:, :2].T + self.matrix[:, 2]

    def inverse(self) -> "Similarity":
        """The way back, which pastes a changed face into its photo again."""
        back = np.linalg.inv(self.matrix[:, :2])
        return Similarity(np.column_stack([back, -back @ self.matrix[:, 2]]))

    def then(self, after: "Similarity") -> "Similarity":
        """This transform, and then another one."""
        linear = after.matrix[:, :2] @ self.matrix[:, :2]
        return Similarity(np.column_stack([linear, after.apply(self.matrix[:, 2])]))

    @property
    def scale(self) -> float:
        """How many times longer a line is after the transform."""
        return math.hypot(self.matrix[0, 0], self.matrix[1, 0])

    @property
    def degrees(self) -> float:
        """By how much it turns, clockwise as the picture is seen, in (−180, 180]."""
        return math.degrees(math.atan2(self.matrix[1, 0], self.matrix[0, 0]))


def similarity(
    scale: float, degrees: float, source: tuple[float, float], target: tuple[float, float]
) -> Similarity:
    """Scale and turn clockwise by `degrees`, so that the point `source` comes to `target`."""
    turn = math.radians(degrees)
    linear = scale * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return Similarity(np.column_stack([linear, np.asarray(target) - linear @ np.asarray(source)]))


def fit_similarity(source: np.ndarray, target: np.ndarray) -> Similarity:
    """Fit by least squares, without mirroring (Umeyama, 1991, "Least-squares estimation …").

    Both are points (n, 2); at least two of the source are different ones.
    """
    mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    x, y = source - mean, target - target_mean
    u, stretch, v = np.linalg.svd(y.T @ x)
    signs = np.array([1.0, np.sign(np.linalg.det(u @ v))])
    linear = (u * signs) @ v * (stretch * signs).sum() / np.sum(x**2)
    return Similarity(np.column_stack([linear, target_mean - linear @ mean]))


def sample_face(photo: np.ndarray, to_face: Similarity, size: int) -> np.ndarray:
    """Cut a face out of a photo, antialiased as `decode.square` does it for stored faces.

    The face is sampled at the photo's own resolution and then resized, so that large faces are
    averaged and not picked from; beyond the picture's edge its mirror image continues.

    Args:
        photo: uint8 (h, w, 3).
        to_face: from the photo's pixels to those of the face, uint8 (size, size, 3).
        size: side of the face in pixels.
    """
    step = 1 / to_face.scale  # photo pixels per pixel of the face
    finer = int(np.clip(math.ceil(step), 1, MOST_OVERSAMPLING))
    region, left, top, shrink = cut_region(photo, to_face, size, int(step / MOST_OVERSAMPLING))
    back = to_face.inverse().matrix
    linear, shift = back[:, :2] / finer / shrink, (back[:, 2] - (left, top)) / shrink
    sampled = region.transform(
        (size * finer, size * finer),
        Image.Transform.AFFINE,
        (*linear[0], shift[0], *linear[1], shift[1]),
        Image.Resampling.BICUBIC,
    )
    return np.asarray(sampled.resize((size, size), Image.Resampling.BICUBIC))


def cut_region(
    photo: np.ndarray, to_face: Similarity, size: int, shrink: int
) -> tuple[Image.Image, int, int, int]:
    """Cut a face's part, mirrored beyond the edge, a huge one shrunk; its left, top, and shrink."""
    shrink = max(shrink, 1)
    corners = outline(to_face, size)
    margin = 4 * max(shrink, math.ceil(1 / to_face.scale))
    left, top = np.floor(corners.min(axis=0)).astype(int) - margin
    right, bottom = np.ceil(corners.max(axis=0)).astype(int) + margin
    rows = mirrored(np.arange(top, bottom), photo.shape[0])
    columns = mirrored(np.arange(left, right), photo.shape[1])
    region = Image.fromarray(photo[rows[:, None], columns])
    return (region.reduce(shrink) if shrink > 1 else region), int(left), int(top), shrink


def mirrored(positions: np.ndarray, length: int) -> np.ndarray:
    """Fold positions beyond 0…length − 1 back into it, as in a mirror at the edge."""
    folded = positions % (2 * length)
    return np.minimum(folded, 2 * length - 1 - folded)


def outline(to_face: Similarity, size: int) -> np.ndarray:
    """The corners of the face's square in the photo, float64 (4, 2), clockwise from upper left."""
    return to_face.inverse().apply([[0, 0], [size, 0], [size, size], [0, size]])


def share_outside(to_face: Similarity, size: int, width: int, height: int) -> float:
    """How much of the face's square lies beyond the edge of the photo, in [0, 1]."""
    axis = (np.arange(50) + 0.5) * size / 50
    x, y = np.moveaxis(to_face.inverse().apply(np.stack(np.meshgrid(axis, axis), axis=-1)), -1, 0)
    return float(np.mean((x < 0) | (x > width) | (y < 0) | (y > height)))
