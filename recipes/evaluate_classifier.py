"""Evaluate a trained classifier on held-out faces; saves figures and predictions in the run.

    python recipes/evaluate_classifier.py --run runs/utkface
    python recipes/evaluate_classifier.py --run runs/utkface --faces data/cacd --split all
    python recipes/evaluate_classifier.py --run runs/utkface --views ten --out ten.json

Every figure comes with n and a 95 % interval; the temperature was fitted on the
validation faces of the training.
"""

from dataclasses import dataclass
from pathlib import Path

from agegen.classifier.evaluate import describe, predictions_path
from agegen.classifier.evaluate_ages import describe_ages
from agegen.classifier.evaluate_run import evaluate_run, figures_path
from agegen.classifier.predict_split import SplitName
from agegen.faces.views import Views
from agegen.run.cli import run_recipe
from agegen.run.errors import UserError


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
    evaluation_SPLIT.json of another split, evaluation_STORE_CHECKSUM_SPLIT.json of another store.
    Beside another NAME.json lies NAME_predictions.csv."""
    resamples: int = 1000
    """Bootstrap resamples."""
    seed: int = 0
    """Seed of the bootstrap."""

    def __post_init__(self) -> None:
        if self.resamples < 1 or self.seed < 0:
            raise UserError("--resamples must be above 0, --seed not negative")


def main(config: EvaluateConfig) -> None:
    """Evaluate, save, print."""
    evaluation = evaluate_run(
        config.run, config.faces, config.split, config.views, config.out, config.resamples,
        config.seed,
    )  # fmt: skip
    out = config.out or figures_path(config.run, evaluation)
    if not evaluation["held_out"]:
        seen = evaluation["seen_in_training"]
        number = "an unknown number" if seen is None else f"{seen:,}"
        print(f"note: {number} of these faces were trained or selected on, or nearly repeat such")
    print(describe(evaluation))
    if evaluation["ages"]:
        print(describe_ages(evaluation["ages"]))
    print(f"saved to {out} and {predictions_path(out)}")


if __name__ == "__main__":
    run_recipe(EvaluateConfig, main, __doc__)
