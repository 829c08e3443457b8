"""A run's saved files, read and checked: what the page is made from."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import safe_open

from agegen import metrics
from agegen.faces.store import FaceStore
from agegen.run.configs import read_config
from agegen.run.errors import UserError
from agegen.run.files import read_json, read_metrics
from agegen.run.pretrained import require_record

BUFFERS = ("running_mean", "running_var", "num_batches_tracked")
Columns = dict[str, np.ndarray]
"""Equally long arrays by name: the step or the validation records of metrics.jsonl."""


class SavedRun(NamedTuple):
    """What the run's files say; `parameters` is None where the weights are not there."""

    folder: Path
    config: dict
    data: dict
    environment: dict
    best: dict
    evaluation: dict
    steps: Columns
    validation: Columns
    parameters: int | None

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps in an epoch; the last one may have fewer faces."""
        return -(-sum(self.data["counts"]["train"].values()) // self.config["batch_size"])

    @property
    def faces_per_step(self) -> float:
        """Mean number of training faces in a step."""
        return sum(self.data["counts"]["train"].values()) / self.steps_per_epoch


class Scored(NamedTuple):
    """The evaluated faces, one entry per face; `p` is the calibrated p(old)."""

    store: FaceStore
    indices: np.ndarray
    y: np.ndarray
    p: np.ndarray


def read_run(run: Path) -> SavedRun:
    """Read the run's files.

    Raises:
        UserError: a file is missing (it says what makes it), or of an earlier version.
    """
    require_record(run, "classifier")
    train = f"train it with recipes/train_classifier.py --out {run}"
    needed = dict.fromkeys(("config.json", "environment.json", "metrics.jsonl", "best.json"), train)
    needed |= dict.fromkeys(("evaluation.json", "predictions.csv"), evaluate_again(run))
    require_files(run, needed)
    config, records = read_config(run), read_metrics(run / "metrics.jsonl")
    evaluation = read_json(run / "evaluation.json")
    if not {"checksum", "recall", "calibration_bins"} <= evaluation.keys():
        raise UserError(f"{run}/evaluation.json is of an earlier version: {evaluate_again(run)}")
    return SavedRun(
        folder=run,
        config=config["config"],
        data=config["data"],
        environment=read_json(run / "environment.json"),
        best=read_json(run / "best.json"),
        evaluation=evaluation,
        steps=columns(records, "step"),
        validation=columns(records, "validation"),
        parameters=count_parameters(run / "best.safetensors"),
    )


def require_files(run: Path, needed: dict[str, str]) -> None:
    """Say how to make the file that is missing: each with its remedy."""
    for name, remedy in needed.items():
        if not (run / name).exists():
            raise UserError(f"{run} has no {name}: {remedy}")


def evaluate_again(run: Path) -> str:
    """The remedy for what is wrong with an evaluation."""
    return f"make it with python recipes/evaluate_classifier.py --run {run}"


def columns(records: list[dict], kind: str) -> Columns:
    """Turn the records of one kind into arrays; NaN where a record lacks a figure."""
    chosen = [record for record in records if record["kind"] == kind]
    if not chosen:
        raise UserError(f"metrics.jsonl has no {kind} yet: train the classifier to the end")
    names = dict.fromkeys(name for record in chosen for name in record if name != "kind")
    return {name: np.array([record.get(name, np.nan) for record in chosen]) for name in names}


def count_parameters(path: Path) -> int | None:
    """Count the trained numbers in a weights file by its header, without batch norm's averages."""
    if not path.exists():
        return None
    with safe_open(str(path), "numpy") as file:
        names = [name for name in file.keys() if not name.endswith(BUFFERS)]  # noqa: SIM118
        return sum(int(np.prod(file.get_slice(name).get_shape())) for name in names)


def read_scores(saved: SavedRun, faces: Path | None) -> Scored:
    """Read predictions.csv, and open the store that was evaluated.

    Raises:
        UserError: they are of another evaluation or of other faces.
    """
    evaluation, path = saved.evaluation, saved.folder / "predictions.csv"
    store = FaceStore.open(faces or evaluation["faces"])
    if store.checksum != evaluation["checksum"]:
        raise UserError(f"{store.folder} holds other faces than those evaluated: give --faces")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    y = np.array([int(row["label"]) for row in rows])
    logit = np.array([float(row["logit"]) for row in rows])
    nll = evaluation["before_scaling"]["negative_log_likelihood"]["value"]
    found = metrics.negative_log_likelihood(y, metrics.sigmoid(logit))
    if len(y) != evaluation["n"] or not np.isclose(found, nll, atol=1e-4):
        raise UserError(f"{path} is of another evaluation: {evaluate_again(saved.folder)}")
    indices = np.array([int(row["index"]) for row in rows])
    return Scored(store, indices, y, metrics.sigmoid(logit / evaluation["temperature"]))
