"""Figures of a trained classifier on a store's faces, each with its 95 % interval."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from agegen import metrics
from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import UNKNOWN_AGE, FaceStore, clusters
from agegen.metrics import as_json, share_as_json

SCORES = {
    "roc_auc": metrics.roc_auc,
    "negative_log_likelihood": metrics.negative_log_likelihood,
    "brier_score": metrics.brier_score,
    "expected_calibration_error": metrics.expected_calibration_error,
}


@dataclass(frozen=True)
class Predictions:
    """What a classifier says of some faces; every array has one entry per face.

    Attributes:
        indices: int64, numbers in the store.
        labels: int64, 0 young, 1 old.
        logit: float64, log p(old) − log p(young), before temperature scaling.
        uncalibrated: float64 in [0, 1], p(old) before temperature scaling.
        p: float64 in [0, 1], p(old) after it.
    """

    indices: np.ndarray
    labels: np.ndarray
    logit: np.ndarray
    uncalibrated: np.ndarray
    p: np.ndarray


def evaluate(
    store: FaceStore, predictions: Predictions, resamples: int = 1000, seed: int = 0
) -> dict:
    """Compute every figure with its interval.

    Shares have exact intervals (`metrics.proportion`), other figures those of the bootstrap. Faces
    of one known identity are not independent in either. Probabilities are the calibrated ones;
    `before_scaling` has the figures that change with calibration as they were without it.

    Args:
        store: where the faces are from.
        predictions: of `predict_split`.
        resamples: bootstrap resamples.
        seed: of the bootstrap.

    Returns:
        Plain JSON types; each figure is ``{"value": …, "low": …, "high": …}``. `checksum` is the
        store's.
    """
    y, p, chosen = predictions.labels, predictions.p, predictions.indices
    before, persons = predictions.uncalibrated, clusters(store, chosen)
    weights = metrics.bootstrap_weights(len(y), persons, resamples, seed)
    calibration = ("negative_log_likelihood", "brier_score", "expected_calibration_error")
    return {
        "checksum": store.checksum,
        "resamples": resamples,
        "share_intervals": metrics.SHARE_INTERVALS,
        "seed": seed,
        "n": len(y),
        "n_by_class": {name: int((y == label).sum()) for label, name in enumerate(CLASS_NAMES)},
        **{name: interval(score, y, p, weights) for name, score in SCORES.items()},
        "accuracy": share_as_json((p > 0.5) == y, persons),
        "balanced_accuracy": balanced_accuracy(y, p, weights, persons),
        "recall": dict(zip(CLASS_NAMES, map(as_json, recalls(y, p, persons)), strict=True)),
        "recall_difference": recall_difference(y, p, persons),
        "calibration_bins": calibration_bins(y, p, persons),
        "before_scaling": {
            **{name: interval(SCORES[name], y, before, weights) for name in calibration},
            "calibration_bins": calibration_bins(y, before, persons),
        },
        "confusion_matrix": confusion(y, p, persons),
        "margin": margins(y, p, weights),
        "by_age": slices(age_bands(store.ages[chosen]), y, p, weights, persons),
        "by_gender": slices(store.genders[chosen], y, p, weights, persons),
    }


def interval(score: Callable, y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> dict:
    """One figure of `metrics` with its interval, as plain JSON; null where it is undefined."""
    return as_json(metrics.estimate(partial(score, y, p), weights))


def recalls(y: np.ndarray, p: np.ndarray, persons: np.ndarray | None) -> list[metrics.Estimate]:
    """Share of young, and of old faces, that are classified as such."""
    right = (p > 0.5) == y
    who = np.arange(len(y)) if persons is None else persons
    return [metrics.proportion(right[y == label], who[y == label]) for label in (0, 1)]


def balanced_accuracy(
    y: np.ndarray, p: np.ndarray, weights: np.ndarray, persons: np.ndarray | None = None
) -> dict:
    """Mean of the recalls; where one is 0 or 1, which no resample changes, by their intervals."""
    parts = recalls(y, p, persons)
    if {recall.value for recall in parts} & {0.0, 1.0}:
        return as_json(metrics.combined(*((0.5, recall) for recall in parts)))
    return interval(metrics.balanced_accuracy, y, p, weights)


def recall_difference(y: np.ndarray, p: np.ndarray, persons: np.ndarray | None = None) -> dict:
    """Recall of young less that of old; the interval is one of `metrics.combined`."""
    young, old = recalls(y, p, persons)
    return as_json(metrics.combined((1, young), (-1, old)))


def calibration_bins(
    y: np.ndarray, p: np.ndarray, persons: np.ndarray, bins: int = 15
) -> list[dict]:
    """n, mean confidence and accuracy in each bin of `metrics.expected_calibration_error`."""
    confidence, right = np.maximum(p, 1 - p), (p > 0.5) == y
    member = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        {
            "n": int(of.sum()),
            "confidence": float(confidence[of].mean()),
            "accuracy": share_as_json(right[of], persons[of]),
        }
        for of in (member == number for number in np.unique(member))
    ]


def confusion(y: np.ndarray, p: np.ndarray, persons: np.ndarray) -> dict:
    """true_{class} → predicted_{class} → the count with its interval, of as many of the class."""
    predicted = (p > 0.5).astype(int)
    found: dict[str, dict] = {}
    for label, true in enumerate(CLASS_NAMES):
        of = y == label
        found[f"true_{true}"] = {
            f"predicted_{name}": count_as_json(predicted[of] == answer, persons[of])
            for answer, name in enumerate(CLASS_NAMES)
        }
    return found


def count_as_json(chosen: np.ndarray, persons: np.ndarray) -> dict:
    """How many of some faces, with the interval of their share times the faces."""
    share = metrics.proportion(chosen, persons)
    limits = (share.low * len(chosen), share.high * len(chosen))
    return as_json(metrics.Estimate(float(chosen.sum()), *limits))


def margins(y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> dict:
    """Mean and variance of p(label) − p(other label), by class."""
    result = {}
    for label, name in enumerate(CLASS_NAMES):
        margin, of_class = metrics.margin(y, p)[y == label], weights[:, y == label]
        result[name] = {
            of: as_json(metrics.estimate(partial(figure, margin), of_class))
            for of, figure in (("mean", metrics.mean), ("variance", metrics.variance))
        }
    return result


def age_bands(ages: np.ndarray, width: int = 3) -> np.ndarray:
    """Name the band of each age by the ages in it ("20–22", "26"), empty where it is unknown."""
    band = (ages - 20) // width
    names = np.full(len(ages), "", dtype=object)
    for number in np.unique(band[ages != UNKNOWN_AGE]):
        of = (band == number) & (ages != UNKNOWN_AGE)
        low, high = ages[of].min(), ages[of].max()
        names[of] = str(low) if low == high else f"{low}–{high}"
    return names.astype(str)


def slices(
    groups: np.ndarray, y: np.ndarray, p: np.ndarray, weights: np.ndarray, persons: np.ndarray
) -> dict:
    """n, accuracy and (with both classes present) balanced accuracy of every group."""
    result: dict[str, dict] = {}
    for group in sorted(set(groups) - {""}):
        of = groups == group
        y_, p_, weights_, persons_ = y[of], p[of], weights[:, of], persons[of]
        accuracy = share_as_json((p_ > 0.5) == y_, persons_)
        result[str(group)] = found = {"n": len(y_), "accuracy": accuracy}
        if len(set(y_)) == 2:
            found["balanced_accuracy"] = balanced_accuracy(y_, p_, weights_, persons_)
            found["roc_auc"] = interval(metrics.roc_auc, y_, p_, weights_)
    return result


def prediction_rows(store: FaceStore, predictions: Predictions) -> list[tuple]:
    """Rows (index, path, split, label, age, gender, logit, p_old) for predictions.csv."""
    i = predictions.indices
    ages = np.where(store.ages[i] == UNKNOWN_AGE, "", store.ages[i].astype(str))
    logit, p = np.round(predictions.logit, 6), np.round(predictions.p, 6)
    columns = (
        i, store.paths[i], store.splits[i], predictions.labels, ages, store.genders[i], logit, p
    )  # fmt: skip
    return list(zip(*(column.tolist() for column in columns), strict=True))


def predictions_path(figures: Path) -> Path:
    """predictions.csv beside evaluation.json, NAME_predictions.csv beside NAME.json."""
    prefix = "" if figures.name == "evaluation.json" else f"{figures.stem}_"
    return figures.with_name(f"{prefix}predictions.csv")


PREDICTION_COLUMNS = ("index", "path", "split", "label", "age", "gender", "logit", "p_old")


def describe(evaluation: dict) -> str:
    """Put the main figures into plain lines."""
    by_class = ", ".join(f"{n:,} {name}" for name, n in evaluation["n_by_class"].items())
    before = evaluation["before_scaling"]["expected_calibration_error"]
    shown = ("balanced_accuracy", "accuracy", *SCORES)
    said = {name.replace("_", " "): in_words(evaluation[name]) for name in shown}
    said |= {"… before temperature scaling": in_words(before)}
    said |= {f"recall of {name}": in_words(found) for name, found in evaluation["recall"].items()}
    for true, row in evaluation["confusion_matrix"].items():
        cells = (f"{c['value']:.0f} {q.replace('_', ' ')}" for q, c in row.items())
        said[true.replace("_", " ")] = ", ".join(cells)
    lines = [f"  {name:28} {value}" for name, value in said.items()]
    if evaluation["expected_calibration_error"]["value"] > before["value"]:
        lines.append(
            "scaling by the validation faces did not help here: the calibration error rose"
        )
    return "\n".join([f"{evaluation['n']:,} faces ({by_class})", *lines])


def in_words(
    figure: dict, form: str = ".4f", undefined: str = "undefined (a class is missing)"
) -> str:
    """value [low, high], each in the given form, or that it is undefined here."""
    value, low, high = (figure[name] for name in ("value", "low", "high"))
    if value is None:
        return undefined
    if low is None:
        return f"{value:{form}}"
    return f"{value:{form}} [{low:{form}}, {high:{form}}]"
