"""Probabilities from a trained classifier: for a batch of faces or the faces of a store."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from agegen.classifier.ages import AgeEstimates, estimate_ages
from agegen.classifier.config import TrainConfig
from agegen.classifier.model import build_model
from agegen.faces.records import CLASS_NAMES, OLD, YOUNG
from agegen.faces.store import FaceStore
from agegen.faces.views import Views, at_side, evaluation_views
from agegen.metrics import sigmoid
from agegen.run.configs import from_plain, read_config
from agegen.run.devices import default_device
from agegen.run.errors import UserError
from agegen.run.files import explained_damage, read_json
from agegen.run.hub import as_typed
from agegen.run.pretrained import require_run
from agegen.run.tensor_files import load_tensors


class Answers(NamedTuple):
    """What a classifier says of faces; every array is float64 with one entry per face."""

    log_odds: np.ndarray  # log p(old) − log p(young), before temperature scaling
    p_old: np.ndarray  # after it
    likely: np.ndarray | None  # (n, 101): how likely each age is; None where it says no ages


@dataclass(frozen=True)
class Classifier:
    """A frozen, calibrated classifier.

    Attributes:
        model: the network, in evaluation mode, without gradients.
        size: side in pixels of the faces that it was trained on.
        crop: side in pixels of what the network sees of them.
        views: the views that predictions average over, unless told otherwise.
        temperature: divides the log-odds before they become probabilities; fitted on validation.
        config: how it was trained.
        device: where it computes.
        age_margin: what widens the intervals of ages, in years; fitted on validation. None where
            the network says no ages.
    """

    model: nn.Module
    size: int
    crop: int
    views: Views
    temperature: float
    config: TrainConfig
    device: torch.device
    age_margin: float | None = None

    def answer(
        self, images: np.ndarray, indices: np.ndarray | None = None, views: Views | None = None
    ) -> Answers:
        """Return classes and ages of faces, each looked at once; arguments as in `log_odds`."""
        chosen = np.arange(len(images)) if indices is None else indices
        shown = views or self.views
        rows = mean_outputs(self.model, images, chosen, self.crop, shown, self.device)
        logit, likely = rows[:, 0].double().numpy(), rows[:, 1:].double().numpy()
        return Answers(logit, sigmoid(logit / self.temperature), likely if likely.size else None)

    def estimate_ages(self, answers: Answers) -> AgeEstimates | None:
        """Ages in years with calibrated intervals; None where the network says none."""
        if answers.likely is None or self.age_margin is None:
            return None
        return estimate_ages(answers.likely, self.age_margin)

    def log_odds(
        self, images: np.ndarray, indices: np.ndarray | None = None, views: Views | None = None
    ) -> np.ndarray:
        """Return log p(old) − log p(young) before temperature scaling, float64 (n,).

        Args:
            images: uint8 (n, h, w, 3), at least `crop` on each side.
            indices: which of them; None takes all.
            views: None takes the classifier's own.
        """
        return self.answer(images, indices, views).log_odds

    def probabilities(
        self, images: np.ndarray, indices: np.ndarray | None = None, views: Views | None = None
    ) -> np.ndarray:
        """Return the calibrated p(old), float64 (n,) in [0, 1]; arguments as in `log_odds`."""
        return self.answer(images, indices, views).p_old


def load_classifier(run: Path, device: torch.device | str | None = None) -> Classifier:
    """Load the best epoch of a run; no flags about the network are needed.

    Args:
        run: folder of a trained classifier; `agegen.run.pretrained.PRETRAINED` is the one that
            comes with the package.
        device: None takes a GPU if there is one.

    Raises:
        UserError: the folder is no run, has no validated epoch yet, or is damaged.
    """
    folder = require_run(run, "classifier")
    if not all((folder / f"best.{kind}").exists() for kind in ("json", "safetensors")):
        raise UserError(f"{as_typed(run)} has no validated epoch yet: train it first")
    saved = read_config(folder)
    config = from_plain(TrainConfig, saved["config"], folder / "config.json")
    device = torch.device(device or default_device())
    model = build_model(config.model)
    try:
        model.load_state_dict(load_tensors(folder / "best.safetensors"))
    except RuntimeError:
        weights = f"{as_typed(run)}/best.safetensors"
        raise UserError(f"{weights} does not fit the network in config.json") from None
    model = model.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(False)
    with explained_damage(folder / "config.json"):
        size = int(saved["data"]["size"])
    with explained_damage(folder / "best.json"):
        best = read_json(folder / "best.json")
        temperature, margin = float(best["temperature"]), best.get("age_margin")
        margin = None if margin is None else float(margin)
    crop, views = config.augment.crop, config.views
    return Classifier(model, size, crop, views, temperature, config, device, margin)


def require_size(classifier: Classifier, store: FaceStore) -> None:
    """Refuse faces of another size than the network was trained on: it knows their scale."""
    if store.size != classifier.size:
        raise UserError(
            f"the faces of {store.folder} have {store.size} pixels, this classifier was trained on "
            f"{classifier.size}: prepare them with --size {classifier.size}"
        )


@torch.no_grad()
def mean_outputs(
    model: nn.Module,
    images: np.ndarray,
    indices: np.ndarray,
    crop: int,
    views: Views,
    device: torch.device,
    batch_size: int = 128,
    side: int | None = None,
) -> Tensor:
    """Compute log-odds and ages, averaged over the views, float32 on the CPU.

    (n, 1), or (n, 102) where the network says ages: log p(old) − log p(young), then the probability
    of each age. The model gives logits (n, 2) or (n, 103) for float n c h w in [−1, 1]; it is put
    into evaluation mode.
    Images are uint8 (n, h, w, 3) and may be memory-mapped. Views have `crop` pixels, and are
    resampled to `side` if that is given.
    """
    model.eval()
    rows = []
    chosen = indices if len(indices) else np.zeros(min(len(images), 1), dtype=int)
    for start in range(0, len(chosen), batch_size):
        batch = torch.from_numpy(images[chosen[start : start + batch_size]]).to(device)
        shown = [at_side(view, side or crop) for view in evaluation_views(batch, crop, views)]
        outputs = torch.stack([model(view).float() for view in shown])
        odds = outputs[..., OLD, None] - outputs[..., YOUNG, None]
        likely = outputs[..., len(CLASS_NAMES) :].softmax(dim=-1)
        rows.append(torch.cat([odds, likely], dim=-1).mean(dim=0).cpu())
    # of no faces the shape is that of a network's rows, too: processes put theirs together
    return torch.cat(rows)[: len(indices)] if rows else torch.empty(0, 1)
