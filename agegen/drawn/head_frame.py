"""Where each pixel of a photo lies on the head.

Face units: x to the right, y down, 0 between the eyes, -1 the crown, about 1 the chin.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agegen.drawn.face_parameters import Identities, Shots
from agegen.drawn.soft_masks import Field, per_face

Signs = dict[str, Field]  # how far each sign of age has come, n 1 1 each


class Frame(NamedTuple):
    """Where each pixel lies on the head; fields n h w."""

    x: np.ndarray  # on the face: turned by the pose, following its surface
    y: np.ndarray
    side: np.ndarray  # -1 left, 1 right
    mirror: np.ndarray  # |x|
    head_x: np.ndarray  # on the head's outline: turned by the pose only
    head_y: np.ndarray
    radius2: np.ndarray  # squared, 1 on the face's outline
    pixel: np.ndarray  # a pixel's size, n 1 1


def head_frame(who: Identities, shot: Shots, signs: Signs, size: int) -> Frame:
    """Pose each head in its photo of size x size pixels."""
    grid = (np.arange(size, dtype=np.float32) + 0.5) * (2 / size) - 1
    u = grid[None, None, :] - per_face(shot.shift[:, 0])
    v = grid[None, :, None] - per_face(shot.shift[:, 1])
    cos, sin = per_face(np.cos(shot.roll) / shot.scale), per_face(np.sin(shot.roll) / shot.scale)
    head_x, head_y = cos * u + sin * v, cos * v - sin * u
    radius2 = _outline(head_x, head_y, who, signs)
    bulge = np.maximum(1 - radius2, -0.2)
    phase = who.line_jitter * 3
    x = head_x - per_face(shot.yaw) * 0.2 * bulge
    y = head_y - per_face(shot.pitch) * 0.08 * bulge
    # no face is symmetric
    x = x + 0.012 * np.sin(3 * y + per_face(phase[:, 6]))
    y = y + 0.012 * np.sin(4 * x + per_face(phase[:, 7]))
    pixel = per_face(2 / size / shot.scale)
    return Frame(x, y, np.sign(x), np.abs(x), head_x, head_y, radius2, pixel)


def _outline(x: Field, y: Field, who: Identities, signs: Signs) -> Field:
    """Squared radius, 1 on the outline: an ellipse above, squarer or more pointed below."""
    lower = y > 0
    xx = np.square(x / per_face(who.face_width))
    yy = np.square(y / np.where(lower, per_face(who.chin), np.float32(1)))
    squareness = np.where(lower, per_face(who.jaw) - 0.22 * signs["jowls"], np.float32(-0.1))
    return xx + yy + squareness * np.minimum(xx, 1.6) * np.minimum(yy, 1.6)
