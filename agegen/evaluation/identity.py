"""Is it still the same person? dlib's face recognition network."""

import numpy as np
import torch
from torch import Tensor

from agegen.evaluation.dlib_faces import SHOWN, enlarge, square
from agegen.faces import descriptors
from agegen.run.devices import cores_per_process


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
