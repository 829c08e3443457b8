"""Who may judge a generated face.

A `Judge` takes a batch of faces and gives named scores, one for each face; a `Matcher` says whether
two faces are the same person. A new one is a class with the two members of its protocol, passed as
an object to `agegen.evaluation.evaluate.evaluate`, or a judge named as ``module:Name`` after
--own-judges of the recipe evaluate_cyclegan. Ours are in `agegen.evaluation.frozen_classifier`,
`age_estimator` and `identity`.
"""

from typing import Protocol

from torch import Tensor

from agegen.faces.records import CLASS_NAMES, age_sign


class Judge(Protocol):
    """What judges faces.

    One that has `steps`, a tuple of numbers, also has the share of faces reported whose score moved
    by at least so much towards the class aimed at.

    Attributes:
        name: under which its scores are reported.
    """

    name: str

    def scores(self, faces: Tensor) -> dict[str, Tensor]:
        """Judge faces.

        Args:
            faces: float (n, 3, h, w) in [−1, 1], cropped as training views are.

        Returns:
            Named scores that rise with age, float (n,) on the CPU.
        """
        ...


class Matcher(Protocol):
    """What compares faces by a vector of each.

    Attributes:
        name: under which its figures are reported.
    """

    name: str

    def embed(self, faces: Tensor, like: Tensor) -> Tensor:
        """Describe faces.

        Args:
            faces: float (n, 3, h, w) in [−1, 1], cropped as training views are.
            like: of the same shape: the faces that they were made of, whose landmarks are where
                theirs are; `faces` themselves for real ones.

        Returns:
            Vectors whose Euclidean distances say how different two persons are, float (n, d) on the
            CPU.
        """
        ...


def share_of_gap(before: Tensor, after: Tensor, real: dict[str, Tensor], to: str) -> float:
    """Mean shift towards a class over the gap between real faces of both classes.

    Args:
        before: a score of the sources, (n,), one that rises with age.
        after: the same of what was made of them.
        real: the same of real faces, by class name.
        to: name of the class aimed at.

    Returns:
        1 where the faces moved as far as real faces of the classes are apart; negative where they
        moved the other way.
    """
    young, old = (real[name].double().mean() for name in CLASS_NAMES)
    return float(age_sign(to) * (after.double() - before.double()).mean() / (old - young))
