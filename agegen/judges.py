"""Who may judge a generated face.

A judge takes a batch of faces and gives named scores, one for each face: see `Judge`. A new one is
a class with these two members, passed as an object or named in a config as package.module:Class.
"""

from pathlib import Path
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from agegen.classifier.predict import Classifier, load_classifier
from agegen.faces.records import CLASS_NAMES


class Judge(Protocol):
    """What judges faces.

    Attributes:
        name: under which its scores are reported.
    """

    name: str

    def scores(self, faces: Tensor) -> dict[str, Tensor]:
        """Judge faces.

        Args:
            faces: float (n, 3, h, w) in [−1, 1], cropped as training views are.

        Returns:
            Named scores, float32 (n,) on the CPU.
        """
        ...


class FrozenClassifier:
    """The trained classifier as a judge of age: log-odds of old, and calibrated p(old).

    Faces are resampled to the side of the views that it was trained on, and each is averaged with
    its mirror image. Its weights never change, and it is no part of any loss.
    """

    name = "classifier"

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier

    @torch.no_grad()
    def scores(self, faces: Tensor) -> dict[str, Tensor]:
        """Return "log_odds" (in nats, divided by the temperature) and "p_old"."""
        side = self.classifier.crop
        x = faces.to(self.classifier.device).float()
        if x.shape[-1] != side:
            x = F.interpolate(
                x, (side, side), mode="bicubic", antialias=True, align_corners=False
            ).clamp(-1, 1)
        logits = [self.classifier.model(view).float() for view in (x, x.flip(3))]
        odds = sum(z[:, 1] - z[:, 0] for z in logits) / len(logits) / self.classifier.temperature
        return {"log_odds": odds.cpu(), "p_old": odds.sigmoid().cpu()}


def load_judge(run: Path, device: torch.device | str | None = None) -> FrozenClassifier:
    """Load a trained classifier as a judge.

    Raises:
        UserError: the folder is no run of a trained classifier.
    """
    return FrozenClassifier(load_classifier(run, device))


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
    sign = 1 if to == CLASS_NAMES[1] else -1
    return float(sign * (after.double() - before.double()).mean() / (old - young))
