"""Studies whose trials were never trained: results are written as if they had been."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from agegen.analysis.study.base import Study, open_study
from agegen.analysis.study.study import all_factors, plan, save_figures
from agegen.analysis.study.trials import Trial
from agegen.classifier.config import TrainConfig
from agegen.classifier.model import ModelConfig
from agegen.faces.store import FaceStore
from agegen.run.files import write_json


def tiny_base(store: FaceStore, run: Path) -> TrainConfig:
    return TrainConfig(
        store.folder, run, model=ModelConfig(widths=(8, 16)), batch_size=16, ema_decay=0.9
    )


def write_result(trial: Trial, store: FaceStore, skill: float, n_train: int = 100) -> None:
    """Write the result of a trial whose log-odds lie `skill` standard deviations apart."""
    labels = store.labels[store.indices("val")]
    noise = np.random.default_rng(trial.config.seed).normal(size=len(labels))
    result = {"seed": trial.config.seed, "diverged": not np.isfinite(skill)}
    result |= {"n_train": n_train, "steps": 10, "seconds": 1.5}
    if np.isfinite(skill):
        result["logit"] = (skill * (labels - 0.5) + noise).tolist()
    write_json(trial.result, result)


def write_study(
    run: Path,
    store: FaceStore,
    skill: Callable[[Trial], float],
    factors: tuple[str, ...] = (),
    seeds: int = 2,
) -> Study:
    """Write run/study with the results of some factors (none: all)."""
    study = open_study(run / "study", tiny_base(store, run))
    for trial in plan(study, factors or all_factors(study), range(seeds)):
        share = trial.config.subset.share
        write_result(trial, store, skill(trial), round(1600 * share))
    save_figures(study)
    return study
