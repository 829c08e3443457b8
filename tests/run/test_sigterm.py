"""SIGTERM ends a training at its next step, with a checkpoint: it resumes to the same bits."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from photos import REPOSITORY as ROOT
from photos import environment
from run_tensors import are_same
from stopped_trainings import MODULES, STEPS, status_of, stopped_in, train

from agegen.faces.store import FaceStore
from agegen.run.folder import Run


@pytest.fixture(scope="module", params=MODULES)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def whole_run(kind: str, drawn_store: FaceStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / kind
    train(kind, drawn_store, out)
    assert Run(out).latest_checkpoint().step == STEPS
    return out


@pytest.mark.parametrize("step", [0, 2])  # the classifier's third step ends an epoch
def test_it_is_resumed_where_it_was_stopped(
    kind: str, drawn_store: FaceStore, whole_run: Path, tmp_path: Path, step: int
) -> None:
    assert stopped_in(step, kind, drawn_store, tmp_path / "run") == 143
    assert Run(tmp_path / "run").latest_checkpoint().step == step + 1
    assert status_of(lambda: train(kind, drawn_store, tmp_path / "run", resume=True)) == 0
    assert are_same(whole_run, tmp_path / "run")


def test_in_its_last_step_it_is_finished(
    kind: str, drawn_store: FaceStore, whole_run: Path, tmp_path: Path
) -> None:
    assert stopped_in(STEPS - 1, kind, drawn_store, tmp_path / "run") == 0
    assert are_same(whole_run, tmp_path / "run")


def test_it_ends_with_its_launcher(drawn_store: FaceStore, tmp_path: Path) -> None:
    out = tmp_path / "run"
    flags = ["--size", "32", "--generator.width", "4", "--generator.blocks", "1", "--threads", "1"]
    flags += ["--discriminator.width", "4", "--discriminator.receptive-field", "16"]
    start = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch"]
    recipe = ["recipes/train_cyclegan.py", "--faces", drawn_store.folder, "--out", out, *flags]
    launcher = subprocess.Popen(
        [*start, *map(str, recipe)], cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True
    )
    run, last = Run(out), time.monotonic() + 120
    while not any(r["kind"] == "step" for r in run.metrics()):
        assert launcher.poll() is None
        assert time.monotonic() < last
        time.sleep(0.05)
    launcher.terminate()
    _, said = launcher.communicate(timeout=60)  # which ends with the training
    assert "stopped: go on with --resume" in said
    assert run.latest_checkpoint().step > 0
