"""Who wears spectacles? Their bridge and rims are edges on the nose, where a bare face has none.

Spectacles come with age: a generator that is not told otherwise paints them.
"""

from typing import Final

import numpy as np
from PIL import Image

from agegen.faces.alignment import fit_similarity, sample_face
from agegen.faces.geometry import SQUARE
from agegen.faces.landmarks import landmarks_within

SIDE: Final = 200  # pixels that a face is enlarged to for landmarks
UPRIGHT: Final = 96  # pixels of a face whose eyes lie at `EYES`
EYES: Final = np.array([[68.5, 28.5], [28.5, 28.5]])
BRIDGE = np.s_[22:38, 40:56]
AROUND_EYES = np.s_[10:50, 10:86]
WITHOUT, WITH = 0.24, 0.30
"""Scores below and above. Of 216 UTKFace faces of 50 to 70 that were labelled by eye, 67 with
spectacles, 97 % of those with are above the one and 7 % of those without, 76 % and 2 % above the
other; AUC 0.98."""


def spectacle_score(face: np.ndarray) -> float:
    """How much brightness changes up and down the bridge of the nose, for the eyes' contrast.

    Args:
        face: uint8 (h, w, 3), cropped as stored faces are.

    Raises:
        UserError: the extra ``photos`` is not installed.
    """
    large = np.asarray(Image.fromarray(face).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    edge = round((1 - 1 / SQUARE) / 2 * SIDE)
    corners = landmarks_within(large, (edge, edge, SIDE - 1 - edge, SIDE - 1 - edge))[:4]
    eyes = corners.reshape(2, 2, 2).mean(axis=1)
    if np.hypot(*(eyes[0] - eyes[1])) < 1:  # no face
        return 0.0
    grey = sample_face(large, fit_similarity(eyes, EYES), UPRIGHT).mean(axis=2)
    steps = np.zeros_like(grey)
    steps[1:-1] = np.abs(grey[2:] - grey[:-2])
    return float(steps[BRIDGE].mean() / (grey[AROUND_EYES].std() + 5))
