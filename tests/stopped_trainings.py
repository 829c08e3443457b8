"""Small trainings that SIGTERM stops in a step, as the command would be: status and folder."""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

from small_cyclegans import small_config

from agegen.classifier import train as classifier
from agegen.classifier.config import TrainConfig
from agegen.classifier.model import ModelConfig
from agegen.cyclegan import train as cyclegan
from agegen.faces.store import FaceStore
from agegen.run.cli import run_recipe

MODULES = {"cyclegan": cyclegan, "classifier": classifier}
STEPS = 6  # of each; the classifier's are two epochs


@dataclass(frozen=True)
class Nothing:
    """A recipe without settings."""


def train(kind: str, store: FaceStore, out: Path, **options: object) -> None:
    """One of the two, whole or resumed."""
    if kind == "cyclegan":
        cyclegan.train(small_config(store, out, constant_pairs=24, decay_pairs=0, **options))
        return
    model = ModelConfig("plain", widths=(4, 8))
    config = TrainConfig(store.folder, out, model, epochs=2, batch_size=75, precision="float32")
    classifier.train(replace(config, threads=1, **options))


def status_of(function: Callable[[], object]) -> int:
    """The status that a command with this function ends with."""
    try:
        with patch.object(sys, "argv", ["recipe.py"]):
            run_recipe(Nothing, lambda _: function())
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def stopped_in(step: int, kind: str, store: FaceStore, out: Path, process: int = 0) -> int:
    """Begin a training to which SIGTERM comes in a step, in one of its processes."""
    module = MODULES[kind]
    real = module.seed_step

    def seed_step(seed: int, now: int, rank: int) -> None:
        if (now, rank) == (step, process):
            os.kill(os.getpid(), signal.SIGTERM)
        real(seed, now, rank)

    with patch.object(module, "seed_step", seed_step):
        return status_of(lambda: train(kind, store, out))
