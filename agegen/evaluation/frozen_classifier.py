"""The trained classifier, frozen, as a judge of age."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from agegen.classifier.ages import AGES
from agegen.classifier.evaluate_run import trained_on
from agegen.classifier.predict import Classifier, load_classifier
from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import FaceStore
from agegen.run.errors import UserError
from agegen.run.pretrained import find_run
from agegen.run.tensor_files import checksum, in_half, load_tensors

VIEW_TOLERANCE = 0.03  # of a face's side


class FrozenClassifier:
    """The trained classifier as a judge of age: log-odds of old, and calibrated p(old).

    Faces are resampled to the side of the views that it was trained on, and each is averaged with
    its mirror image. Its weights never change, and it is no part of any loss.
    """

    def __init__(self, classifier: Classifier, name: str = "classifier") -> None:
        self.classifier, self.name = classifier, name

    def log_odds(self, faces: Tensor) -> Tensor:
        """Calibrated log-odds of old in nats, (n,) on the classifier's device, with gradients."""
        x = self.views(faces)
        logits = [self.classifier.model(view).float() for view in (x, x.flip(3))]
        odds = sum(z[:, 1] - z[:, 0] for z in logits) / len(logits)
        return odds / self.classifier.temperature

    def views(self, faces: Tensor) -> Tensor:
        """Resample faces to the side of the views that the classifier was trained on."""
        side = self.classifier.crop
        x = faces.to(self.classifier.device).float()
        if x.shape[-1] == side:
            return x
        return F.interpolate(
            x, (side, side), mode="bicubic", antialias=True, align_corners=False
        ).clamp(-1, 1)

    @torch.no_grad()
    def scores(self, faces: Tensor) -> dict[str, Tensor]:
        """Return "log_odds", "p_old", and "judged_old": 1 where p(old) is above one half, or 0."""
        odds = self.log_odds(faces).cpu()
        return {"log_odds": odds, "p_old": odds.sigmoid(), "judged_old": (odds > 0).float()}


class AgeJudge(FrozenClassifier):
    """A trained classifier that says ages, as a judge in years: the expected age.

    Raises:
        UserError: it has learnt none (prepare_faces.py --keep-other-ages).
    """

    steps = (10, 15, 20)

    def __init__(self, classifier: Classifier, name: str = "age_judge") -> None:
        super().__init__(classifier, name)
        if classifier.age_margin is None:
            raise UserError(
                "--age-judge: this classifier has learnt no ages; train one on a store that was "
                "made with --keep-other-ages"
            )

    @torch.no_grad()
    def scores(self, faces: Tensor) -> dict[str, Tensor]:
        """Return "years", the mean of a face's and of its mirror image's."""
        x = self.views(faces)
        columns = [self.classifier.model(view)[:, len(CLASS_NAMES) :] for view in (x, x.flip(3))]
        likely = torch.stack([c.float().softmax(dim=1) for c in columns]).mean(dim=0)
        return {"years": (likely.cpu() @ torch.arange(float(AGES)))}


def require_same_view(judge: FrozenClassifier, shown: float) -> None:
    """Refuse a classifier that knows another share of a stored face's side than it would be shown.

    Raises:
        UserError: its own share differs by more than `VIEW_TOLERANCE`.
    """
    own = judge.classifier.crop / judge.classifier.size
    if abs(own - shown) > VIEW_TOLERANCE:
        raise UserError(
            f"the {judge.name} was trained on {own:.0%} of a face's side, the generators show "
            f"{shown:.0%}: it cannot judge them (--augment.crop)"
        )


def load_judge(
    run: Path, device: torch.device | str | None = None, name: str = "classifier"
) -> FrozenClassifier:
    """Load a trained classifier as a judge.

    Args:
        run: folder of its training.
        device: None takes a GPU if there is one.
        name: under which its scores are reported.

    Raises:
        UserError: the folder is no run of a trained classifier.
    """
    return FrozenClassifier(load_classifier(run, device), name)


def doubt_of(run: Path, store: FaceStore) -> str:
    """Say what to beware of where a judge's run was trained on another store; else nothing."""
    if trained_on(run, store):
        return ""
    return (
        "trained on another store: where that one's training faces are among those judged here, "
        "it is no independent witness"
    )


def fingerprint(run: Path) -> str:
    """What identifies a classifier's weights, in half precision too: a checksum.

    Raises:
        UserError: the run's weights are missing or damaged.
    """
    return checksum(in_half(load_tensors(find_run(run, "classifier") / "best.safetensors")))
