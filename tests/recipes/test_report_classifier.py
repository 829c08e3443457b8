"""The report recipe as a real command, on a run folder written without training."""

import shutil
from functools import partial
from pathlib import Path

import pytest
from photos import recipe
from written_runs import write_run

from agegen.run.files import read_json

report = partial(recipe, "report_classifier")


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("report"))


def test_missing_evaluation_is_one_sentence_that_names_the_command(
    run: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(run, tmp_path / "run")
    (copy / "evaluation.json").unlink()
    done = report("--run", copy)
    assert done.returncode == 2
    assert f"evaluate_classifier.py --run {copy}" in done.stderr
    assert "Traceback" not in done.stderr


def test_writes_the_page_of_an_evaluated_run(run: Path) -> None:
    done = report("--run", run)
    assert done.returncode == 0, done.stderr
    out = run / "report" / "index.html"
    page = out.read_text(encoding="utf-8")
    accuracy = read_json(run / "evaluation.json")["balanced_accuracy"]["value"]
    assert f"{accuracy:.3f}" in page
    assert "http" not in page
    assert str(out) in done.stdout


def test_writes_the_page_where_it_is_asked_to(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "pages" / "page.html"
    done = report("--run", run, "--out", out, "--examples", 0)
    assert done.returncode == 0, done.stderr
    assert "image/jpeg" not in out.read_text(encoding="utf-8")


def test_more_examples_than_there_is_room_for_are_refused(tmp_path: Path) -> None:
    done = report("--run", tmp_path, "--examples", 13)
    assert done.returncode == 2
    assert "--examples" in done.stderr
