"""Faces as dlib's networks want them: large, with the square that its detector would give."""

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from agegen.faces.geometry import SQUARE
from agegen.faces.views import to_uint8

SIDE = 200  # pixels to which faces are enlarged
SHOWN = 0.96  # of a stored face's side in training views, unless told otherwise


def enlarge(faces: Tensor) -> np.ndarray:
    """Enlarge float (n, 3, h, w) in [−1, 1] → uint8 (n, SIDE, SIDE, 3)."""
    large = F.interpolate(
        faces.float(), (SIDE, SIDE), mode="bicubic", antialias=True, align_corners=False
    )
    return to_uint8(large).cpu().numpy()


def square(shown: float = SHOWN) -> tuple[int, int, int, int]:
    """Where the detector's square would be: left, top, right, bottom, both ends included.

    Stored faces are cropped around it (`agegen.faces.geometry`). It is not looked for: what cannot
    be found in a bad face would be left out of its judgement.

    Args:
        shown: share of a stored face's side that views show.
    """
    edge = max(round((1 - 1 / (SQUARE * shown)) / 2 * SIDE), 0)
    return edge, edge, SIDE - 1 - edge, SIDE - 1 - edge
