"""How far a judge's score moved, with intervals over the faces of both classes.

The gap between the real classes is measured on faces too, so that every figure is one of both
classes' resamples.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from agegen import metrics
from agegen.faces.records import CLASS_NAMES, age_sign
from agegen.metrics import Weights, as_json, mean_as_json, share_as_json

ByClass = dict[str, np.ndarray]


def mean_of(values: np.ndarray, weights: ByClass | None, name: str) -> np.ndarray:
    """Weighted mean of the values of one class's faces."""
    return metrics.mean(values, None if weights is None else weights[name])


def gap(real: ByClass, weights: ByClass | None) -> np.ndarray:
    """Mean of the real old faces less that of the real young ones."""
    young, old = CLASS_NAMES
    return mean_of(real[old], weights, old) - mean_of(real[young], weights, young)


def interval(
    figure: Callable[[ByClass | None], np.ndarray], weights: ByClass, answers: bool = False
) -> dict:
    """Value and 95 % interval of a figure of both classes' weights.

    Scores that change on no face change by nothing; `answers`, which are 0 or 1, may do by chance.
    """
    both = np.concatenate([weights[name] for name in CLASS_NAMES], axis=1)
    first = weights[CLASS_NAMES[0]].shape[1]

    def split(w: Weights) -> np.ndarray:
        if w is None:
            return figure(None)
        return figure(dict(zip(CLASS_NAMES, (w[:, :first], w[:, first:]), strict=True)))

    found = metrics.estimate(split, both)
    return as_json(found if answers else metrics.or_nothing(found))


def are_answers(*scores: np.ndarray) -> bool:
    """True of scores that are 0 or 1 of every face: their means are shares."""
    return all(np.isin(score, (0, 1)).all() for score in scores)


def level(values: np.ndarray, weights: np.ndarray, persons: np.ndarray) -> dict:
    """Mean of a score over the faces of one class; the share of those whose answer is 1."""
    return share_as_json(values, persons) if are_answers(values) else mean_as_json(values, weights)


def gaps(scores: dict[str, ByClass], weights: ByClass, persons: ByClass) -> dict:
    """Mean of each score on the real faces of both classes, and the gap between them."""
    return {
        score: {
            **{name: level(values[name], weights[name], persons[name]) for name in CLASS_NAMES},
            "gap": gap_as_json(values, weights, persons),
        }
        for score, values in scores.items()
    }


def gap_as_json(real: ByClass, weights: ByClass, persons: ByClass) -> dict:
    """The gap with its interval; of answers it is a difference of shares."""
    if not are_answers(*real.values()):
        return interval(partial(gap, real), weights)
    young, old = (metrics.proportion(real[name], persons[name]) for name in CLASS_NAMES)
    return as_json(metrics.combined((1, old), (-1, young)))


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
    before, moved = real[source], after - real[source]
    middle = (before.mean() + real[to].mean()) / 2
    upward = real[to].mean() > before.mean()
    shares = {"reached": after > middle if upward else after < middle}
    shares |= {f"moved_{step:g}": age_sign(to) * moved >= step for step in steps}
    answers = are_answers(before, after)
    return {
        "before": level(before, weights[source], persons),
        "after": level(after, weights[source], persons),
        "shift": (
            as_json(metrics.paired_difference(after, before, persons))
            if answers
            else mean_as_json(moved, weights[source])
        ),
        **{name: share_as_json(values, persons) for name, values in shares.items()},
        "share_of_gap": interval(lambda w: share(real, after, direction, w, w), weights, answers),
    }
