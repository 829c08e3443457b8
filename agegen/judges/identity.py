"""Is it still the same person? dlib's face recognition network (King, 2017, CC0).

Its 29-layer ResNet gives 128 numbers; two pictures of one person are usually less than 0.6 apart.
Its weights are shipped by pip's ``face_recognition_models``, whose file is read by its path.
"""

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agegen.errors import UserError
from agegen.faces import landmarks
from agegen.judges.dlib_faces import SHOWN, enlarge, find_landmarks

CHIP, PADDING = 150, 0.25  # of the network's own training
FILE = "dlib_face_recognition_resnet_model_v1.dat"


class IdentityMatcher:
    """dlib's face descriptors.

    Args:
        shown: share of a stored face's side that the faces show.

    Raises:
        UserError: the extras ``photos`` and ``judges`` are not installed.
    """

    name = "identity"

    def __init__(self, shown: float = SHOWN) -> None:
        self.network, self.shown = load_network(), shown

    def embed(self, faces: Tensor, like: Tensor) -> Tensor:
        """Return descriptors, float64 (n, 128); faces are aligned by the landmarks of `like`."""
        dlib = landmarks.load().dlib
        images, shapes = enlarge(faces), find_landmarks(enlarge(like), self.shown)
        found = []
        for image, shape in zip(images, shapes, strict=True):
            chip = dlib.get_face_chip(np.ascontiguousarray(image), shape, CHIP, PADDING)
            found.append(np.array(self.network.compute_face_descriptor(chip)))
        return torch.from_numpy(np.array(found).reshape(-1, 128))


@cache
def load_network() -> Any:
    """Read the network."""
    package = landmarks.folder_of("face_recognition_models")
    if package is None or not landmarks.available():
        raise UserError(
            "comparing identities needs two extras: pip install 'agegen[photos,judges]'"
        )
    path = package / "models" / FILE
    if not path.exists():
        raise UserError(f"{path} is missing: install the extra judges again")
    return landmarks.load().dlib.face_recognition_model_v1(str(path))
