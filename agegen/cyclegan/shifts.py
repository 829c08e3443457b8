"""How far a judge's score moved, with intervals over the faces of both classes.

The gap between the real classes is measured on faces too, so that every figure is one of both
classes' resamples.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from agegen import metrics
from agegen.faces.records import CLASS_NAMES, age_sign
from agegen.metrics import Weights, as_json, share_as_json

ByClass = dict[str, np.ndarray]


def mean_of(values: np.ndarray, weights: ByClass | None, name: str) -> np.ndarray:
    """Weighted mean of the values of one class's faces."""
    return metrics.mean(values, None if weights is None else weights[name])


def gap(real: ByClass, weights: ByClass | None) -> np.ndarray:
    """Mean of the real old faces less that of the real young ones."""
    young, old = CLASS_NAMES
    return mean_of(real[old], weights, old) - mean_of(real[young], weights, young)


def interval(figure: Callable[[ByClass | None], np.ndarray], weights: ByClass) -> dict:
    """Value and 95 % interval of a figure of both classes' weights."""
    both = np.concatenate([weights[name] for name in CLASS_NAMES], axis=1)
    first = weights[CLASS_NAMES[0]].shape[1]

    def split(w: Weights) -> np.ndarray:
        if w is None:
            return figure(None)
        return figure(dict(zip(CLASS_NAMES, (w[:, :first], w[:, first:]), strict=True)))

    return as_json(metrics.or_nothing(metrics.estimate(split, both)))


def gaps(scores: dict[str, dict[str, np.ndarray]], weights: dict[str, np.ndarray]) -> dict:
    """Mean of each score on the real faces of both classes, and the gap between them."""
    young, old = CLASS_NAMES
    return {
        score: {
            young: interval(partial(mean_of, values[young], name=young), weights),
            old: interval(partial(mean_of, values[old], name=old), weights),
            "gap": interval(partial(gap, values), weights),
        }
        for score, values in scores.items()
    }


def share(
    real: ByClass,
    after: np.ndarray,
    direction: tuple[str, str],
    moving: ByClass | None,
    apart: ByClass | None,
) -> np.ndarray:
    """Mean shift of the source faces over the gap; NaN of a judge that sees no gap.

    Args:
        real: a score of the real faces of both classes.
        after: that of the source faces after their translation.
        direction: source and aim.
        moving: weights of the faces whose shift it is.
        apart: weights of the faces whose gap it is.
    """
    source, to = direction
    shift, whole = mean_of(after - real[source], moving, source), np.asarray(gap(real, apart))
    unknown = np.full(whole.shape, np.nan)
    return np.divide(age_sign(to) * shift, whole, out=unknown, where=whole != 0)


def judge_shift(
    real: ByClass,
    after: np.ndarray,
    direction: tuple[str, str],
    weights: ByClass,
    persons: np.ndarray,
    steps: tuple[float, ...] = (),
) -> dict:
    """How far one score moved: see `evaluate`.

    Args:
        real: the score of the real faces of both classes.
        after: that of the source faces after their translation.
        direction: source and aim.
        weights: bootstrap resamples of both classes.
        persons: who the source faces are, int (n,).
        steps: ``moved_10`` is the share of faces whose score moved by 10 or more the right way.
    """
    source, to = direction
    moved = after - real[source]
    middle = (real[source].mean() + real[to].mean()) / 2
    upward = real[to].mean() > real[source].mean()
    figures = {"before": real[source], "after": after, "shift": moved}
    shares = {"reached": after > middle if upward else after < middle}
    shares |= {f"moved_{step:g}": age_sign(to) * moved >= step for step in steps}
    return {
        **{
            name: interval(partial(mean_of, values, name=source), weights)
            for name, values in figures.items()
        },
        **{name: share_as_json(values, persons) for name, values in shares.items()},
        "share_of_gap": interval(lambda w: share(real, after, direction, w, w), weights),
    }
