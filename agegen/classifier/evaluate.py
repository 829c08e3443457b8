"""Figures of a trained classifier on a store's faces, each with its 95 % bootstrap interval."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from agegen import metrics
from agegen.classifier.predict import Classifier, require_size
from agegen.errors import UserError
from agegen.faces.catalog import CLASS_NAMES
from agegen.faces.store import UNKNOWN_AGE, FaceStore
from agegen.faces.views import Views

SplitName = Literal["train", "val", "test", "all"]
SCORES = {
    "accuracy": metrics.accuracy,
    "balanced_accuracy": metrics.balanced_accuracy,
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


def predict_split(
    classifier: Classifier, store: FaceStore, split: SplitName, views: Views | None = None
) -> Predictions:
    """Classify the faces of one split.

    Raises:
        UserError: the split is empty, or the faces are too small for the network.
    """
    require_size(classifier, store)
    indices = store.indices(split)
    if not len(indices):
        raise UserError(f"{store.folder} has no faces in its {split} split")
    logit = classifier.log_odds(store.images, indices, views)
    return Predictions(
        indices=indices,
        labels=store.labels[indices],
        logit=logit,
        uncalibrated=metrics.sigmoid(logit),
        p=metrics.sigmoid(logit / classifier.temperature),
    )


def evaluate(
    store: FaceStore, predictions: Predictions, resamples: int = 1000, seed: int = 0
) -> dict:
    """Compute every figure with its interval.

    Faces of one known identity are resampled together. Probabilities are the calibrated ones;
    `before_scaling` has the figures that change with calibration as they were without it.

    Args:
        store: where the faces are from.
        predictions: of `predict_split`.
        resamples: bootstrap resamples.
        seed: of the bootstrap.

    Returns:
        Plain JSON types; each figure is ``{"value": …, "low": …, "high": …}``.
    """
    y, p = predictions.labels, predictions.p
    chosen = predictions.indices
    weights = metrics.bootstrap_weights(len(y), clusters(store, chosen), resamples, seed)
    calibration = ("negative_log_likelihood", "brier_score", "expected_calibration_error")
    return {
        "n": len(y),
        "n_by_class": {name: int((y == label).sum()) for label, name in enumerate(CLASS_NAMES)},
        **{name: interval(score, y, p, weights) for name, score in SCORES.items()},
        "before_scaling": {
            name: interval(SCORES[name], y, predictions.uncalibrated, weights)
            for name in calibration
        },
        "confusion_matrix": confusion(y, p, weights),
        "margin": margins(y, p, weights),
        "by_age": slices(age_bands(store.ages[chosen]), y, p, weights),
        "by_gender": slices(store.genders[chosen], y, p, weights),
    }


def clusters(store: FaceStore, indices: np.ndarray) -> np.ndarray:
    """Number the faces by identity; a face of unknown identity is a cluster of its own."""
    identities = store.identities[indices]
    alone = np.array([f"face {i}" for i in indices])
    return np.unique(np.where(identities == "", alone, identities), return_inverse=True)[1]


def interval(score: Callable, y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> dict:
    """One figure of `metrics` with its interval, as plain JSON; null where it is undefined."""
    estimate = metrics.estimate(partial(score, y, p), weights)
    return as_json(estimate)


def as_json(estimate: metrics.Estimate) -> dict:
    """Name the three numbers; NaN becomes null, which JSON has."""
    return {name: x if np.isfinite(x) else None for name, x in estimate._asdict().items()}


def confusion(y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> dict:
    """true_{class} → predicted_{class} → the count with its interval."""
    resampled = metrics.confusion_matrix(y, p, weights)
    counts = metrics.confusion_matrix(y, p)
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
    return {
        f"true_{true}": {
            f"predicted_{predicted}": as_json(
                metrics.Estimate(float(counts[t, q]), float(low[t, q]), float(high[t, q]))
            )
            for q, predicted in enumerate(CLASS_NAMES)
        }
        for t, true in enumerate(CLASS_NAMES)
    }


def margins(y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> dict:
    """Mean and variance of p(label) − p(other label), by class."""
    result = {}
    for label, name in enumerate(CLASS_NAMES):
        of_class = y == label
        margin = metrics.margin(y, p)[of_class]
        result[name] = {
            "mean": as_json(metrics.estimate(partial(metrics.mean, margin), weights[:, of_class])),
            "variance": as_json(
                metrics.estimate(partial(metrics.variance, margin), weights[:, of_class])
            ),
        }
    return result


def age_bands(ages: np.ndarray, width: int = 3) -> np.ndarray:
    """Name the band of each age ("20–22"), empty where it is unknown."""
    low = (ages - 20) // width * width + 20
    names = np.array([f"{a}–{a + width - 1}" for a in low])
    return np.where(ages == UNKNOWN_AGE, "", names)


def slices(groups: np.ndarray, y: np.ndarray, p: np.ndarray, weights: np.ndarray) -> dict:
    """n, accuracy and (with both classes present) balanced accuracy of every group."""
    result = {}
    for group in sorted(set(groups) - {""}):
        of = groups == group
        scores = [metrics.accuracy]
        if len(set(y[of])) == 2:
            scores += [metrics.balanced_accuracy, metrics.roc_auc]
        result[str(group)] = {
            "n": int(of.sum()),
            **{s.__name__: interval(s, y[of], p[of], weights[:, of]) for s in scores},
        }
    return result


def prediction_rows(store: FaceStore, predictions: Predictions) -> list[tuple]:
    """Rows (index, path, split, label, age, gender, logit, p_old) for predictions.csv."""
    i = predictions.indices
    ages = np.where(store.ages[i] == UNKNOWN_AGE, "", store.ages[i].astype(str))
    logit = np.round(predictions.logit, 6)
    p = np.round(predictions.p, 6)
    return list(
        zip(
            i.tolist(), store.paths[i].tolist(), store.splits[i].tolist(),
            predictions.labels.tolist(), ages.tolist(), store.genders[i].tolist(),
            logit.tolist(), p.tolist(), strict=True,
        )
    )  # fmt: skip


PREDICTION_COLUMNS = ("index", "path", "split", "label", "age", "gender", "logit", "p_old")


def describe(evaluation: dict) -> str:
    """Put the main figures into plain lines."""
    by_class = ", ".join(f"{n:,} {name}" for name, n in evaluation["n_by_class"].items())
    lines = [f"{evaluation['n']:,} faces ({by_class})"]
    for name in SCORES:
        lines.append(f"  {name.replace('_', ' '):28} {in_words(evaluation[name])}")
    before = evaluation["before_scaling"]["expected_calibration_error"]
    lines.append(f"  {'… before temperature scaling':28} {in_words(before)}")
    for true, row in evaluation["confusion_matrix"].items():
        cells = ", ".join(f"{c['value']:.0f} {q.replace('_', ' ')}" for q, c in row.items())
        lines.append(f"  {true.replace('_', ' '):28} {cells}")
    return "\n".join(lines)


def in_words(figure: dict) -> str:
    """value [low, high], or that it is undefined here."""
    if figure["value"] is None:
        return "undefined (a class is missing)"
    if figure["low"] is None:
        return f"{figure['value']:.4f}"
    return f"{figure['value']:.4f} [{figure['low']:.4f}, {figure['high']:.4f}]"
