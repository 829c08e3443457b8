"""Ages in years beside the two classes: what is learnt from every face, and how it is read.

The network says how likely each age from 0 to 100 is. It learns that as label distributions, with
the expected age beside them (Gao et al., 2018, "Age Estimation Using Expectation of Label
Distribution Learning"): neighbouring ages look alike, so that one face teaches several.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from agegen.faces.records import OLDEST_KEPT
from agegen.faces.store import UNKNOWN_AGE

AGES = OLDEST_KEPT + 1
SPREAD = (
    3.0  # years: standard deviation of what is taught of a face, about that of people's guesses
)
COVERAGE = 0.8  # share of the faces whose age lies within the interval that is said


class AgeEstimates(NamedTuple):
    """Ages in years; every array is float64 with one entry per face."""

    years: np.ndarray  # expected age
    low: np.ndarray  # of an interval that holds the age of 4 of 5 faces like those of validation
    high: np.ndarray


def age_loss(columns: Tensor, ages: Tensor) -> Tensor:
    """Loss of each face, float32 (n,); 0 where the age is unknown.

    Args:
        columns: float (n, 101), logarithms of how likely each age is, up to a constant.
        ages: int64 (n,) in years; −1 where unknown.
    """
    years = torch.arange(AGES, device=columns.device, dtype=torch.float32)
    truth = ages.clamp(0, AGES - 1).float()
    taught = torch.softmax(-((years - truth[:, None]) / SPREAD).square() / 2, dim=1)
    said = columns.float().log_softmax(dim=1)
    distribution = -(taught * said).sum(dim=1)
    expected = (said.exp() * years).sum(dim=1)
    each = 0.3 * distribution + 0.1 * (expected - truth).abs()
    return torch.where(ages == UNKNOWN_AGE, 0.0, each)


def fit_margin(likely: np.ndarray, ages: np.ndarray) -> float:
    """Years by which intervals must be widened (or narrowed) to hold `COVERAGE` of these ages.

    Conformalised quantile regression (Romano, Patterson and Candès, 2019): `likely` (n, 101) is of
    faces that were not trained on, `ages` int (n,) are theirs.
    """
    low, high = quantiles(likely)
    beyond = np.sort(np.maximum(low - ages, ages - high))
    rank = min(int(np.ceil(COVERAGE * (len(ages) + 1))), len(ages))
    return float(beyond[rank - 1])


def estimate_ages(likely: np.ndarray, margin: float) -> AgeEstimates:
    """Read ages off the distributions (n, 101) with the margin that `fit_margin` found."""
    years = likely @ np.arange(AGES)
    low, high = quantiles(likely)
    ends = np.clip(low - margin, 0, years), np.maximum(high + margin, years)
    return AgeEstimates(years, *ends)


def quantiles(likely: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ages between which the middle `COVERAGE` of each distribution lies, interpolated."""
    below = np.cumsum(likely, axis=1)
    ends = []
    for level in ((1 - COVERAGE) / 2, (1 + COVERAGE) / 2):
        at = (below < level).sum(axis=1).clip(max=AGES - 1)
        rows = np.arange(len(likely))
        before = np.where(at > 0, below[rows, at - 1], 0.0)
        ends.append(at - 0.5 + (level - before) / np.maximum(likely[rows, at], 1e-12))
    return ends[0], ends[1]
