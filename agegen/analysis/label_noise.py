"""Faces whose label may be wrong: those that classifiers trained without them contradict.

Confident learning (Northcutt et al., 2021, "Confident Learning: Estimating Uncertainty in Dataset
Labels"): every face is judged by a classifier of the fold that it was held out of; its
self-confidence is the probability of its own label. A suspect is not a proven mistake: a face that
looks older or younger than it is contradicts its label just as much.
"""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from agegen import metrics
from agegen.analysis.analysis import Analysis
from agegen.analysis.face_sheets import describe_face, save_faces
from agegen.analysis.shares import by_group, contrast, share
from agegen.classifier.config import SubsetConfig, TrainConfig, classes_alone
from agegen.classifier.evaluate import balanced_accuracy, interval
from agegen.classifier.parallel import train_all
from agegen.classifier.predict import load_classifier
from agegen.classifier.predict_split import predict_split
from agegen.classifier.training_faces import open_faces
from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import UNKNOWN_AGE, FaceStore, clusters
from agegen.run.errors import UserError
from agegen.run.files import write_rows

FOLDS, EPOCHS = 4, 16
SHOWN = 12
BINS = 20
COLUMNS = (
    "index", "path", "split", "label", "age", "gender", "p_old", "self_confidence", "rank",
    "suspect",
)  # fmt: skip


class Suspects(NamedTuple):
    """What confident learning says of some labels."""

    self_confidence: np.ndarray  # float64 (n,), p of the face's own label
    thresholds: np.ndarray  # float64 (2,), mean self-confidence of each class
    suspect: np.ndarray  # bool (n,), see `find_suspects`
    order: np.ndarray  # int64 (n,), from the lowest self-confidence on


def find_suspects(labels: np.ndarray, p: np.ndarray) -> Suspects:
    """Rank labels by self-confidence and find those off the diagonal of the confident joint.

    A face counts as of the other class if its probability of that class reaches the class's
    threshold, the mean self-confidence of its members (Northcutt et al., 2021, equations 1 and 2).
    A face whose label is the more probable class is never a suspect: the paper's rule alone would
    make it one where its own class has the higher threshold; the authors' cleanlab leaves it out.

    Args:
        labels: int (n,), 0 or 1; both occur.
        p: float (n,), calibrated p(old) of classifiers that did not see the face.
    """
    own = np.where(labels == 1, p, 1 - p)
    thresholds = np.array([own[labels == label].mean() for label in (0, 1)])
    suspect = (1 - own >= thresholds[1 - labels]) & (own < 0.5)
    return Suspects(own, thresholds, suspect, np.argsort(own, kind="stable"))


def fold_configs(
    config: TrainConfig,
    faces: Path,
    out: Path,
    folds: int = FOLDS,
    epochs: int = EPOCHS,
    seed: int = 0,
) -> list[TrainConfig]:
    """Configs of a short cross-validation: half as wide a network, most epochs at small views.

    Half the width buys more than twice the epochs, which judge better than a wide network in few:
    in one fold of UTKFace 12 such epochs had a validation AUC of 0.950, 5 of the whole width 0.913.
    """
    config = classes_alone(config)
    widths = tuple(max(width // 2, 1) for width in config.model.widths)
    short = replace(
        config, faces=faces, epochs=epochs, seed=seed, early_epochs=0.75, patience=0,
        ema_decay=min(config.ema_decay, 0.99),  # a longer memory would outlast the short schedule
        compile=False, dry_run=False, start_from=None, model=replace(config.model, widths=widths),
    )  # fmt: skip
    return [
        replace(short, out=out / f"seed{seed}_fold{i}", subset=SubsetConfig(folds=folds, fold=i))
        for i in range(folds)
    ]


def cross_validate(configs: list[TrainConfig], workers: int | None = None) -> np.ndarray:
    """Train the folds (those not done yet); calibrated p(old) of every face by its own, (n,)."""
    train_all(configs, workers, "label noise: folds")
    p = np.full(len(open_faces(configs[0])), np.nan)
    for config in configs:
        held_out = predict_split(load_classifier(config.out), open_faces(config), "test")
        p[held_out.indices] = held_out.p
    if np.isnan(p).any():
        raise UserError("the folds of a cross-validation must hold out every face")
    return p


def analyze(analysis: Analysis) -> dict:
    """Cross-validate and rank all faces of the store.

    The files are label_noise_faces.csv (all faces, the most suspicious first) and
    label_noise_suspects.npz (`indices`, `images` of those that a page shows). The folds' runs in
    label_noise_folds, from which a killed analysis goes on, are removed at the end.
    """
    store, test, seed, folder = analysis.store, analysis.test, analysis.seed, analysis.folder
    runs = folder / "label_noise_folds"
    configs = fold_configs(analysis.classifier.config, store.folder, runs, seed=seed)
    p = cross_validate(configs)
    found = find_suspects(store.labels, p)
    save_ranking(folder / "label_noise_faces.csv", store, p, found)
    galleries = choose_suspects(store, p, found)
    shown = [face["index"] for faces in galleries.values() for face in faces]
    save_faces(folder / "label_noise_suspects.npz", store, shown)
    shutil.rmtree(runs, ignore_errors=True)
    persons = clusters(store, store.indices("all"))
    ages = np.where(store.ages == UNKNOWN_AGE, "", store.ages.astype(str))
    weights = metrics.bootstrap_weights(len(p), persons, seed=seed)
    wrong = (test.p > 0.5) != test.labels  # of the run itself
    return {
        "n": len(p),
        "folds": len(configs),
        "epochs": configs[0].epochs,
        "widths": list(configs[0].model.widths),
        "resamples": len(weights),
        "share_intervals": metrics.SHARE_INTERVALS,
        "roc_auc": interval(metrics.roc_auc, store.labels, p, weights),
        "balanced_accuracy": balanced_accuracy(store.labels, p, weights, persons),
        "expected_calibration_error": interval(
            metrics.expected_calibration_error, store.labels, p, weights
        ),
        "suspects": share(found.suspect, persons),
        "by_class": count_classes(store.labels, found, persons),
        "by_age": by_group(ages, found.suspect, persons),
        "among_test_faces": {"n": len(wrong)}
        | contrast(found.suspect[test.indices], wrong, clusters(store, test.indices)),
        "galleries": galleries,
    }


def choose_suspects(
    store: FaceStore, p: np.ndarray, found: Suspects, most: int = SHOWN
) -> dict[str, list[dict]]:
    """The suspects of lowest self-confidence with each label, in plain JSON; "young" → faces."""
    chosen = {}
    for label, name in enumerate(CLASS_NAMES):
        wanted = (found.suspect & (store.labels == label))[found.order]
        chosen[name] = [describe_face(store, i, p[i]) for i in found.order[wanted][:most]]
    return chosen


def count_classes(labels: np.ndarray, found: Suspects, persons: np.ndarray) -> dict:
    """Threshold, suspects and a histogram of the self-confidence of each class."""
    counted = {}
    for label, name in enumerate(CLASS_NAMES):
        members = labels == label
        histogram, _ = np.histogram(found.self_confidence[members], BINS, (0, 1))
        counted[name] = {
            "threshold": float(found.thresholds[label]),
            "histogram": histogram.tolist(),
            **share(found.suspect[members], persons[members]),
        }
    return counted


def save_ranking(path: Path, store: FaceStore, p: np.ndarray, found: Suspects) -> None:
    """Write all faces, the most suspicious first."""
    rows = [
        (
            i, store.paths[i], store.splits[i], store.labels[i],
            "" if store.ages[i] == UNKNOWN_AGE else store.ages[i], store.genders[i],
            f"{p[i]:.6f}", f"{found.self_confidence[i]:.6f}", rank, int(found.suspect[i]),
        )
        for rank, i in enumerate(found.order, 1)
    ]  # fmt: skip
    write_rows(path, COLUMNS, rows)
