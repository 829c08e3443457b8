"""Pure functions of scores and labels; no network, no files.

Binary classification of young (0) against old (1). `p` is the probability of class 1, in [0, 1].
Every figure takes weights of shape (..., n) and returns (...), so that all bootstrap resamples are
one call: a resample is a row of whole-number weights (how often each face was drawn). Reported
shares of faces are not resampled: `proportion` gives them exact intervals.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats

EPSILON = 1e-12
ROUNDING = 1e-12
"""Differences up to this are of floating point, and none of faces."""
SHARE_INTERVALS = "Clopper and Pearson's (1934), of the effective number of faces"
"""How `proportion` makes them; files of figures say so."""
Weights = np.ndarray | None


class Estimate(NamedTuple):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


def uniform(y: np.ndarray, weights: Weights) -> np.ndarray:
    """Return the weights as float64, ones if there are none."""
    return np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)


def mean(values: np.ndarray, weights: Weights = None) -> np.ndarray:
    """Weighted mean over the last axis; NaN where the weights sum to 0."""
    w = uniform(values, weights)
    total = w.sum(axis=-1)
    return np.divide(w @ values, total, out=np.full(total.shape, np.nan), where=total > 0)


def accuracy(y: np.ndarray, p: np.ndarray, weights: Weights = None) -> np.ndarray:
    """Share of faces whose more probable class is their label."""
    return mean(((p > 0.5) == y).astype(np.float64), weights)


def recall(y: np.ndarray, p: np.ndarray, label: int, weights: Weights = None) -> np.ndarray:
    """Share of the faces of class `label` that are classified as such."""
    return accuracy(y, p, uniform(y, weights) * (y == label))


def balanced_accuracy(y: np.ndarray, p: np.ndarray, weights: Weights = None) -> np.ndarray:
    """Mean of the two recalls: 0.5 for any constant answer, whatever the class sizes."""
    return (recall(y, p, 0, weights) + recall(y, p, 1, weights)) / 2


def roc_auc(y: np.ndarray, p: np.ndarray, weights: Weights = None) -> np.ndarray:
    """Area under the ROC curve: P(p of an old face > p of a young one), ties counting one half."""
    w = uniform(y, weights)
    order = np.argsort(p, kind="stable")
    y, p, w = y[order], p[order], w[..., order]
    starts = np.flatnonzero(np.r_[True, np.diff(p) > 0])
    negative = np.add.reduceat(w * (y == 0), starts, axis=-1)
    positive = np.add.reduceat(w * (y == 1), starts, axis=-1)
    below = np.cumsum(negative, axis=-1) - negative / 2
    wins = (positive * below).sum(axis=-1)
    pairs = positive.sum(axis=-1) * negative.sum(axis=-1)
    return np.divide(wins, pairs, out=np.full(pairs.shape, np.nan), where=pairs > 0)


def confusion_matrix(y: np.ndarray, p: np.ndarray, weights: Weights = None) -> np.ndarray:
    """Counts (..., 2, 2): rows are true classes, columns are predicted ones."""
    w = uniform(y, weights)
    predicted = (p > 0.5).astype(int)
    cells = [[(w * ((y == t) & (predicted == q))).sum(axis=-1) for q in (0, 1)] for t in (0, 1)]
    return np.moveaxis(np.array(cells), (0, 1), (-2, -1))


def negative_log_likelihood(y: np.ndarray, p: np.ndarray, weights: Weights = None) -> np.ndarray:
    """Mean −log p(label), in nats."""
    return mean(-np.log(np.clip(np.where(y == 1, p, 1 - p), EPSILON, 1)), weights)


def brier_score(y: np.ndarray, p: np.ndarray, weights: Weights = None) -> np.ndarray:
    """Mean (p − y)², between 0 and 1 (Brier, 1950, one-sided form for two classes)."""
    return mean((p - y) ** 2, weights)


def expected_calibration_error(
    y: np.ndarray, p: np.ndarray, weights: Weights = None, bins: int = 15
) -> np.ndarray:
    """Mean |accuracy − confidence| over equal-width confidence bins (Guo et al., 2017, eq. 3).

    The estimate is biased upwards on small samples: about 1.4 % for 1,000 faces even when the
    calibration is perfect.
    """
    w = uniform(y, weights)
    confidence = np.maximum(p, 1 - p)
    excess = ((p > 0.5) == y) - confidence
    member = np.eye(bins)[np.minimum((confidence * bins).astype(int), bins - 1)]
    gaps = (w * excess) @ member
    return np.abs(gaps).sum(axis=-1) / w.sum(axis=-1)


def margin(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """p(label) − p(other label) of every face, in [−1, 1]."""
    return np.where(y == 1, 2 * p - 1, 1 - 2 * p)


def variance(values: np.ndarray, weights: Weights = None) -> np.ndarray:
    """Weighted population variance over the last axis."""
    return np.maximum(mean(values**2, weights) - mean(values, weights) ** 2, 0)


def bootstrap_weights(
    n: int, clusters: np.ndarray | None = None, resamples: int = 1000, seed: int = 0
) -> np.ndarray:
    """Draw bootstrap resamples as weights, float64 (resamples, n).

    Args:
        n: number of faces.
        clusters: int (n,); faces of one cluster (a person) are drawn together, because they are
            not independent. None draws single faces.
        resamples: number of resamples.
        seed: of the draw.
    """
    clusters = np.arange(n) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    k = int(clusters.max(initial=-1)) + 1
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(k, np.full(k, 1 / max(k, 1)), size=resamples)
    return drawn[:, clusters].astype(np.float64)


def estimate(figure: Callable[[Weights], np.ndarray], weights: np.ndarray) -> Estimate:
    """Value on the sample itself and 95 % percentile bootstrap interval (Efron, 1979).

    Resamples on which the figure is undefined (a class is absent) are left out. Where all others
    give the same number, as those of one person do, they know of no uncertainty: the interval is
    NaN, which is unknown.
    """
    blocks = np.array_split(weights, -(-len(weights) // 100))  # bounds the memory
    resampled = np.concatenate([figure(block) for block in blocks])
    low, high = spread_of(resampled[np.isfinite(resampled)])
    return Estimate(float(figure(None)), low, high)


def or_nothing(found: Estimate) -> Estimate:
    """The same; 0 for certain where a measure of change is 0 on every resample.

    Faces that are left as they are change by nothing. Not for scores of answers (accuracy, AUC),
    which may be equal by chance.
    """
    return Estimate(0.0, 0.0, 0.0) if found.value == 0 and np.isnan(found.low) else found


def spread_of(resampled: np.ndarray) -> tuple[float, float]:
    """The 2.5 and 97.5 % quantiles of resampled numbers (r,); NaN where these do not differ."""
    if not len(resampled):
        return float("nan"), float("nan")
    low, high = np.quantile(resampled, [0.025, 0.975])
    if high - low <= ROUNDING * max(1.0, abs(high)):
        return float("nan"), float("nan")
    return float(low), float(high)


def proportion(values: np.ndarray, persons: np.ndarray | None = None) -> Estimate:
    """Share of faces with an interval that holds for few, for all or none, and several of a person.

    Clopper and Pearson's (1934) with the effective number of faces (Korn and Graubard, 1998,
    "Confidence intervals for proportions with small expected number of positive counts estimated
    from survey data"): without persons in common the exact binomial interval.

    Args:
        values: bool or float (n,) in [0, 1], one a face; NaN is no face.
        persons: int (n,), who is on each face; None if nobody is there twice.

    Returns:
        NaN throughout of no faces; else 0 ≤ low ≤ value ≤ high ≤ 1 with low < high.
    """
    values = np.asarray(values, dtype=np.float64)
    persons = np.arange(len(values)) if persons is None else persons
    values, persons = values[~np.isnan(values)], persons[~np.isnan(values)]
    if not len(values):
        return Estimate(float("nan"), float("nan"), float("nan"))
    share, n = float(values.mean()), effective_number(values, persons)
    quantile = stats.beta.ppf
    low = quantile(0.025, n * share, n * (1 - share) + 1) if share > 0 else 0.0
    high = quantile(0.975, n * share + 1, n * (1 - share)) if share < 1 else 1.0
    return Estimate(share, float(low), float(high))


def effective_number(values: np.ndarray, persons: np.ndarray) -> float:
    """How many independent faces, each 0 or 1, say as much of the share as these.

    By the variance of the share over persons, and with Student's quantiles for their number; at
    most n of faces that are 0 or 1. Where that variance says nothing, as all faces are alike or
    all persons are, every person counts as one face.
    """
    n, share = len(values), values.mean()
    number = np.unique(persons, return_inverse=True)[1]
    groups = int(number.max()) + 1
    squares = float((np.bincount(number, weights=values - share) ** 2).sum())
    if groups == 1 or squares <= ROUNDING * n:
        return float(groups)
    variance = groups / (groups - 1) * squares / n**2
    wider = float(stats.t.ppf(0.975, groups - 1) / stats.t.ppf(0.975, n - 1))
    reduced = n / (n - 1) * share * (1 - share) / variance / wider**2
    independent = n * share * (1 - share) / values.var()  # n, or more of values between 0 and 1
    return float(min(reduced, independent))


def paired_difference(
    first: np.ndarray, second: np.ndarray, persons: np.ndarray | None = None
) -> Estimate:
    """Share of faces that only the first has less the share that only the second has.

    Both bool or float (n,) in [0, 1], of the same faces; persons: see `proportion`.
    """
    change = np.asarray(first, dtype=np.float64) - second
    gained, lost = (proportion(np.maximum(by, 0), persons) for by in (change, -change))
    return combined((1, gained), (-1, lost))


def combined(*parts: tuple[float, Estimate]) -> Estimate:
    """Sum of independent estimates, each times a factor; interval by MOVER (Zou and Donner, 2008).

    Of shares of other persons it is Newcombe's (1998), and no certainty where all or none are.
    """
    value = sum(factor * e.value for factor, e in parts)
    below, above = 0.0, 0.0
    for factor, e in parts:
        ends = sorted((factor * e.low, factor * e.high))
        below += (factor * e.value - ends[0]) ** 2
        above += (factor * e.value - ends[1]) ** 2
    return Estimate(value, value - below**0.5, value + above**0.5)


def as_json(found: Estimate) -> dict:
    """Name the three numbers; NaN becomes null, which JSON has."""
    return {name: x if np.isfinite(x) else None for name, x in found._asdict().items()}


def share_as_json(values: np.ndarray, persons: np.ndarray | None = None) -> dict:
    """A share of faces with its interval, see `proportion`."""
    return as_json(proportion(values, persons))


def mean_as_json(values: np.ndarray, weights: np.ndarray) -> dict:
    """The mean of values (n,) over faces with its interval, by bootstrap resamples (r, n)."""
    return as_json(or_nothing(estimate(lambda w: mean(values, w), weights)))


def sigmoid(logit: np.ndarray) -> np.ndarray:
    """Turn logits into probabilities, without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(logit, dtype=np.float64)))


def fit_temperature(y: np.ndarray, logit: np.ndarray) -> float:
    """Fit T > 0 that minimises the NLL of sigmoid(logit / T) (Guo et al., 2017, section 4.2).

    The NLL is convex in 1 / T, so a golden-section search over log T in [−3, 3] finds the minimum.

    Args:
        y: int (n,), labels 0 or 1 of held-out (validation) faces.
        logit: float (n,), log p(old) − log p(young).
    """
    low, high = -3.0, 3.0
    ratio = (np.sqrt(5) - 1) / 2

    def loss(log_t: float) -> float:
        return float(np.logaddexp(0, np.where(y == 1, -logit, logit) / np.exp(log_t)).mean())

    for _ in range(60):
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, b) if loss(a) < loss(b) else (a, high)
    return float(np.exp((low + high) / 2))
