"""Evaluate a trained classifier on held-out faces; writes evaluation.json and predictions.csv.

    python recipes/evaluate_classifier.py --run runs/utkface
    python recipes/evaluate_classifier.py --run runs/utkface --faces data/cacd --split all
    python recipes/evaluate_classifier.py --run runs/utkface --views ten --out ten.json

Every figure comes with n and a 95 % bootstrap interval; the temperature was fitted on the
validation faces of the training.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agegen.classifier.config import TrainConfig
from agegen.classifier.evaluate import (
    PREDICTION_COLUMNS,
    describe,
    evaluate,
    prediction_rows,
    predictions_path,
)
from agegen.classifier.predict import Classifier, load_classifier
from agegen.classifier.predict_split import SplitName, predict_split
from agegen.classifier.training_faces import open_faces
from agegen.cli import run_recipe
from agegen.errors import UserError
from agegen.faces.near_duplicates import near_duplicate_pairs
from agegen.faces.store import FaceStore
from agegen.faces.views import Views
from agegen.files import write_json, write_rows


@dataclass(frozen=True)
class EvaluateConfig:
    """What to evaluate, on which faces."""

    run: Path
    """Folder of the trained classifier."""
    faces: Path | None = None
    """Folder of a FaceStore; by default the one that the classifier was trained on."""
    split: SplitName = "test"
    """Which faces of the store."""
    views: Views | None = None
    """Views to average over: centre, flip, five or ten; by default those of the training."""
    out: Path | None = None
    """File for the figures, by default evaluation.json in the run with predictions.csv beside it;
    beside another NAME.json lies NAME_predictions.csv."""
    resamples: int = 1000
    """Bootstrap resamples."""
    seed: int = 0
    """Seed of the bootstrap."""

    def __post_init__(self) -> None:
        if self.resamples < 1 or self.seed < 0:
            raise UserError("--resamples must be above 0, --seed not negative")


def main(config: EvaluateConfig) -> None:
    """Evaluate, print, save."""
    classifier = load_classifier(config.run)
    store = open_faces_to_judge(classifier, config.faces)
    predictions = predict_split(classifier, store, config.split, config.views)
    seen = count_seen(classifier.config, store, predictions.indices)
    evaluation = {
        "run": str(config.run),
        "faces": str(store.folder),
        "split": config.split,
        "held_out": seen == 0,
        "seen_in_training": seen,
        "views": config.views or classifier.views,
        "temperature": classifier.temperature,
        **evaluate(store, predictions, config.resamples, config.seed),
    }
    if not evaluation["held_out"]:
        number = "an unknown number" if seen is None else f"{seen:,}"
        print(f"note: {number} of these faces were trained or selected on, or nearly repeat such")
    print(describe(evaluation))
    out = config.out or config.run / "evaluation.json"
    write_json(out, evaluation)
    rows = predictions_path(out)
    write_rows(rows, PREDICTION_COLUMNS, prediction_rows(store, predictions))
    print(f"saved to {out} and {rows}")


def open_faces_to_judge(classifier: Classifier, folder: Path | None) -> FaceStore:
    """Open the store that the classifier was trained on with its own splits, or another one."""
    return FaceStore.open(folder) if folder else open_faces(classifier.config)


def count_seen(trained: TrainConfig, store: FaceStore, indices: np.ndarray) -> int | None:
    """Count the faces that the classifier was trained or selected on, or near-duplicates of them.

    None where the store that it was trained on is gone.
    """
    if not trained.faces.exists():
        return None
    training = open_faces(trained)
    seen = training.hashes[np.isin(training.splits, ("train", "val"))]
    pairs = near_duplicate_pairs(np.concatenate([seen, store.hashes[indices]]))
    across = (pairs[:, 0] < len(seen)) & (pairs[:, 1] >= len(seen))
    return len(np.unique(pairs[across, 1]))


if __name__ == "__main__":
    run_recipe(EvaluateConfig, main, __doc__)
