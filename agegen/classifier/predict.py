"""Probabilities from a trained classifier: for a batch of faces or the faces of a store."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from agegen.classifier.config import TrainConfig
from agegen.classifier.model import build_model
from agegen.faces.store import FaceStore
from agegen.faces.views import Views, at_side, evaluation_views
from agegen.metrics import sigmoid
from agegen.run.configs import from_plain, read_config
from agegen.run.devices import default_device
from agegen.run.errors import UserError
from agegen.run.files import explained_damage, read_json
from agegen.run.pretrained import require_run
from agegen.run.tensor_files import load_tensors


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
    """

    model: nn.Module
    size: int
    crop: int
    views: Views
    temperature: float
    config: TrainConfig
    device: torch.device

    def log_odds(
        self, images: np.ndarray, indices: np.ndarray | None = None, views: Views | None = None
    ) -> np.ndarray:
        """Return log p(old) − log p(young) before temperature scaling, float64 (n,).

        Args:
            images: uint8 (n, h, w, 3), at least `crop` on each side.
            indices: which of them; None takes all.
            views: None takes the classifier's own.
        """
        chosen = np.arange(len(images)) if indices is None else indices
        return (
            log_odds(self.model, images, chosen, self.crop, views or self.views, self.device)
            .double()
            .numpy()
        )

    def probabilities(
        self, images: np.ndarray, indices: np.ndarray | None = None, views: Views | None = None
    ) -> np.ndarray:
        """Return the calibrated p(old), float64 (n,) in [0, 1]; arguments as in `log_odds`."""
        return sigmoid(self.log_odds(images, indices, views) / self.temperature)


def load_classifier(run: Path, device: torch.device | str | None = None) -> Classifier:
    """Load the best epoch of a run; no flags about the network are needed.

    Args:
        run: folder of a trained classifier; `agegen.run.pretrained.PRETRAINED` is the one that
            comes with the package.
        device: None takes a GPU if there is one.

    Raises:
        UserError: the folder is no run, has no validated epoch yet, or is damaged.
    """
    run = require_run(run, "classifier")
    if not (run / "best.json").exists():
        raise UserError(f"{run} has no validated epoch yet: train it first")
    saved = read_config(run)
    config = from_plain(TrainConfig, saved["config"], run / "config.json")
    device = torch.device(device or default_device())
    model = build_model(config.model)
    try:
        model.load_state_dict(load_tensors(run / "best.safetensors"))
    except RuntimeError:
        raise UserError(f"{run}/best.safetensors does not fit the network in config.json") from None
    model = model.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(False)
    with explained_damage(run / "config.json"):
        size = int(saved["data"]["size"])
    with explained_damage(run / "best.json"):
        temperature = float(read_json(run / "best.json")["temperature"])
    return Classifier(model, size, config.augment.crop, config.views, temperature, config, device)


def require_size(classifier: Classifier, store: FaceStore) -> None:
    """Refuse faces of another size than the network was trained on: it knows their scale."""
    if store.size != classifier.size:
        raise UserError(
            f"the faces of {store.folder} have {store.size} pixels, this classifier was trained on "
            f"{classifier.size}: prepare them with --size {classifier.size}"
        )


@torch.no_grad()
def log_odds(
    model: nn.Module,
    images: np.ndarray,
    indices: np.ndarray,
    crop: int,
    views: Views,
    device: torch.device,
    batch_size: int = 128,
    side: int | None = None,
) -> Tensor:
    """Compute log p(old) − log p(young), averaged over the views, float32 (n,) on the CPU.

    The model gives logits (n, 2) for float n c h w in [−1, 1]; it is put into evaluation mode.
    Images are uint8 (n, h, w, 3) and may be memory-mapped. Views have `crop` pixels, and are
    resampled to `side` if that is given.
    """
    model.eval()
    scores = [torch.empty(0)]
    for start in range(0, len(indices), batch_size):
        batch = torch.from_numpy(images[indices[start : start + batch_size]]).to(device)
        shown = [at_side(view, side or crop) for view in evaluation_views(batch, crop, views)]
        logits = torch.stack([model(view).float() for view in shown])
        scores.append((logits[..., 1] - logits[..., 0]).mean(dim=0).cpu())
    return torch.cat(scores)
