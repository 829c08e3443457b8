"""Evaluate a run's classifier and save the figures beside it."""

from pathlib import Path

import numpy as np

from agegen.classifier.config import TrainConfig
from agegen.classifier.evaluate import (
    PREDICTION_COLUMNS,
    evaluate,
    prediction_rows,
    predictions_path,
)
from agegen.classifier.evaluate_ages import evaluate_ages
from agegen.classifier.predict import load_classifier
from agegen.classifier.predict_split import SplitName, predict_split
from agegen.classifier.training_faces import faces_at_hand, open_every_age
from agegen.faces.near_duplicates import near_duplicate_pairs
from agegen.faces.store import FaceStore
from agegen.faces.views import Views
from agegen.run.configs import read_config
from agegen.run.files import write_json, write_rows
from agegen.run.hub import as_typed
from agegen.run.pretrained import find_run, results_of


def evaluate_run(
    run: Path,
    faces: Path | None = None,
    split: SplitName = "test",
    views: Views | None = None,
    out: Path | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> dict:
    """Evaluate the best epoch of a run; returns what it saves.

    Args:
        run: folder of the trained classifier.
        faces: folder of a FaceStore; None takes the one that the classifier was trained on. That
            one has the splits of the training, any other its own.
        split: which faces of the store.
        views: what to average over; None takes the classifier's own.
        out: file for the figures; None is `figures_path`. The predictions lie beside.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        UserError: run or store is missing or damaged, or the split is empty.
    """
    classifier = load_classifier(run)
    every = FaceStore.open(faces, other_ages=True) if faces else open_every_age(classifier.config)
    if faces and trained_on(run, every):
        every = open_every_age(classifier.config, faces)
    store = every.of_classes()
    predictions = predict_split(classifier, store, split, views)
    seen = count_seen(run, classifier.config, store, predictions.indices)
    evaluation = {
        "run": as_typed(run),
        "faces": str(store.folder),
        "split": split,
        "held_out": seen == 0,
        "seen_in_training": seen,
        "views": views or classifier.views,
        "temperature": classifier.temperature,
        **evaluate(store, predictions, resamples, seed),
        "ages": evaluate_ages(classifier, every, split, views, resamples, seed),
    }
    out = out or figures_path(run, evaluation)
    write_rows(predictions_path(out), PREDICTION_COLUMNS, prediction_rows(store, predictions))
    write_json(out, evaluation)
    return evaluation


def figures_path(run: Path, evaluation: dict) -> Path:
    """Where in a run an evaluation is saved, by the faces that it is of.

    evaluation.json, which the report shows, is of the test faces of the training's own store. Its
    other splits have evaluation_SPLIT.json, another store evaluation_STORE_CHECKSUM_SPLIT.json.
    """
    split, checksum = evaluation["split"], evaluation["checksum"]
    results = results_of(run)
    if checksum != checksum_of_training(run):
        store = Path(evaluation["faces"]).resolve().name
        return results / f"evaluation_{store}_{checksum[:6]}_{split}.json"
    return results / ("evaluation.json" if split == "test" else f"evaluation_{split}.json")


def trained_on(run: Path, store: FaceStore) -> bool:
    """True if a store holds the faces of a run's training."""
    return store.checksum == checksum_of_training(run)


def checksum_of_training(run: Path) -> str:
    """The checksum of the store that a run was trained on."""
    return read_config(find_run(run, "classifier"))["data"]["checksum"]


def count_seen(
    run: Path, trained: TrainConfig, store: FaceStore, indices: np.ndarray
) -> int | None:
    """Count the faces that the classifier was trained or selected on, or near-duplicates of them.

    None where the store that it was trained on is gone.
    """
    training = store if trained_on(run, store) else faces_at_hand(trained)
    if training is None:
        return None
    seen = training.hashes[np.isin(training.splits, ("train", "val"))]
    pairs = near_duplicate_pairs(np.concatenate([seen, store.hashes[indices]]))
    across = (pairs[:, 0] < len(seen)) & (pairs[:, 1] >= len(seen))
    return len(np.unique(pairs[across, 1]))
