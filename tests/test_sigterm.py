"""SIGTERM ends a training at its next step, with a checkpoint: it resumes to the same bits."""

from pathlib import Path

import pytest
from run_tensors import are_same
from stopped_trainings import MODULES, STEPS, status_of, stopped_in, train

from agegen.faces.store import FaceStore
from agegen.runs import Run


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
