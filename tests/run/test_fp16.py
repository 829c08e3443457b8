"""Trainings in fp16 resume to the same bits, with the loss scale that they had.

Accelerate makes a scaler on GPUs only; here it is put in by hand, and all else is the training's.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from run_tensors import are_same
from small_cyclegans import small_config

from agegen.classifier import train as classifier
from agegen.classifier.config import TrainConfig
from agegen.classifier.model import ModelConfig
from agegen.cyclegan import checkpoints
from agegen.cyclegan import train as cyclegan
from agegen.faces.store import FaceStore
from agegen.run.folder import Run

STOP = 3  # the step in which a training is stopped, after the checkpoint of step 2


def put_in_a_scaler(monkeypatch: pytest.MonkeyPatch, module: object, first: float) -> None:
    """Its scale doubles after every good step, until gradients are infinite and it halves."""

    def make(precision: str) -> Accelerator:
        AcceleratorState._reset_state()
        accelerator = Accelerator(cpu=True, mixed_precision="fp16")
        accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=first, growth_interval=1)
        accelerator.native_amp = True
        return accelerator

    monkeypatch.setattr(module, "make_accelerator", make)


def train_cyclegan(store: FaceStore, out: Path, resume: bool) -> None:
    """4 steps."""
    options = {"constant_pairs": 16, "decay_pairs": 0, "checkpoint_every": 8}
    cyclegan.train(small_config(store, out, resume=resume, **options))


def train_classifier(store: FaceStore, out: Path, resume: bool) -> None:
    """4 steps: two epochs."""
    model = ModelConfig(widths=(4, 8))
    config = TrainConfig(store.folder, out, model, epochs=2, batch_size=110, checkpoint_every=2)
    classifier.train(replace(config, threads=1, resume=resume))


def begin(
    monkeypatch: pytest.MonkeyPatch, module: object, train: Callable, store: FaceStore, out: Path
) -> None:
    """Begin a training, and stop it."""
    real = module.seed_step

    def stop(seed: int, step: int, rank: int) -> None:
        if step == STOP:
            raise KeyboardInterrupt
        real(seed, step, rank)

    with monkeypatch.context() as patch:
        patch.setattr(module, "seed_step", stop)
        with pytest.raises(KeyboardInterrupt):
            train(store, out, resume=False)


@pytest.mark.parametrize(
    ("train", "module", "loads", "first"),
    [
        (train_cyclegan, cyclegan, checkpoints, 2.0**20),
        (train_classifier, classifier, classifier, 2.0**22),
    ],
)
def test_a_stopped_training_ends_in_the_same_bits_with_its_loss_scale_only(
    drawn_store: FaceStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    train: Callable,
    module: object,
    loads: object,
    first: float,
) -> None:
    put_in_a_scaler(monkeypatch, module, first)
    train(drawn_store, tmp_path / "whole", resume=False)
    for name in ("with", "without"):
        begin(monkeypatch, module, train, drawn_store, tmp_path / name)
        if name == "without":
            monkeypatch.setattr(loads, "load_scaler", lambda *_: None)
        train(drawn_store, tmp_path / name, resume=True)
    whole, resumed = (scaler_of(tmp_path / name) for name in ("whole", "with"))
    assert resumed == whole
    assert whole["scale"] < first
    assert are_same(tmp_path / "whole", tmp_path / "with")
    assert not are_same(tmp_path / "whole", tmp_path / "without")


def scaler_of(run: Path) -> dict:
    return Run(run).latest_checkpoint().state["scaler"]
