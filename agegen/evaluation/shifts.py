"""How far a judge's score moved, with intervals over the faces of both classes.

The gap between the real classes is measured on faces too, so that every figure is one of both
classes' resamples, and of those of the faces that moved where they are none of these.
"""

from collections.abc import Callable
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from agegen import metrics
from agegen.faces.records import CLASS_NAMES, age_sign
from agegen.metrics import Weights, as_json, mean_as_json, share_as_json

ByClass = dict[str, np.ndarray]


class Move(NamedTuple):
    """What a judge's score says of faces before and after, and of real faces.

    Attributes:
        real: of the real faces of both classes, float64 (n,) each; empty where there are none.
        before: of the faces that were translated, float64 (n,).
        after: of what was made of them.
        to: the class aimed at.
        whose: name of the translated faces in `weights`: their class, if they are the real ones.
        weights: bootstrap resamples (r, n), by class and of the translated faces.
    """

    real: ByClass
    before: np.ndarray
    after: np.ndarray
    to: str
    whose: str
    weights: ByClass


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
    """Value and 95 % interval of a figure of all weights.

    Scores that change on no face change by nothing; `answers`, which are 0 or 1, may do by chance.
    """
    both = np.concatenate(list(weights.values()), axis=1)
    ends = np.cumsum([w.shape[1] for w in weights.values()])[:-1]

    def split(w: Weights) -> np.ndarray:
        if w is None:
            return figure(None)
        return figure(dict(zip(weights, np.split(w, ends, axis=1), strict=True)))

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


def share(move: Move, moving: ByClass | None, apart: ByClass | None) -> np.ndarray:
    """Mean shift, by the weights `moving`, over the gap, by `apart`; NaN where there is no gap."""
    shift = mean_of(move.after - move.before, moving, move.whose)
    whole = np.asarray(gap(move.real, apart))
    unknown = np.full(whole.shape, np.nan)
    return np.divide(age_sign(move.to) * shift, whole, out=unknown, where=whole != 0)


def judge_shift(move: Move, persons: np.ndarray, steps: tuple[float, ...] = ()) -> dict:
    """How far one score of the faces of these persons, int (n,), moved.

    Of the steps, ``moved_10`` is the share of faces whose score moved by 10 or more the right way.
    """
    before, after, weights = move.before, move.after, move.weights[move.whose]
    moved = after - before
    shares = {f"moved_{step:g}": age_sign(move.to) * moved >= step for step in steps}
    answers = are_answers(before, after)
    return {
        "before": level(before, weights, persons),
        "after": level(after, weights, persons),
        "shift": (
            as_json(metrics.paired_difference(after, before, persons))
            if answers
            else mean_as_json(moved, weights)
        ),
        **{name: share_as_json(values, persons) for name, values in shares.items()},
        **(relative_to_gap(move, persons, answers) if move.real else {}),
    }


def relative_to_gap(move: Move, persons: np.ndarray, answers: bool) -> dict:
    """What only real faces of both classes can measure."""
    return {
        "reached": share_as_json(reached(move), persons),
        "share_of_gap": interval(lambda w: share(move, w, w), move.weights, answers),
    }


def reached(move: Move) -> np.ndarray:
    """Which faces are on the aimed side of the middle between both real classes, bool (n,)."""
    young, old = (move.real[name].mean() for name in CLASS_NAMES)
    upward = age_sign(move.to) * (old - young) > 0
    return move.after > (young + old) / 2 if upward else move.after < (young + old) / 2


def compare_judges(first: dict[str, Move]) -> list[dict]:
    """Do judges see the same faces age? Of every two: their names, and ``correlation``.

    Spearman's, of the shifts that both see in their first scores, face by face.
    """
    return [
        {
            "judges": [one, other],
            "correlation": correlation(a.after - a.before, b.after - b.before, a.weights[a.whose]),
        }
        for (one, a), (other, b) in combinations(first.items(), 2)
    ]


def correlation(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> dict:
    """Spearman's correlation of two figures of faces, with its interval."""
    ranks = [rankdata(x) for x in (a, b)]

    def pearson(w: metrics.Weights) -> np.ndarray:
        means = [metrics.mean(r, w) for r in ranks]
        both = metrics.mean(ranks[0] * ranks[1], w) - means[0] * means[1]
        spread = np.sqrt(metrics.variance(ranks[0], w) * metrics.variance(ranks[1], w))
        return np.divide(both, spread, out=np.full(np.shape(both), np.nan), where=spread > 0)

    return as_json(metrics.estimate(pearson, weights))
