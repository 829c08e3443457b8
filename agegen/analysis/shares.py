"""Shares of faces with intervals: of all, by group, and of two groups against each other."""

import numpy as np

from agegen import metrics
from agegen.metrics import as_json


def share(values: np.ndarray, weights: np.ndarray) -> dict:
    """n faces, the sum of their values, and the mean (`metrics.proportion`); null of no faces.

    Args:
        values: bool or float (n,) in [0, 1].
        weights: bootstrap weights (resamples, n).

    Returns:
        Plain JSON: `n`, `count`, `share` with `value`, `low`, `high`.
    """
    n, values = len(values), values.astype(np.float64)
    if not n:
        return {"n": 0, "count": 0.0, "share": {"value": None, "low": None, "high": None}}
    estimate = metrics.proportion(values, weights)
    return {"n": n, "count": float(values.sum()), "share": as_json(estimate)}


def by_group(groups: np.ndarray, values: np.ndarray, weights: np.ndarray) -> dict:
    """Share of every group that has a name, in the order of the names."""
    names = sorted(set(groups.tolist()) - {""})
    return {name: share(values[groups == name], weights[:, groups == name]) for name in names}


def contrast(
    values: np.ndarray,
    first: np.ndarray,
    weights: np.ndarray,
    names: tuple[str, str] = ("errors", "right"),
) -> dict:
    """Share in one group, in the others, and the difference of both on the same resamples.

    Args:
        values: bool or float (n,) in [0, 1].
        first: bool (n,), the first group: the errors, if nothing else is said.
        weights: bootstrap weights (resamples, n).
        names: of the first group and of the others.

    Returns:
        Plain JSON: `of_errors`, `of_right` (see `share`), `difference` (null where one is empty).
    """
    x = values.astype(np.float64)

    def difference(w: metrics.Weights) -> np.ndarray:
        all_weights = metrics.uniform(x, w)
        return metrics.mean(x, all_weights * first) - metrics.mean(x, all_weights * ~first)

    groups = zip(names, (first, ~first), strict=True)
    return {f"of_{name}": share(values[of], weights[:, of]) for name, of in groups} | {
        "difference": as_json(metrics.estimate(difference, weights))
    }
