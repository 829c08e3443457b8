"""Training: what the loop computes, exact resume, refusals."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from agegen.classifier import train as module
from agegen.classifier.ages import age_loss
from agegen.classifier.config import TrainConfig
from agegen.classifier.model import ModelConfig
from agegen.classifier.train import Best, learning_rate, share_of_loss, train
from agegen.faces.batches import Batch
from agegen.faces.store import FaceStore
from agegen.faces.views import AugmentConfig
from agegen.run.errors import UserError
from agegen.run.folder import Run
from agegen.run.tensor_files import load_tensors


@pytest.fixture
def config(drawn_store: FaceStore, tmp_path: Path) -> TrainConfig:
    return TrainConfig(
        faces=drawn_store.folder,
        out=tmp_path / "run",
        model=ModelConfig(widths=(8, 16)),
        augment=AugmentConfig(crop=40, colour=0.1, erase=0.2),
        epochs=3,
        batch_size=50,
        precision="float32",
        checkpoint_every=2,
        threads=1,
    )


def weights_of(config: TrainConfig) -> dict[str, torch.Tensor]:
    checkpoint = Run(config.out).latest_checkpoint()
    assert checkpoint is not None
    return {f"{k}/{n}": t for k, group in checkpoint.tensors.items() for n, t in group.items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_it_learns(config: TrainConfig, striped_store: FaceStore) -> None:
    best = train(replace(config, faces=striped_store.folder, epochs=15, batch_size=20))
    assert best is not None
    assert best.auc > 0.95
    losses = [r["loss"] for r in Run(config.out).metrics() if r["kind"] == "step"]
    assert np.mean(losses[-8:]) < np.mean(losses[:8]) - 0.1


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(
    config: TrainConfig, tmp_path: Path
) -> None:
    again, other = (replace(config, out=tmp_path / n, seed=s) for n, s in (("a", 0), ("b", 1)))
    for each in (config, again, other):
        train(each)
    assert same(weights_of(config), weights_of(again))
    assert not same(weights_of(config), weights_of(other))


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("stop_after", [1, 4, 5, 9])
def test_a_stopped_run_ends_in_the_same_bits(
    config: TrainConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stop_after: int,
    precision: str,
) -> None:
    config = replace(config, precision=precision)
    whole = replace(config, out=tmp_path / "whole")
    train(whole)
    steps = iter(range(1000))

    def seed_step_until(seed: int, step: int, rank: int) -> None:
        if next(steps) == stop_after:
            raise KeyboardInterrupt
        torch.manual_seed(999)  # resume must not depend on a global state

    monkeypatch.setattr(module, "seed_step", seed_step_until)
    with pytest.raises(KeyboardInterrupt):
        train(config)
    monkeypatch.undo()
    train(replace(config, resume=True))
    assert same(weights_of(whole), weights_of(config))
    best = load_tensors(config.out / "best.safetensors")
    assert same(best, load_tensors(whole.out / "best.safetensors"))
    assert deterministic_metrics(config) == deterministic_metrics(whole)


def deterministic_metrics(config: TrainConfig) -> list[dict]:
    timings = ("images_per_second", "waiting", "peak_gib", "seconds")
    return [{k: v for k, v in r.items() if k not in timings} for r in Run(config.out).metrics()]


def test_every_step_is_logged_and_every_face_seen_once_an_epoch(
    config: TrainConfig, drawn_store: FaceStore
) -> None:
    train(config)
    records = Run(config.out).metrics()
    steps = [r for r in records if r["kind"] == "step"]
    per_epoch = math.ceil(len(drawn_store.indices("train")) / config.batch_size)
    assert [r["step"] for r in steps] == list(range(1, 3 * per_epoch + 1))
    assert all(0 <= r["waiting"] <= 1 and r["images_per_second"] > 0 for r in steps)
    assert len([r for r in records if r["kind"] == "validation"]) == 3


def test_best_epoch_is_the_best_by_the_rule(config: TrainConfig) -> None:
    best = train(replace(config, early_epochs=0.0))
    aucs = [r["auc"] for r in Run(config.out).metrics() if r["kind"] == "validation"]
    assert best is not None
    assert best.auc == max(aucs)
    assert best.epoch == int(np.argmax(aucs))
    assert json.loads((config.out / "best.json").read_text()) == best._asdict()


def test_a_finished_run_resumed_changes_nothing(config: TrainConfig) -> None:
    best = train(config)
    before = (config.out / "metrics.jsonl").read_text()
    assert train(replace(config, resume=True)) == best
    assert (config.out / "metrics.jsonl").read_text() == before


def test_early_stop_ends_after_patience_epochs_without_a_better_one(config: TrainConfig) -> None:
    flat = replace(config, epochs=8, patience=2, learning_rate=1e-12, ema_decay=0.0)
    flat = replace(flat, select_by="balanced_accuracy")  # stays at 0.5: the first epoch is best
    best = train(flat)
    assert best is not None
    epochs = [r["epoch"] for r in Run(config.out).metrics() if r["kind"] == "validation"]
    assert len(epochs) == best.epoch + 3 < 8


def test_dry_run_writes_nothing(config: TrainConfig, capsys: pytest.CaptureFixture) -> None:
    assert train(replace(config, dry_run=True)) is None
    assert not config.out.exists()
    printed = capsys.readouterr().out
    assert "learning_rate" in printed
    assert "parameters" in printed


def test_a_loss_that_is_not_finite_stops_with_a_sentence(config: TrainConfig) -> None:
    with pytest.raises(UserError, match="no longer finite"):
        train(replace(config, learning_rate=1e30, clip_norm=0.0, epochs=8))


def test_a_crop_larger_than_the_faces_is_refused(config: TrainConfig) -> None:
    with pytest.raises(UserError, match="larger than the faces"):
        train(replace(config, augment=AugmentConfig(crop=49)))


def test_the_crop_follows_the_faces_and_the_network_is_tried_on_it(config: TrainConfig) -> None:
    train(replace(config, augment=AugmentConfig(), epochs=1))
    saved = json.loads((config.out / "config.json").read_text())
    assert saved["config"]["augment"]["crop"] == 46  # 96 % of 48
    deep = replace(config, model=ModelConfig("plain", widths=(4,) * 6), out=config.out / "deep")
    with pytest.raises(UserError, match="does not accept views of 40 pixels"):
        train(deep)


def test_a_batch_of_one_is_refused(config: TrainConfig) -> None:
    with pytest.raises(UserError, match="batch norm"):
        train(replace(config, batch_size=1))


@pytest.mark.parametrize(
    "change", [{"epochs": 0}, {"label_smoothing": 1.0}, {"weight_decay": -1.0}, {"batch_size": -3}]
)
def test_impossible_values_are_refused(change: dict) -> None:
    with pytest.raises(UserError, match=next(iter(change)).replace("_", "-")):
        TrainConfig(Path("f"), Path("o"), **change)


def batch_of(labels: torch.Tensor, ages: torch.Tensor, share: slice) -> Batch:
    indices = np.arange(len(labels))[share]
    return Batch(torch.empty(0), labels, ages, indices, share, waited=0.0)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("says_ages", [False, True])
def test_shares_of_the_loss_add_up_to_that_of_the_whole_batch(
    seed: int, says_ages: bool, config: TrainConfig
) -> None:
    torch.manual_seed(seed)
    n, cut = 9, seed % 10
    labels, ages = torch.randint(0, 3, (n,)), torch.randint(-1, 101, (n,))
    outputs, weights = torch.randn(n, 103 if says_ages else 2), torch.tensor([0.7, 1.6, 0.0])
    asked = replace(config, model=ModelConfig(ages=says_ages), label_smoothing=0.0, age_weight=0.5)
    shares = slice(0, cut), slice(cut, n)
    parts = [share_of_loss(outputs[s], batch_of(labels, ages, s), weights, asked) for s in shares]
    in_class, known = labels < 2, ages >= 0
    expected = 0.0
    if in_class.any():
        logits, wanted = outputs[in_class, :2], labels[in_class]
        expected += F.cross_entropy(logits, wanted, weight=weights[:2]).item()
    if says_ages and known.any():
        expected += 0.5 * age_loss(outputs[known, 2:], ages[known]).mean().item()
    assert sum(parts).item() == pytest.approx(expected, abs=1e-5)


def test_learning_rate_rises_then_falls_to_almost_zero(config: TrainConfig) -> None:
    rates = [learning_rate(replace(config, warmup=0.2), step, 100) for step in range(100)]
    assert np.argmax(rates) in (19, 20)
    assert max(rates) == pytest.approx(config.learning_rate)
    assert (np.diff(rates[:20]) > 0).all()
    assert (np.diff(rates[20:]) < 0).all()
    assert rates[-1] < 0.01 * config.learning_rate


def test_selection_by_likelihood_prefers_the_lower() -> None:
    low, high = (Best(0, 1, 32, 0.9, 0.8, nll, 1.0) for nll in (0.2, 0.3))
    assert module.is_better(low, high, "nll")
    assert not module.is_better(high, low, "nll")
    assert not module.is_better(low, low, "auc")


def test_larger_views_beat_smaller_ones_whatever_their_score() -> None:
    small, large = Best(0, 1, 32, 0.99, 0.9, 0.2, 1.0), Best(1, 2, 48, 0.6, 0.6, 0.6, 1.0)
    assert module.is_better(large, small, "auc")
    assert not module.is_better(small, large, "auc")


def test_epochs_are_validated_at_the_size_they_were_trained_at(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides = []
    whole = module.mean_outputs

    def noted(*args, side: int, **more):
        sides.append(side)
        return whole(*args, side=side, **more)

    monkeypatch.setattr(module, "mean_outputs", noted)
    best = train(replace(config, epochs=4, early_epochs=0.5, early_side=0.8))
    assert sides == [32, 32, 40, 40]
    assert best is not None
    assert best.side == 40
    recorded = [r["side"] for r in Run(config.out).metrics() if r["kind"] == "validation"]
    assert recorded == sides
