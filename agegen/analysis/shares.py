"""Shares of faces with intervals: of all, by group, and of two groups against each other."""

import numpy as np

from agegen import metrics
from agegen.metrics import as_json


def share(values: np.ndarray, persons: np.ndarray | None = None) -> dict:
    """n faces, the sum of their values, and the mean (`metrics.proportion`); null of no faces.

    Args:
        values: bool or float (n,) in [0, 1]; NaN is no face.
        persons: int (n,), who is on each face; None if nobody is there twice.

    Returns:
        Plain JSON: `n`, `count`, `share` with `value`, `low`, `high`.
    """
    values = np.asarray(values, dtype=np.float64)
    n, count = int((~np.isnan(values)).sum()), float(np.nansum(values))
    return {"n": n, "count": count, "share": metrics.share_as_json(values, persons)}


def by_group(groups: np.ndarray, values: np.ndarray, persons: np.ndarray) -> dict:
    """Share of every group that has a name, in the order of the names."""
    names = sorted(set(groups.tolist()) - {""})
    return {name: share(values[groups == name], persons[groups == name]) for name in names}


def contrast(
    values: np.ndarray,
    first: np.ndarray,
    persons: np.ndarray,
    names: tuple[str, str] = ("errors", "right"),
) -> dict:
    """Share in one group, in the others, and the difference of both.

    The difference's interval takes the groups for independent (`metrics.combined`): if they have
    persons in common it is rather too wide.

    Args:
        values: bool or float (n,) in [0, 1].
        first: bool (n,), the first group: the errors, if nothing else is said.
        persons: int (n,), who is on each face.
        names: of the first group and of the others.

    Returns:
        Plain JSON: `of_errors`, `of_right` (see `share`), `difference` (null where one is empty).
    """
    groups = dict(zip(names, (first, ~first), strict=True))
    one, other = (metrics.proportion(values[of], persons[of]) for of in groups.values())
    return {f"of_{name}": share(values[of], persons[of]) for name, of in groups.items()} | {
        "difference": as_json(metrics.combined((1, one), (-1, other)))
    }
