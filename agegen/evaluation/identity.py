"""Is it still the same person? dlib's face recognition network."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from agegen.faces import descriptors
from agegen.faces.geometry import SQUARE
from agegen.faces.views import to_uint8
from agegen.run.devices import cores_per_process

SIDE = 200  # pixels to which faces are enlarged for dlib's networks
SHOWN = 0.96  # of a stored face's side in training views, unless told otherwise


def enlarge(faces: Tensor) -> np.ndarray:
    """Enlarge float (n, 3, h, w) in [−1, 1] → uint8 (n, SIDE, SIDE, 3)."""
    large = F.interpolate(
        faces.float(), (SIDE, SIDE), mode="bicubic", antialias=True, align_corners=False
    )
    return to_uint8(large).cpu().numpy()


def square(shown: float = SHOWN) -> tuple[int, int, int, int]:
    """Where the detector's square would be: left, top, right, bottom, both ends included.

    Stored faces, of whose side views show a share, are cropped around it (`agegen.faces.geometry`).
    It is not looked for: what cannot be found in a bad face would be left out of its judgement.
    """
    edge = max(round((1 - 1 / (SQUARE * shown)) / 2 * SIDE), 0)
    return edge, edge, SIDE - 1 - edge, SIDE - 1 - edge


class IdentityMatcher:
    """dlib's face descriptors (`agegen.faces.descriptors`).

    Args:
        shown: share of a stored face's side that the faces show.

    Raises:
        UserError: the extras ``photos`` and ``judges`` are not installed.
    """

    name = "identity"

    def __init__(self, shown: float = SHOWN) -> None:
        descriptors.load_network()
        self.square = np.array(square(shown))

    def embed(self, faces: Tensor, like: Tensor) -> Tensor:
        """Return descriptors, float64 (n, 128); faces are aligned by the landmarks of `like`."""
        images = (enlarge(faces), enlarge(like))
        return torch.from_numpy(descriptors.describe(*images, self.square, cores_per_process()))
