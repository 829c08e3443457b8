"""Faces as dlib's networks want them: landmarks by its predictor, cut out and turned upright."""

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from agegen.faces import landmarks
from agegen.faces.geometry import SQUARE
from agegen.faces.views import to_uint8

SIDE = 200  # pixels to which faces are enlarged
SHOWN = 0.96  # training views show so much of a stored face, unless told otherwise
MARGIN = (1 - 1 / (SQUARE * SHOWN)) / 2  # of the detector's square in a view, as a share


def enlarge(faces: Tensor) -> np.ndarray:
    """Enlarge float (n, 3, h, w) in [−1, 1] → uint8 (n, SIDE, SIDE, 3)."""
    large = F.interpolate(
        faces.float(), (SIDE, SIDE), mode="bicubic", antialias=True, align_corners=False
    )
    return to_uint8(large).cpu().numpy()


def square() -> tuple[int, int, int, int]:
    """Where the detector's square would be: left, top, right, bottom, both ends included.

    Stored faces are cropped around it (`agegen.faces.geometry`). It is not looked for: what cannot
    be found in a bad face would be left out of its judgement.
    """
    edge = round(MARGIN * SIDE)
    return edge, edge, SIDE - 1 - edge, SIDE - 1 - edge


def find_landmarks(images: np.ndarray) -> list:
    """dlib's five landmarks of each face (n, SIDE, SIDE, 3).

    Raises:
        UserError: the extra ``photos`` is not installed.
    """
    finder = landmarks.load()
    box = finder.dlib.rectangle(*square())
    return [finder.predictor(np.ascontiguousarray(image), box) for image in images]
