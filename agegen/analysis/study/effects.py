"""How sure a study's differences are: seeds and faces both enter the interval."""

from collections.abc import Callable

import numpy as np
import scipy.stats

from agegen import metrics

SCORES: dict[str, Callable] = {
    "balanced_accuracy": metrics.balanced_accuracy,
    "roc_auc": metrics.roc_auc,
    "negative_log_likelihood": metrics.negative_log_likelihood,
}
Resampled = dict[str, np.ndarray]
"""Score → float64 (1 + resamples,): its value on the faces, then on every bootstrap resample."""


def t_quantile(freedom: int) -> float:
    """0.975 quantile of Student's t."""
    return float(scipy.stats.t.ppf(0.975, freedom))


def resample(y: np.ndarray, logit: np.ndarray, weights: np.ndarray) -> Resampled:
    """Compute every score on the faces and on all bootstrap resamples of them.

    Args:
        y: int (n,), labels.
        logit: float (n,), log p(old) − log p(young).
        weights: (resamples, n), see `metrics.bootstrap_weights`.
    """
    p = metrics.sigmoid(logit)
    return {
        name: np.r_[score(y, p), np.concatenate([score(y, p, w) for w in blocks(weights)])]
        for name, score in SCORES.items()
    }


def blocks(weights: np.ndarray) -> list[np.ndarray]:
    """Cut the resamples into blocks, which bounds the memory."""
    return np.array_split(weights, -(-len(weights) // 100))


def estimates(groups: list[np.ndarray]) -> list[dict]:
    """Mean over seeds of a figure in several groups, each with a 95 % interval.

    The squared standard error of a mean is s² / k + f²: s² is the variance between the k seeds,
    pooled over the groups, since two or three seeds alone say little of it; f² is the variance of
    the mean over bootstrap resamples of the faces (the same resamples for all). The interval is
    Student's t with the pooled degrees of freedom, which is on the safe side for f². With one seed
    everywhere, s² is unknown, and the interval holds the faces' share alone.

    Args:
        groups: one array (k, 1 + resamples) each: the rows are seeds, the first column is the
            figure itself. k may differ.

    Returns:
        {"value", "low", "high"} of each group; null where undefined (a class is absent).
    """
    freedom = sum(len(group) - 1 for group in groups)
    seeds = sum(((g[:, 0] - g[:, 0].mean()) ** 2).sum() for g in groups) / max(freedom, 1)
    quantile = t_quantile(freedom) if freedom else 1.96
    found = []
    for group in groups:
        means = group.mean(axis=0)
        error = np.sqrt(seeds / len(group) + np.nanvar(means[1:]))
        limits = (means[0], means[0] - quantile * error, means[0] + quantile * error)
        names = ("value", "low", "high")
        found.append(
            {n: float(x) if np.isfinite(x) else None for n, x in zip(names, limits, strict=True)}
        )
    return found
