"""A CycleGAN's run, read and checked: what its page is made from."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from agegen.evaluation.alarm_limits import WATCHED
from agegen.faces.records import CLASS_NAMES
from agegen.report.parts.saved_run import Columns, columns, require_files
from agegen.report.parts.wording import by_class, sample
from agegen.run.configs import read_config
from agegen.run.errors import UserError
from agegen.run.files import read_json, read_metrics
from agegen.run.pretrained import require_record


class SavedCycleGAN(NamedTuple):
    """What the run's files say; `looks`, `saves` and `best` are empty where there were none."""

    folder: Path
    config: dict
    data: dict
    environment: dict
    best: dict
    steps: Columns
    looks: Columns
    saves: Columns
    alarms: list[dict]

    @property
    def total_pairs(self) -> int:
        """Pairs of the whole training that was asked for."""
        return self.config["constant_pairs"] + self.config["decay_pairs"]

    @property
    def pairs(self) -> int:
        """Pairs seen."""
        return int(self.steps["pairs"][-1])

    @property
    def has_judge(self) -> bool:
        """True if a classifier judged the looks."""
        return f"judge_share_{CLASS_NAMES[0]}" in self.looks

    def due(self, kind: str) -> np.ndarray:
        """True for the steps that computed a "cycle" or an "identity" loss, bool (steps,)."""
        return (self.steps["step"] - 1) % self.config.get(f"{kind}_every", 1) == 0

    def cycle_loss(self) -> float:
        """Mean of both cycle losses over the last tenth of the steps that computed them."""
        cycles = [self.steps[f"generator_cycle_{name}"][self.due("cycle")] for name in CLASS_NAMES]
        return float(np.mean([last_part(losses).mean() for losses in cycles]))


def read_cyclegan_run(run: Path) -> SavedCycleGAN:
    """Read the run's files.

    Raises:
        UserError: a file is missing (it says what makes it), damaged, or of another kind of run.
    """
    require_record(run, "cyclegan")
    train = f"python recipes/train_cyclegan.py --out {run}"
    names = ("config.json", "environment.json", "metrics.jsonl")
    require_files(run, dict.fromkeys(names, f"train it with {train}"))
    saved = read_config(run)
    if "generator" not in saved["config"]:
        raise UserError(f"{run} is not the run of a CycleGAN: train one with {train}")
    records = read_metrics(run / "metrics.jsonl")
    kinds = {record["kind"] for record in records}
    if "step" not in kinds:
        raise UserError(f"{run} has no step yet: go on with {train} --resume")
    best = run / "best.json"
    return SavedCycleGAN(
        folder=run,
        config=saved["config"],
        data=saved["data"],
        environment=read_json(run / "environment.json"),
        best=read_json(best) if best.exists() else {},
        steps=columns(records, "step"),
        looks=columns(records, "watch") if "watch" in kinds else {},
        saves=columns(records, "checkpoint") if "checkpoint" in kinds else {},
        alarms=[record for record in records if record["kind"] == "alarm"],
    )


def last_part(values: np.ndarray) -> np.ndarray:
    """The last tenth of the values, at least one."""
    return values[-max(len(values) // 10, 1) :]


def describe_watched(saved: SavedCycleGAN) -> str:
    """Say which faces the looks show, with their numbers."""
    held_out, trained = (saved.data["counts"][split] for split in ("val", "train"))
    parts = [
        f"{min(WATCHED, held_out[name])} {name} validation"
        if held_out[name]
        else f"{min(WATCHED, trained[name])} {name} training (there are no validation faces)"
        for name in CLASS_NAMES
    ]
    return f"at most {' and '.join(parts)} faces"


def sample_trained(saved: SavedCycleGAN) -> str:
    """Which faces a figure of the losses shows, to stand on it."""
    return sample("train", saved.data["counts"]["train"])


def sample_watched(saved: SavedCycleGAN) -> str:
    """Which faces a figure of the looks shows, to stand on it."""
    counts = saved.data["counts"]["val"]
    if not all(counts.values()):
        return "train split, where a class has no validation faces"
    watched = {name: min(WATCHED, counts[name]) for name in CLASS_NAMES}
    return f"validation split, n = {sum(watched.values()):,} at most: {by_class(watched)}"
