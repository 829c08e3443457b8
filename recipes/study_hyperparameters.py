"""Measure what each hyperparameter does: one factor at a time, with seeds, in short trainings.

    python recipes/study_hyperparameters.py --run runs/utkface --dry-run
    python recipes/study_hyperparameters.py --run runs/utkface
    python recipes/study_hyperparameters.py --run runs/utkface --factors learning_rate crop
    python recipes/study_hyperparameters.py --faces data/utkface --out studies/utkface --seeds 5

The base of all trials is the run's config (without --run: the defaults) with --epochs, and with
the widths of its network divided by --narrow. Figures and intervals come to OUT/study.json and
OUT/trials.csv, and with --run onto the run's page (recipes/report_classifier.py makes it again).
They are measured on the validation faces; the test faces stay unseen. Stopped at any moment, it
goes on when started again.

The factors: training_faces, augmentation, augmentation_effects, learning_rate, batch_size,
weight_decay, label_smoothing, crop, width, blocks, squeeze, epochs, optimizer, class_balance.
"""

from dataclasses import dataclass
from pathlib import Path

from agegen.analysis.study.base import open_study
from agegen.analysis.study.study import all_factors, describe_plan, plan, run_study
from agegen.classifier.config import TrainConfig
from agegen.classifier.parallel import trainings_at_a_time
from agegen.run.cli import run_recipe
from agegen.run.configs import from_plain
from agegen.run.errors import UserError
from agegen.run.files import read_json
from agegen.run.pretrained import require_record


@dataclass(frozen=True)
class StudyConfig:
    """What to study, around which config."""

    run: Path | None = None
    """Folder of a trained classifier: its config is varied."""
    faces: Path | None = None
    """Folder of the FaceStore; by default the one of the run."""
    out: Path | None = None
    """Folder of the study; by default RUN/study."""
    factors: tuple[str, ...] = ()
    """Which factors to study; by default all that have an effect on this training."""
    seeds: int = 3
    """Trials of each setting, with the seeds 0, 1, …"""
    epochs: int | None = None
    """Epochs of a trial with all faces; by default those of the study that is there, or 5."""
    narrow: int | None = None
    """Divide the network's widths by this: by 2, a trial is three times as fast; by default that
    of the study that is there, or 2."""
    workers: int = 0
    """Trainings side by side, one thread each; 0 is one a core, or two a GPU."""
    dry_run: bool = False
    """Print the trials and how long they would take, and stop."""

    def __post_init__(self) -> None:
        if self.run is None and (self.faces is None or self.out is None):
            raise UserError("give --run, or both --faces and --out")
        if self.seeds < 1 or self.workers < 0:
            raise UserError("--seeds must be above 0, --workers not negative")
        if min(self.epochs or 1, self.narrow or 1) < 1 or 0 in (self.epochs, self.narrow):
            raise UserError("--epochs and --narrow must be above 0")


def main(config: StudyConfig) -> None:
    """Plan, say how long it takes, run."""
    out = config.out or Path(config.run or "", "study")
    study = open_study(out, base_config(config, out), config.faces, config.epochs, config.narrow)
    factors = config.factors or all_factors(study)
    workers = config.workers or trainings_at_a_time()
    trials = plan(study, factors, range(config.seeds))
    print(describe_plan(study, trials, workers), flush=True)
    if config.dry_run:
        return
    run_study(study, factors, range(config.seeds), workers)
    print(f"saved to {out / 'study.json'} and {out / 'trials.csv'}")


def base_config(config: StudyConfig, out: Path) -> TrainConfig:
    """Read the run's config, or take the defaults."""
    if config.run is None:
        assert config.faces is not None  # see StudyConfig
        return TrainConfig(config.faces, out)
    require_record(config.run, "classifier")
    path = config.run / "config.json"
    return from_plain(TrainConfig, read_json(path)["config"], path)


if __name__ == "__main__":
    run_recipe(StudyConfig, main, __doc__)
