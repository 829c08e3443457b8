"""Which discriminator learns fast: real old faces against real young ones, without a generator.

    python recipes/study_discriminators.py --faces data/utkface
    python recipes/study_discriminators.py --faces data/utkface --seeds 5 --out discriminators.json

Prints the AUC on held-out faces after --steps steps, for several receptive fields, batches, rates
and norms: the mean over seeds, with a 95 % interval over faces, and the lowest and highest seed.
"""

from dataclasses import dataclass
from pathlib import Path

import torch

from agegen.cyclegan.discriminator_study import SETTINGS, choose, measure
from agegen.faces.store import FaceStore
from agegen.run.cli import run_recipe
from agegen.run.errors import UserError
from agegen.run.files import write_json


@dataclass(frozen=True)
class StudyConfig:
    """What to study, for how long."""

    faces: Path
    """Folder of the FaceStore."""
    out: Path | None = None
    """File for the figures, as JSON."""
    size: int = 64
    """Side in pixels that faces are shown at."""
    width: int = 32
    """Channels of the discriminators' first layer."""
    steps: int = 1000
    """Optimiser steps of each training."""
    held_out: int = 150
    """Test faces of each class, at most."""
    seeds: int = 3
    """Trainings of each setting, with the seeds 0, 1, …"""
    threads: int = 1
    """CPU threads."""

    def __post_init__(self) -> None:
        if min(self.width, self.steps, self.held_out, self.seeds, self.threads) < 1:
            raise UserError("--width, --steps, --held-out, --seeds and --threads must be above 0")
        if self.size < 48 or self.size % 4:
            raise UserError("--size must be at least 48, in multiples of 4")


def main(config: StudyConfig) -> None:
    """Measure each setting, print its row, save all."""
    torch.set_num_threads(config.threads)
    faces = choose(FaceStore.open(config.faces), config.size, held_out=config.held_out)
    print(f"n = {len(faces.labels)} held-out faces, {config.seeds} seed(s), {config.steps} steps")
    print("| receptive field | faces a step | rate | norm | AUC | of the seeds | seconds |")
    print("|---|---|---|---|---|---|---|")
    rows = []
    for setting in SETTINGS:
        rows.append(measure(setting, faces, config.seeds, config.steps, config.width))
        print(describe(rows[-1]), flush=True)
    if config.out:
        settings = {k: str(v) for k, v in vars(config).items()}
        write_json(config.out, {"config": settings, "n": len(faces.labels), "rows": rows})
        print(f"saved to {config.out}")


def describe(row: dict) -> str:
    """One row of the table."""
    auc, each = row["auc"], row["of_seeds"]
    return (
        f"| {row['receptive_field']} | {row['batch']} | {row['learning_rate']:g} | {row['norm']} "
        f"| {auc['value']:.3f} [{auc['low']:.3f}, {auc['high']:.3f}] "
        f"| {min(each):.3f}–{max(each):.3f} | {row['seconds']:.0f} |"
    )


if __name__ == "__main__":
    run_recipe(StudyConfig, main, __doc__)
