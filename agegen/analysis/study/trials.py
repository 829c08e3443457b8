"""The trials of a study: short trainings side by side, judged on faces that they did not see."""

import re
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from agegen import metrics
from agegen.analysis.study.settings import Setting, changed
from agegen.classifier.config import TrainConfig
from agegen.classifier.model import ModelConfig, build_model
from agegen.classifier.parallel import count_steps, train_all
from agegen.classifier.predict import mean_outputs
from agegen.classifier.train import view_side
from agegen.faces.store import FaceStore
from agegen.faces.views import Views
from agegen.run.configs import read_config
from agegen.run.devices import default_device
from agegen.run.errors import UserError
from agegen.run.files import read_metrics, write_json
from agegen.run.folder import Run

SECONDS_TO_START = 7.0
SCORES: dict[str, Callable] = {
    "balanced_accuracy": metrics.balanced_accuracy,
    "roc_auc": metrics.roc_auc,
    "negative_log_likelihood": metrics.negative_log_likelihood,
}


class Trial(NamedTuple):
    """One training of a study: the base config with one setting changed, and a seed."""

    name: str
    config: TrainConfig

    @property
    def result(self) -> Path:
        """Where its figures are, once it is judged."""
        return self.config.out / "result.json"


def make_trial(folder: Path, base: TrainConfig, factor: str, setting: Setting, seed: int) -> Trial:
    """Name a trial; all factors share the base's."""
    slug = re.sub(r"[^a-z0-9]+", "-", setting.label.lower()).strip("-")
    name = f"{factor}_{slug}_seed{seed}" if setting.changes else f"base_seed{seed}"
    config = changed(base, setting.changes)
    return Trial(name, replace(config, out=folder / "trials" / name, seed=seed))


def run_trials(trials: list[Trial], store: FaceStore, views: Views, workers: int | None) -> None:
    """Train the trials without a result and judge them; a killed study goes on where it was.

    A loss that is no longer finite is a result too; any other failure raises UserError.
    """
    todo = [trial for trial in trials if not trial.result.exists()]
    while True:
        going = [trial.config for trial in todo if not diverged(trial)]
        try:
            train_all(going, workers, "study")
            break
        except UserError:
            if len([trial for trial in todo if not diverged(trial)]) == len(going):
                raise
    for trial in todo:
        judge(trial, store, views)


def diverged(trial: Trial) -> bool:
    """True if the trial's loss is no longer finite."""
    records = read_metrics(trial.config.out / "metrics.jsonl")
    return not np.isfinite([record.get("loss", 0.0) for record in records]).all()


def judge(trial: Trial, store: FaceStore, views: Views) -> None:
    """Save what the last epoch's averaged weights say of the validation faces; drop the weights.

    The last epoch, not the best one: the validation faces then had no part in the training.
    """
    folder = trial.config.out
    result = {"seed": trial.config.seed, "diverged": diverged(trial), **count_work(folder)}
    if not result["diverged"]:
        checkpoint = Run(folder).latest_checkpoint()
        assert checkpoint is not None
        faces = store.indices("val")
        logit = judge_faces(trial.config, checkpoint.tensors["averaged"], store, faces, views)
        p, y = metrics.sigmoid(logit), store.labels[faces]
        result |= {name: float(score(y, p)) for name, score in SCORES.items()}
        result["logit"] = np.round(logit, 4).tolist()
    write_json(trial.result, result)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    (folder / "best.safetensors").unlink(missing_ok=True)


def judge_faces(
    config: TrainConfig, averaged: dict, store: FaceStore, faces: np.ndarray, views: Views
) -> np.ndarray:
    """Log-odds of some faces by averaged weights as a checkpoint holds them, float64 (n,)."""
    device = default_device()
    model = build_model(config.model)
    inner = {k.removeprefix("module."): v for k, v in averaged.items() if k != "n_averaged"}
    model.load_state_dict(inner)
    model = model.to(device).to(memory_format=torch.channels_last)
    scores = mean_outputs(model, store.images, faces, config.augment.crop, views, device)[:, 0]
    return scores.double().numpy()


def count_work(folder: Path) -> dict[str, int | float]:
    """Training faces, optimiser steps, and seconds of a trial's steps."""
    steps = [r for r in read_metrics(folder / "metrics.jsonl") if r["kind"] == "step"]
    saved = read_config(folder)
    faces = sum(saved["data"]["counts"]["train"].values())
    per_step = faces / -(-faces // saved["config"]["batch_size"])
    seconds = sum(per_step / record["images_per_second"] for record in steps)
    return {"n_train": faces, "steps": len(steps), "seconds": round(seconds, 1)}


def estimate_seconds(trials: list[Trial], store: FaceStore) -> list[float]:
    """Estimate how long each trial takes on one core, from a measured step of its network."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    steps = count_steps([trial.config for trial in trials])
    validated = len(store.indices("val")) / 3  # forward passes only
    found = []
    for trial, count in zip(trials, steps, strict=True):
        config = trial.config
        early = seconds_per_face(config.model, view_side(config, 0.0))
        late = seconds_per_face(config.model, config.augment.crop)
        mean = config.early_epochs * early + (1 - config.early_epochs) * late
        trained, checked = count * config.batch_size * mean, config.epochs * validated * late
        found.append(SECONDS_TO_START + trained + checked)
    torch.set_num_threads(threads)
    return found


@cache
def seconds_per_face(model: ModelConfig, side: int, faces: int = 32) -> float:
    """Time of a forward and backward pass on one thread, per face."""
    network = build_model(model).to(memory_format=torch.channels_last)
    views = torch.zeros(faces, 3, side, side).to(memory_format=torch.channels_last)
    network(views).sum().backward()  # the first pass also prepares
    started = time.perf_counter()
    network(views).sum().backward()
    return (time.perf_counter() - started) / faces
