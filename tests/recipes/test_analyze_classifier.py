"""The analysis as a real command: chapters are computed once, and shown on the run's page."""

import shutil
from pathlib import Path

import pytest
from photos import recipe

from agegen.analysis.analyze import CHAPTERS, module_of
from agegen.run.files import read_json

SOME = ("structure", "untrained", "curves")


@pytest.fixture
def run(trained_run: Path, tmp_path: Path) -> Path:
    return shutil.copytree(trained_run, tmp_path / "run")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_chapter_is_a_module_that_analyses(chapter: str) -> None:
    assert callable(module_of(chapter).analyze)


def test_chapters_are_computed_once_and_shown(run: Path) -> None:
    first = recipe("analyze_classifier", "--run", run, "--chapters", *SOME)
    assert first.returncode == 0, first.stderr
    for name in SOME:
        assert read_json(run / "analysis" / f"{name}.json")["made_from"]["seed"] == 0
    page = (run / "report" / "index.html").read_text(encoding="utf-8")
    assert "What is the structure of the network" in page
    computed = (run / "analysis" / "structure.json").stat().st_mtime_ns
    again = recipe("analyze_classifier", "--run", run, "--chapters", *SOME)
    assert again.stdout.count("already there") == len(SOME)
    assert (run / "analysis" / "structure.json").stat().st_mtime_ns == computed


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--chapters", "astrology"], "no chapter is named astrology"),
        (["--examples", "99"], "--examples must be between 0 and 12"),
        (["--seed", "-1"], "--seed cannot be negative"),
    ],
)
def test_wrong_flags_are_one_sentence(run: Path, arguments: list[str], why: str) -> None:
    refused = recipe("analyze_classifier", "--run", run, *arguments)
    assert refused.returncode == 2
    assert why in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_study_is_planned_without_training(run: Path) -> None:
    planned = recipe(
        "study_hyperparameters", "--run", run, "--dry-run", "--factors", "learning_rate"
    )
    assert planned.returncode == 0, planned.stderr
    assert "learning_rate" in planned.stdout
    assert not (run / "study" / "trials.csv").exists()
    assert not list(run.glob("study/*/metrics.jsonl"))
