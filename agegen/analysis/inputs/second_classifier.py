"""Classifiers of the same task that share no training face with a run: a second opinion on images.

They are trained on the run's test faces (other persons, where identities are known) from another
seed: one with a network of the run's kind, one of another kind. They are narrow and short, and see
fewer faces than the run does, so that they are less accurate; `judge_seconds` says by how much.
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from agegen import metrics
from agegen.analysis.analysis import Analysis
from agegen.classifier.config import SubsetConfig, TrainConfig, classes_alone
from agegen.classifier.evaluate import Predictions, balanced_accuracy, interval
from agegen.classifier.parallel import train_all
from agegen.classifier.predict import Classifier, load_classifier
from agegen.classifier.training_faces import open_faces
from agegen.faces.batches import steps_in_epoch
from agegen.faces.store import FaceStore, clusters
from agegen.metrics import as_json
from agegen.run.errors import UserError

KINDS = ("same kind", "other kind")
STEPS, MOST_EPOCHS = 600, 60  # of a second classifier's training
MOST_UNSEEN = 1500  # faces for their scores
LONGEST_MEMORY = 0.99  # decay of the averaged weights; a longer one would outlast the training


class Second(NamedTuple):
    """A trained second classifier.

    `store` is the run's as this one was trained on it: "train" are its own faces, "test" the run's.
    """

    kind: str  # one of `KINDS`: whether its network is of the run's kind
    classifier: Classifier  # frozen and calibrated
    store: FaceStore


def folder_of(run: Path, kind: str) -> Path:
    """Where a run's second classifier is."""
    return run / "analysis" / "second_classifier" / kind.replace(" ", "_")


def second_configs(run: Path, config: TrainConfig, store: FaceStore) -> list[TrainConfig]:
    """Configs of the second classifiers, in the order of `KINDS`.

    Views and rates are the run's; ages are not learnt. Networks are half as wide: faster to train,
    and with the few faces of a test split not worse.
    """
    if config.subset.folds:
        raise UserError(
            f"{run} was trained on a fold of a cross-validation (--subset.folds): only a run on "
            "the store's own splits leaves faces for a second classifier"
        )
    config = classes_alone(config)
    per_epoch = steps_in_epoch(len(store.indices("test")), config.batch_size)
    widths = tuple(max(width // 2, 1) for width in config.model.widths)
    short = replace(
        config, faces=store.folder, seed=config.seed + 1, early_epochs=0.5, patience=0,
        subset=SubsetConfig(swap=not config.subset.swap), start_from=None, dry_run=False,
        checkpoint_every=500,
        epochs=min(max(math.ceil(STEPS / per_epoch), 1), MOST_EPOCHS),
        ema_decay=min(config.ema_decay, LONGEST_MEMORY),
    )  # fmt: skip
    names = (config.model.name, "plain" if config.model.name == "residual" else "residual")
    networks = [replace(config.model, name=name, widths=widths) for name in names]
    return [
        replace(short, out=folder_of(run, kind), model=network)
        for kind, network in zip(KINDS, networks, strict=True)
    ]


def train_seconds(analysis: Analysis) -> list[Second]:
    """Train the second classifiers side by side, as far as they are not there yet; load them."""
    configs = second_configs(analysis.run, analysis.classifier.config, analysis.store)
    train_all(configs, label="second classifiers")
    return [
        Second(kind, load_classifier(config.out), open_faces(config))
        for kind, config in zip(KINDS, configs, strict=True)
    ]


def judge_seconds(analysis: Analysis, seconds: list[Second], val: dict[str, Predictions]) -> dict:
    """How good the classifiers are, as plain JSON.

    On the validation faces (`val`, by "first" and every kind) no network was trained, but each
    chose its best epoch and its temperature; on the kinds' `unseen`, up to `MOST_UNSEEN` of the
    run's training faces, they neither trained nor selected.
    """
    judged: dict[str, dict[str, Any]] = {
        "first": {"val": scores(analysis.store, val["first"], analysis.seed)}
    }
    for second in seconds:
        unseen = predict_unseen(second, analysis.seed)
        config = second.classifier.config
        judged[second.kind] = {
            "network": config.model.name,
            "widths": list(config.model.widths),
            "epochs": config.epochs,
            "seed": config.seed,
            "n_train": len(second.store.indices("train")),
            "val": scores(analysis.store, val[second.kind], analysis.seed),
            "unseen": scores(second.store, unseen, analysis.seed),
        }
    return judged


def predict_unseen(second: Second, seed: int) -> Predictions:
    """Classify some of the run's training faces."""
    faces, classifier = second.store.indices("test"), second.classifier
    chosen = np.sort(np.random.default_rng(seed).permutation(faces)[:MOST_UNSEEN])
    logit = classifier.log_odds(second.store.images, chosen)
    p = metrics.sigmoid(logit), metrics.sigmoid(logit / classifier.temperature)
    return Predictions(chosen, second.store.labels[chosen], logit, *p)


def scores(store: FaceStore, predictions: Predictions, seed: int) -> dict:
    """n, balanced accuracy, AUC, and the gap between the classes, with intervals."""
    y, p, z = predictions.labels, predictions.p, predictions.logit
    persons = clusters(store, predictions.indices)
    weights = metrics.bootstrap_weights(len(y), persons, seed=seed)
    return {
        "n": len(y),
        "balanced_accuracy": balanced_accuracy(y, p, weights, persons),
        "roc_auc": interval(metrics.roc_auc, y, p, weights),
        "gap": as_json(metrics.estimate(lambda w: class_gap(y, z, w), weights)),
    }


def class_gap(y: np.ndarray, z: np.ndarray, weights: metrics.Weights = None) -> np.ndarray:
    """Mean log-odds of the old faces minus that of the young ones; NaN without one of them."""
    w = metrics.uniform(z, weights)
    return metrics.mean(z, w * (y == 1)) - metrics.mean(z, w * (y == 0))
