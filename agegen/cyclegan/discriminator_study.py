"""How fast a discriminator learns to tell real old faces from real young ones.

A generator learns no faster than its discriminator does, so that this short question, which needs
no generator, says which discriminators are worth a long training.
"""

import time
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from agegen import metrics
from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.losses import least_squares_discriminator
from agegen.cyclegan.model import PatchDiscriminator
from agegen.cyclegan.training import fitted_to
from agegen.cyclegan.translate import centre_views
from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import FaceStore, clusters
from agegen.run.devices import native_precision
from agegen.run.errors import UserError

Norm = Literal["instance", "none", "spectral"]


class Setting(NamedTuple):
    """A discriminator and its training; `batch` is the faces of each class per step."""

    receptive_field: int
    batch: int
    learning_rate: float = 2e-4
    norm: Norm = "instance"


SETTINGS = (
    Setting(34, 1),
    Setting(34, 1, learning_rate=1e-3),
    Setting(34, 1, norm="none"),
    Setting(34, 1, norm="spectral"),
    Setting(34, 4),
    Setting(70, 1),
    Setting(70, 8),
)


class StudyFaces(NamedTuple):
    """Faces of both classes, young first: float (n, 3, size, size) in [−1, 1] each.

    `labels` (n,) and `weights` (r, n) are of the held-out faces, young ones first.
    """

    train: list[Tensor]
    held_out: list[Tensor]
    labels: np.ndarray
    weights: np.ndarray


def choose(
    store: FaceStore, size: int, most: int = 1400, held_out: int = 150, resamples: int = 1000
) -> StudyFaces:
    """Draw training and test faces of each class, at most so many; without random views.

    Raises:
        UserError: a class has no faces in a split.
    """
    config = fitted_to(CycleGANConfig(store.folder, Path(), size=size), store)
    drawn = {s: draw(store, s, n) for s, n in (("train", most), ("test", held_out))}
    views = {s: [centre_views(store.images[i], config) for i in drawn[s]] for s in drawn}
    tested = np.concatenate(drawn["test"])
    weights = metrics.bootstrap_weights(len(tested), clusters(store, tested), resamples)
    return StudyFaces(views["train"], views["test"], store.labels[tested], weights)


def draw(store: FaceStore, split: str, most: int) -> list[np.ndarray]:
    """Numbers of the faces of each class, in the store's order."""
    found = []
    for label, name in enumerate(CLASS_NAMES):
        of_class = store.indices(split)
        of_class = of_class[store.labels[of_class] == label]
        if not len(of_class):
            raise UserError(f"{store.folder} has no {name} faces in its {split} split")
        found.append(np.sort(np.random.default_rng(0).permutation(of_class)[:most]))
    return found


def build(setting: Setting, width: int) -> nn.Module:
    """The package's discriminator, or the same layers without norm or with spectral norm.

    Without a norm, weights of N(0, 0.02) would let the signal vanish: He et al.'s (2015) instead.
    """
    network = PatchDiscriminator(width, setting.receptive_field)
    if setting.norm == "instance":
        return network
    layers = [m for m in network if not isinstance(m, nn.InstanceNorm2d)]
    if setting.norm == "spectral":
        return nn.Sequential(*(spectral_norm(m) if isinstance(m, nn.Conv2d) else m for m in layers))
    for module in layers[:-1]:
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, 0.2)
    return nn.Sequential(*layers)


def learn(setting: Setting, faces: StudyFaces, steps: int, width: int, seed: int) -> np.ndarray:
    """Train one with the least-squares loss; the scores of the held-out faces, float64 (n,).

    A face's score is the mean over its patches; old faces count as real.
    """
    torch.manual_seed(seed)
    network, rng = build(setting, width), np.random.default_rng(seed + 1)
    optimizer = torch.optim.Adam(network.parameters(), lr=setting.learning_rate, betas=(0.5, 0.999))
    for _ in range(steps):
        young, old = (of[rng.integers(0, len(of), setting.batch)] for of in faces.train)
        with torch.autocast("cpu", torch.bfloat16, enabled=native_precision() == "bf16"):
            judged = network(torch.cat([old, young])).float()
        optimizer.zero_grad()
        least_squares_discriminator(*judged.split(setting.batch)).backward()
        optimizer.step()
    with torch.no_grad():
        return torch.cat([network(of).mean((1, 2, 3)) for of in faces.held_out]).double().numpy()


def measure(
    setting: Setting, faces: StudyFaces, seeds: int, steps: int = 1000, width: int = 32
) -> dict:
    """AUC on the held-out faces: its mean over seeds, with an interval over faces, and each."""
    start = time.monotonic()
    scores = [learn(setting, faces, steps, width, seed) for seed in range(seeds)]
    seconds = (time.monotonic() - start) / seeds

    def mean_auc(weights: metrics.Weights) -> np.ndarray:
        return np.mean([metrics.roc_auc(faces.labels, s, weights) for s in scores], axis=0)

    each = [float(metrics.roc_auc(faces.labels, s)) for s in scores]
    auc = metrics.as_json(metrics.estimate(mean_auc, faces.weights))
    return {**setting._asdict(), "auc": auc, "of_seeds": each, "seconds": seconds}
