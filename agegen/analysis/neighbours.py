"""The training faces that a network finds most like a face: nearest by the cosine of features.

A trained network's last features vary along hardly more than the direction of the answer (on
UTKFace 1.6 directions of 256), so that their plain cosines only say how alike two answers are.
Whitened by the training faces they tell apart more: on UTKFace the five nearest faces have the
class of a face as often (0.94 of them), its gender more often (0.62 instead of 0.59).
"""

from contextlib import ExitStack
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from agegen.classifier.predict import Classifier
from agegen.faces.store import FaceStore
from agegen.faces.views import evaluation_views
from agegen.run.errors import UserError

RIDGE = 0.01  # of the mean variance is added to every direction: those without any stay quiet


class Neighbours(NamedTuple):
    """The training faces nearest to some faces, the nearest first."""

    indices: np.ndarray  # int64 (n, k), their numbers in the store
    cosines: np.ndarray  # float64 (n, k), in [−1, 1], of the whitened features
    dimensions: float | None  # that the training faces use: see `participation_ratio`


@torch.no_grad()
def penultimate_features(
    classifier: Classifier, images: np.ndarray, indices: np.ndarray, batch_size: int = 128
) -> np.ndarray:
    """Compute what the network's last layer reads of some faces' centre crops, float32 (n, c).

    That is the linear layer or convolution which is computed last; the input of a convolution is
    averaged over positions. A network with neither raises UserError.
    """
    rows = []
    for start in range(0, len(indices), batch_size):
        batch = torch.from_numpy(images[indices[start : start + batch_size]])
        view = evaluation_views(batch.to(classifier.device), classifier.crop)[0]
        rows.append(penultimate(classifier.model, view).cpu())
    return torch.cat(rows).numpy()


def penultimate(model: nn.Module, views: Tensor) -> Tensor:
    """What the last layer reads of views (n, 3, h, w), float32 (n, c); see above."""
    inputs: list[Tensor] = []

    def keep(_module: nn.Module, read: tuple[Tensor, ...]) -> None:
        inputs[:] = read[:1]

    layers = [m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    if not layers:
        raise UserError("the network has no linear layer or convolution to compare faces by")
    with ExitStack() as hooks:
        for layer in layers:
            hooks.callback(layer.register_forward_pre_hook(keep).remove)
        model(views)
    x = inputs[-1].float()
    return x.mean(dim=(2, 3)) if x.ndim == 4 else x.flatten(1)


def nearest_faces(
    classifier: Classifier, store: FaceStore, indices: np.ndarray, count: int = 5
) -> Neighbours:
    """Find the `count` training faces whose whitened features point most nearly the same way."""
    training = store.indices("train")
    known = penultimate_features(classifier, store.images, training)
    asked = penultimate_features(classifier, store.images, indices)
    order, cosines = most_alike(*whitened(asked, known), count)
    return Neighbours(training[order], cosines, participation_ratio(known))


def whitened(asked: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre both, and scale the directions of `known` (m, c) to about the same variance."""
    centre = known.mean(axis=0, dtype=np.float64)
    a, k = asked - centre, known - centre
    variances, directions = np.linalg.eigh(k.T @ k / len(k))
    variances = np.maximum(variances, 0)
    scale = directions / np.sqrt(np.maximum(variances + RIDGE * variances.mean(), 1e-24))
    return a @ scale, k @ scale


def most_alike(
    asked: np.ndarray, known: np.ndarray, count: int, block: int = 256
) -> tuple[np.ndarray, np.ndarray]:
    """Find the `count` rows of `known` with the highest cosines, the highest first."""
    directions, found = unit(known), []
    for start in range(0, len(asked), block):
        cosines = unit(asked[start : start + block]) @ directions.T
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
        found.append((order, np.take_along_axis(cosines, order, axis=1)))
    numbers, cosines = zip(*found, strict=True)
    return np.concatenate(numbers), np.concatenate(cosines)


def unit(features: np.ndarray) -> np.ndarray:
    """Scale rows to length 1; rows of zeros stay."""
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)


def participation_ratio(features: np.ndarray) -> float | None:
    """How many directions features make use of, at least 1; None if nothing varies.

    The participation ratio (Σλ)² / Σλ² of the eigenvalues of their covariance.
    """
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    covariance = centred.T @ centred  # its scale cancels
    squares = (covariance**2).sum()
    return float(np.trace(covariance) ** 2 / squares) if squares else None
