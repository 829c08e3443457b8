"""SGD in place of AdamW: it learns, and a stopped run ends in the same bits."""

from pathlib import Path

import pytest
import torch

from agegen.classifier import train as module
from agegen.classifier.config import TrainConfig
from agegen.classifier.model import ModelConfig
from agegen.classifier.train import train
from agegen.faces.store import FaceStore
from agegen.faces.views import AugmentConfig
from agegen.run.folder import Run


def config(store: FaceStore, out: Path, **changes) -> TrainConfig:
    given = {
        "model": ModelConfig(widths=(8, 16)),
        "augment": AugmentConfig(crop=36, shift=1, scale=0, rotation=0, colour=0, erase=0),
        "epochs": 8,
        "batch_size": 16,
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "weight_decay": 5e-4,
        "ema_decay": 0.9,
        "checkpoint_every": 4,
        "threads": 1,
    }
    return TrainConfig(store.folder, out, **given | changes)


def test_sgd_learns_and_keeps_one_buffer_a_weight(striped_store: FaceStore, tmp_path: Path) -> None:
    best = train(config(striped_store, tmp_path / "run"))
    assert best is not None
    assert best.auc > 0.9
    checkpoint = Run(tmp_path / "run").latest_checkpoint()
    assert checkpoint is not None
    names = {name.partition(".")[2] for name in checkpoint.tensors["optimizer"]}
    assert names == {"momentum_buffer"}


@pytest.mark.parametrize("stop_after", [1, 9, 13])
def test_a_stopped_sgd_run_ends_in_the_same_bits(
    striped_store: FaceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_after: int
) -> None:
    whole, stopped = (
        config(striped_store, tmp_path / name, epochs=2) for name in ("whole", "stopped")
    )
    train(whole)
    steps = iter(range(1000))

    def seed_step_until(seed: int, step: int, rank: int) -> None:
        if next(steps) == stop_after:
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "seed_step", seed_step_until)
    with pytest.raises(KeyboardInterrupt):
        train(stopped)
    monkeypatch.undo()
    train(config(striped_store, stopped.out, epochs=2, resume=True))
    ends = [Run(c.out).latest_checkpoint() for c in (whole, stopped)]
    assert ends[0] is not None
    assert ends[1] is not None
    for part, tensors in ends[0].tensors.items():
        for name, value in tensors.items():
            assert torch.equal(value, ends[1].tensors[part][name]), (part, name)
