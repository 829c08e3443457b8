"""The report recipe as a real command, on a run that was really trained and evaluated."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agegen.classifier.config import TrainConfig
from agegen.classifier.model import ModelConfig
from agegen.classifier.train import train
from agegen.faces.store import FaceStore
from agegen.faces.views import AugmentConfig
from agegen.files import read_json

ROOT = Path(__file__).parents[2]


def command(recipe: str, *arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, f"recipes/{recipe}.py", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def trained(striped_store: FaceStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report") / "run"
    small = {"model": ModelConfig(widths=(8,), blocks=1), "augment": AugmentConfig(crop=32)}
    train(TrainConfig(striped_store.folder, out, epochs=2, precision="float32", **small))
    return out


def test_missing_evaluation_is_one_sentence_that_names_the_command(trained: Path) -> None:
    (trained / "evaluation.json").unlink(missing_ok=True)
    done = command("report_classifier", "--run", trained)
    assert done.returncode == 2
    assert f"evaluate_classifier.py --run {trained}" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_writes_the_page_of_an_evaluated_run(trained: Path) -> None:
    evaluated = command("evaluate_classifier", "--run", trained, "--resamples", 50)
    assert evaluated.returncode == 0, evaluated.stderr
    done = command("report_classifier", "--run", trained)
    assert done.returncode == 0, done.stderr
    page = (trained / "report.html").read_text(encoding="utf-8")
    accuracy = read_json(trained / "evaluation.json")["balanced_accuracy"]["value"]
    assert f"{accuracy:.3f}" in page
    assert "http" not in page
    assert str(trained / "report.html") in done.stdout


def test_more_examples_than_there_is_room_for_are_refused(tmp_path: Path) -> None:
    done = command("report_classifier", "--run", tmp_path, "--examples", 13)
    assert done.returncode == 2
    assert "--examples" in done.stderr
