"""Trackers are told what metrics.jsonl is told, through kills and rollbacks; they harm no run."""

import importlib.util
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from accelerate import tracking
from accelerate.tracking import GeneralTracker, TensorBoardTracker
from PIL import Image
from small_cyclegans import assert_same_end, small_config, steps_of
from tensorboards import pictures_in, scalars_in, scalars_of_metrics

from agegen.classifier.config import TrainConfig
from agegen.classifier.model import ModelConfig
from agegen.classifier.train import train as train_classifier
from agegen.cyclegan import step_log
from agegen.cyclegan import train as train_module
from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.train import train
from agegen.faces.store import FaceStore
from agegen.run.errors import UserError
from agegen.run.files import read_json
from agegen.run.trackers import Trackers, await_next_second, require_trackers

needs_tensorboard = pytest.mark.skipif(
    importlib.util.find_spec("tensorboard") is None, reason="needs the extra trackers"
)
TIMES = ("pairs_per_second", "peak_gib", "seconds")


@pytest.fixture
def config(
    drawn_store: FaceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> CycleGANConfig:
    """12 steps, written in pairs; looks and checkpoints after every four."""
    monkeypatch.setattr(step_log, "LOG_EVERY", 2)
    return small_config(
        drawn_store, tmp_path / "run", log_with=("tensorboard",), watch_every=16,
        checkpoint_every=16,
    )  # fmt: skip


def once_at(step: int, what: Callable) -> Callable:
    """`generator_phase`, which does something else the first time it comes to a step."""
    real, left = train_module.generator_phase, [step]

    def phase(*arguments: object) -> object:
        if arguments[4] in left:
            left.clear()
            return what(real, *arguments)
        return real(*arguments)

    return phase


def kill(*_: object) -> None:
    raise KeyboardInterrupt


def spoil(real: Callable, *arguments: object) -> object:
    fake_old, fake_young, losses = real(*arguments)
    return fake_old, fake_young, losses._replace(total=losses.total * float("nan"))


@needs_tensorboard
def test_tensorboard_has_the_numbers_the_pictures_and_the_config(config: CycleGANConfig) -> None:
    train(config)
    found = scalars_in(config.out)
    assert found == scalars_of_metrics(config.out)
    kinds = {"step", "watch", "checkpoint", "alarm"}  # such short trainings alarm
    assert {name.split("/")[0] for name, _ in found} == kinds
    assert ("step/generator_total", 12) in found
    pictures = pictures_in(config.out)["watch/faces"]
    assert list(pictures) == [4, 8, 12]
    for step, encoded in pictures.items():
        sheet = Image.open(config.out / "watch" / f"pairs_{4 * step:09d}.png")
        assert np.array_equal(np.asarray(Image.open(BytesIO(encoded))), np.asarray(sheet))
    kept = next((config.out / "tensorboard").glob("*/hparams.yml")).read_text()
    assert "generator.width: 4\n" in kept
    assert "betas: '[0.5, 0.999]'\n" in kept


@needs_tensorboard
def test_a_classifier_is_told_of_too(drawn_store: FaceStore, tmp_path: Path) -> None:
    model = ModelConfig(widths=(8, 16))
    train_classifier(
        TrainConfig(
            drawn_store.folder, tmp_path, model, epochs=2, batch_size=50, threads=1,
            log_with=("tensorboard",),
        )
    )  # fmt: skip
    found = scalars_in(tmp_path)
    assert found == scalars_of_metrics(tmp_path)
    assert {"step/loss", "validation/auc"} <= {name for name, _ in found}


@needs_tensorboard
def test_a_killed_training_goes_on_in_the_same_series(
    config: CycleGANConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps 9 and 10 were told of before the kill, and again after it."""
    whole = replace(config, out=tmp_path / "whole")
    train(whole)
    monkeypatch.setattr(train_module, "generator_phase", once_at(10, kill))
    with pytest.raises(KeyboardInterrupt):
        train(config)
    assert ("step/generator_total", 10) in scalars_in(config.out)
    train(replace(config, resume=True))
    assert scalars_in(config.out) == scalars_of_metrics(config.out)
    assert without_times(scalars_in(config.out)) == without_times(scalars_in(whole.out))
    assert len(list((config.out / "tensorboard").glob("*/hparams.yml"))) == 1
    train(replace(config, resume=True, log_with=()))  # a resume may leave them out


def without_times(scalars: dict[tuple[str, int], float]) -> dict[tuple[str, int], float]:
    return {key: value for key, value in scalars.items() if not key[0].endswith(TIMES)}


@needs_tensorboard
def test_what_a_training_took_back_is_gone_from_the_series(
    config: CycleGANConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_module, "generator_phase", once_at(11, spoil))
    train(config)
    assert steps_of(config.out)[9]["learning_rate"] < 1.1e-4  # it went back to step 8
    assert scalars_in(config.out) == scalars_of_metrics(config.out)
    assert list(pictures_in(config.out)["watch/faces"]) == [4, 8, 12]


def test_two_event_files_are_never_of_one_second(tmp_path: Path) -> None:
    await_next_second(tmp_path / "tensorboard")  # which is not there yet
    second = int(time.time())
    for n in (second - 1, second):
        (tmp_path / f"events.out.tfevents.{n}.host.12.9").touch()
    await_next_second(tmp_path)
    assert int(time.time()) > second


@needs_tensorboard
def test_without_the_flag_nothing_is_imported_or_written(
    config: CycleGANConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(config)
    plain = replace(config, out=tmp_path / "plain", log_with=())
    with monkeypatch.context() as patch:
        for module in ("tensorboard", "torch.utils.tensorboard"):
            patch.setitem(sys.modules, module, None)  # whose import fails
        train(plain)
    assert_same_end(config.out, plain.out)
    names = [{path.name for path in run.iterdir()} for run in (config.out, plain.out)]
    assert names[0] - names[1] == {"tensorboard", "trackers.json"}
    assert names[1] < names[0]


@needs_tensorboard
@pytest.mark.parametrize("method", ["start", "log", "log_images", "finish"])
def test_a_tracker_that_fails_ends_no_training(
    config: CycleGANConfig,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    method: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(TensorBoardTracker, method, fail)
    monkeypatch.setattr(train_module, "generator_phase", once_at(3, spoil))  # it goes back once
    train(replace(config, constant_pairs=16, decay_pairs=0))
    assert len(steps_of(config.out)) == 4
    printed = capsys.readouterr().out
    assert printed.count("goes on without tensorboard, which failed (OSError: ") == 1


class Told(GeneralTracker):
    """A tracker that remembers what it was told."""

    name, requires_logging_directory, tracker = "wandb", False, None
    calls: list[tuple]

    def __init__(self, project: str, **options: object) -> None:
        super().__init__()
        self.calls.append((project, options))

    def store_init_configuration(self, values: dict) -> None:
        self.calls.append(("config", values["seed"]))

    def log(self, values: dict, step: int | None = None, **_: object) -> None:
        self.calls.append((step, values))


def test_a_resumed_run_is_known_by_the_same_identity(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Told.calls = []
    monkeypatch.setitem(tracking.LOGGER_TYPE_TO_CLASS, "wandb", Told)
    config = CycleGANConfig(Path("faces"), tmp_path, log_with=("wandb", "wandb"), seed=3)
    first = Trackers(config, tmp_path, 0)
    first.log([{"kind": "step", "step": 1, "loss": 0.5, "note": "text"}])
    first.finish()
    first.log([{"kind": "step", "step": 2, "loss": 0.4}])
    Trackers(config, tmp_path, 1)
    run = {"id": read_json(tmp_path / "trackers.json")["wandb"], "resume": "allow"}
    run |= {"name": tmp_path.name, "dir": str(tmp_path)}
    told = [("agegen", run), ("config", 3), (1, {"step/loss": 0.5}), ("agegen", run)]
    assert Told.calls == told


def test_what_is_unknown_or_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    require_trackers(())
    with pytest.raises(UserError, match=r"--log-with tensorbord: .* aim, .* tensorboard, .*wandb"):
        require_trackers(("tensorbord",))
    with pytest.raises(UserError, match=r"--log-with none: .* for none, leave --log-with out"):
        require_trackers(("none",))
    monkeypatch.setattr(tracking, "_available_trackers", [])
    with pytest.raises(UserError, match=r"tensorboard .* pip install 'agegen\[trackers\]'"):
        require_trackers(("tensorboard",))
    with pytest.raises(UserError, match="pip install mlflow"):
        require_trackers(("mlflow",))


def test_a_training_refuses_before_it_writes(config: CycleGANConfig) -> None:
    with pytest.raises(UserError, match="no such tracker"):
        train(replace(config, log_with=("tensorbord",)))
    out, model = config.out, ModelConfig(widths=(8, 16))
    with pytest.raises(UserError, match="no such tracker"):
        train_classifier(TrainConfig(config.faces, out, model, log_with=("tensorbord",)))
    assert not out.exists()
