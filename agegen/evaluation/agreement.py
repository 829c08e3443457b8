"""Do the pixels that a generator changes coincide with those that the classifier looks at?

Each face's map of change is compared with its own map of attribution, and, as the control, with
that of another face: faces are laid out alike, so that any two maps agree somewhat.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from agegen.analysis.attributions import attribute, blurred_sum, rank_correlation
from agegen.evaluation.frozen_classifier import FrozenClassifier
from agegen.metrics import mean_as_json

MOST = 64  # faces; attributions take long
KEPT_SIDE = 24  # pixels of the mean maps that are kept


def measure_agreement(
    judge: FrozenClassifier, faces: Tensor, fake: Tensor, weights: np.ndarray, persons: np.ndarray
) -> dict:
    """Compare where faces were changed with where the judge looks (integrated gradients).

    Args:
        judge: whose attributions are computed, of the source faces.
        faces: float (n, 3, h, w) in [−1, 1], in random order: the first `MOST` are taken.
        fake: what was made of them.
        weights: bootstrap resamples (r, n).
        persons: who they are, int (n,).

    Returns:
        Spearman's correlation over a face's pixels, mean over faces: ``own``, ``control`` (the
        attributions of another person's face) and their ``difference``, with intervals; ``n``; and
        the mean maps ``changed`` and ``attributed``, `KEPT_SIDE` rows of as many shares of the
        whole.
    """
    faces, fake, weights = faces[:MOST], fake[:MOST], weights[:, :MOST]
    views = judge.views(faces)
    attributed = np.abs(attribute(judge.classifier.model, views).signed)
    changed = blurred_sum((judge.views(fake) - views).abs())
    own = rank_correlation(changed, attributed)
    control = rank_correlation(changed, attributed[other_people(persons[:MOST])])
    figures = {"own": own, "control": control, "difference": own - control}
    return {
        "n": len(faces),
        **{name: mean_as_json(values, weights) for name, values in figures.items()},
        "changed": mean_map(changed),
        "attributed": mean_map(attributed),
    }


def other_people(persons: np.ndarray) -> np.ndarray:
    """For each face the next one of another person, going round; itself if there is none."""
    n = len(persons)
    found = np.arange(n)
    for number in range(n):
        others = (number + np.arange(1, n)) % n
        others = others[persons[others] != persons[number]]
        found[number] = others[0] if len(others) else number
    return found


def mean_map(maps: np.ndarray) -> list[list[float]]:
    """The mean of maps, each as shares of its sum, shrunk; of maps of nothing it is 0."""
    shares = maps / np.maximum(maps.sum(axis=(1, 2), keepdims=True), 1e-12)
    mean = torch.from_numpy(shares.mean(axis=0))[None, None]
    small = F.interpolate(mean, (KEPT_SIDE, KEPT_SIDE), mode="area")[0, 0]
    return [[round(float(x), 5) for x in row] for row in small / small.sum().clamp(min=1e-12)]
