"""What one figure cannot say: ROC and precision–recall curves, and accuracy at every age.

Bands are pointwise 95 % bootstrap intervals; faces of one known person are resampled together.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from agegen import metrics
from agegen.analysis.analysis import Analysis
from agegen.classifier.evaluate import interval
from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import UNKNOWN_AGE, clusters
from agegen.metrics import as_json, share_as_json

GRID = np.linspace(0, 1, 101)
RECALLS = GRID[1:]
DIGITS = 5


def counts_by_threshold(
    y: np.ndarray, p: np.ndarray, weights: metrics.Weights = None
) -> tuple[np.ndarray, np.ndarray]:
    """Weight of the old and of the young faces that are called old, threshold by threshold.

    Two arrays (..., m + 1) for the m distinct values of p, from the highest down: at first no face
    is called old, at last every one is.
    """
    w = metrics.uniform(y, weights)
    order = np.argsort(-p, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(p[order]) != 0, True])  # equal faces come together
    none = np.zeros((*w.shape[:-1], 1))
    old, young = (
        np.concatenate([none, np.cumsum((w * (y == label))[..., order], axis=-1)[..., ends]], -1)
        for label in (1, 0)
    )
    return old, young


def roc(y: np.ndarray, p: np.ndarray, weights: metrics.Weights = None) -> np.ndarray:
    """Share of the old that is found where a share `GRID` of the young is taken for old.

    Straight between thresholds, and the higher end where the curve rises upright.

    Returns:
        float64 (..., 101); NaN where a class is absent.
    """
    old, young = counts_by_threshold(y, p, weights)
    rows = zip(old.reshape(-1, old.shape[-1]), young.reshape(-1, old.shape[-1]), strict=True)
    found = [
        np.interp(GRID, b / b[-1], a / a[-1]) if a[-1] and b[-1] else np.full(len(GRID), np.nan)
        for a, b in rows
    ]
    return np.array(found).reshape(*old.shape[:-1], len(GRID))


def precision(y: np.ndarray, p: np.ndarray, weights: metrics.Weights = None) -> np.ndarray:
    """Share of old among those called old, at the highest threshold that finds `RECALLS` of them.

    Between thresholds precision is not interpolated: no straight line leads from one to the next
    (Davis and Goadrich, 2006).

    Returns:
        float64 (..., 100); NaN where there is no old face.
    """
    old, young = counts_by_threshold(y, p, weights)
    found = np.full((old[..., 0].size, len(RECALLS)), np.nan)
    rows = zip(old.reshape(-1, old.shape[-1]), young.reshape(-1, old.shape[-1]), strict=True)
    for row, (a, b) in enumerate(rows):
        if a[-1]:
            # a hair less, because 0.07 · 100 is more than 7 in floating point
            at = np.searchsorted(a, RECALLS * a[-1] * (1 - 1e-9))
            found[row] = a[at] / (a[at] + b[at])
    return found.reshape(*old.shape[:-1], len(RECALLS))


def average_precision(y: np.ndarray, p: np.ndarray, weights: metrics.Weights = None) -> np.ndarray:
    """Precision summed over the steps of recall; an answer by chance has the share of old.

    Returns:
        float64 (...); NaN where there is no old face.
    """
    old, young = counts_by_threshold(y, p, weights)
    called, total = old + young, old[..., -1]
    precisions = np.divide(old, called, out=np.zeros_like(old), where=called > 0)[..., 1:]
    area = (np.diff(old, axis=-1) * precisions).sum(axis=-1)
    return np.divide(area, total, out=np.full(total.shape, np.nan), where=total > 0)


def with_band(curve: Callable[[metrics.Weights], np.ndarray], weights: np.ndarray) -> dict | None:
    """A curve with its pointwise 95 % percentile band, as plain JSON; None where undefined."""
    value = curve(None)
    if np.isnan(value).any():
        return None
    blocks = np.array_split(weights, -(-len(weights) // 100))  # bounds the memory
    resampled = np.concatenate([curve(block) for block in blocks])
    low, high = np.nanquantile(resampled, [0.025, 0.975], axis=0)
    named = {"value": value, "low": low, "high": high}
    return {name: np.round(x, DIGITS).tolist() for name, x in named.items()}


def by_year(
    ages: np.ndarray, y: np.ndarray, right: np.ndarray, persons: np.ndarray
) -> dict[str, list[dict]]:
    """Accuracy at every year of age, class by class: `age`, `n`, `persons` and `accuracy`.

    Args:
        ages: int (n,), years; unknown ones are left out.
        y: int (n,), labels.
        right: bool (n,), whether the more probable class is the label.
        persons: int (n,), who is on each face.
    """
    found: dict[str, list[dict]] = {name: [] for name in CLASS_NAMES}
    for label, name in enumerate(CLASS_NAMES):
        for age in np.unique(ages[(y == label) & (ages != UNKNOWN_AGE)]):
            of = (y == label) & (ages == age)
            counts = {"age": int(age), "n": int(of.sum()), "persons": len(np.unique(persons[of]))}
            found[name].append(counts | {"accuracy": share_as_json(right[of], persons[of])})
    return found


def age_of_errors(
    ages: np.ndarray, y: np.ndarray, right: np.ndarray, weights: np.ndarray
) -> dict[str, dict]:
    """Probability, by class, that a face that is wrong is older than one that is right.

    An area under the ROC curve: 0.5 where errors do not depend on age; ties count one half. Null
    where all are right, or all are wrong. "wrong" counts the wrong faces of known age. Arguments
    as in `by_year`; weights are the bootstrap's.
    """
    found: dict[str, dict] = {}
    for label, name in enumerate(CLASS_NAMES):
        of = (y == label) & (ages != UNKNOWN_AGE)
        found[name] = {"value": None, "low": None, "high": None}
        if of.any():
            wrong = (~right[of]).astype(int)
            found[name] = interval(metrics.roc_auc, wrong, ages[of].astype(float), weights[:, of])
        found[name]["wrong"] = int((of & ~right).sum())
    return found


def gender_gaps(
    genders: np.ndarray, y: np.ndarray, p: np.ndarray, weights: np.ndarray
) -> dict[str, dict] | None:
    """Balanced accuracy and AUC of the male faces less those of the female; None without both."""
    if not {"female", "male"} <= set(genders.tolist()):
        return None
    scores = {"balanced_accuracy": metrics.balanced_accuracy, "roc_auc": metrics.roc_auc}

    def gap(score: Callable, w: metrics.Weights) -> np.ndarray:
        given = metrics.uniform(y, w)
        of = {name: score(y, p, given * (genders == name)) for name in ("female", "male")}
        return of["male"] - of["female"]

    return {k: as_json(metrics.estimate(partial(gap, f), weights)) for k, f in scores.items()}


def analyze(analysis: Analysis) -> dict:
    """Curves and slices of the test faces.

    Returns:
        "roc" and "precision_recall": x values and "curve" (see `with_band`; null without both
        classes), "average_precision" with its "chance", "by_year", "age_of_errors",
        "gender_gaps", and "roc_auc", by which a report knows of which evaluation they are.
    """
    store, test = analysis.store, analysis.test
    y, p, ages = test.labels, test.p, store.ages[test.indices]
    persons = clusters(store, test.indices)
    weights = metrics.bootstrap_weights(len(y), persons, seed=analysis.seed)
    right = (p > 0.5) == y
    return {
        "n": len(y),
        "persons": int(persons.max()) + 1,
        "resamples": len(weights),
        "roc_auc": interval(metrics.roc_auc, y, p, weights),
        "roc": {
            "young_taken_for_old": GRID.tolist(),
            "curve": with_band(partial(roc, y, p), weights),
        },
        "precision_recall": {
            "recall": RECALLS.tolist(),
            "curve": with_band(partial(precision, y, p), weights),
        },
        "average_precision": interval(average_precision, y, p, weights)
        | {"chance": float(y.mean())},
        "by_year": by_year(ages, y, right, persons),
        "age_of_errors": age_of_errors(ages, y, right, weights),
        "gender_gaps": gender_gaps(store.genders[test.indices], y, p, weights),
    }
