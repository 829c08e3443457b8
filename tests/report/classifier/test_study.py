"""The section on hyperparameters says what the study measured, in either direction."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from analyses import undrawn, words_of  # noqa: F401 - a fixture
from studies import write_study

from agegen.analysis.study.trials import Trial
from agegen.faces.store import FaceStore
from agegen.report.classifier import study as report
from agegen.report.parts.section import Section
from agegen.run.files import read_json, write_json


def skill_of(changed: float, base: float, factor: str) -> Callable[[Trial], float]:
    return lambda trial: changed if trial.name.startswith(factor) else base


def answer(run: Path) -> Section:
    return report.answer(run / "analysis", {})


@pytest.fixture
def study(striped_store: FaceStore, tmp_path: Path) -> dict:
    """Without class weights the trials are far better; other settings make no difference."""
    skill = skill_of(6.0, 0.0, "class_balance")
    write_study(tmp_path, striped_store, skill, ("class_balance", "squeeze", "augmentation"), 3)
    return read_json(tmp_path / "study" / "study.json")


@pytest.mark.usefixtures("undrawn", "study")
def test_effects_are_counted_and_the_clear_ones_named(tmp_path: Path) -> None:
    section = answer(tmp_path)
    first = section.answer[0]
    assert first.startswith("In balanced accuracy, ")
    assert ": class balance no (+" in first
    assert "augmentation" not in first  # it has a section of its own
    assert "better than the base in at least one" in " ".join(section.answer)
    assert [table.caption.partition(":")[0] for table in section.tables] == [
        p.name for p in section.pictures
    ]
    assert "Not measured yet for this run: training faces" in " ".join(section.answer)


@pytest.mark.usefixtures("undrawn", "study")
def test_the_table_has_the_differences_of_the_file(tmp_path: Path, study: dict) -> None:
    factor = next(f for f in study["factors"] if f["name"] == "class_balance")
    table = next(t for t in answer(tmp_path).tables if t.caption.startswith(factor["title"]))
    for row, setting in zip(table.rows, factor["settings"], strict=True):
        auc = setting["differences"]["roc_auc"] or setting["scores"]["roc_auc"]
        assert f"{auc['value']:.3f}" in row[-2]
        assert row[-2].startswith("base: ") is not bool(setting["changes"])
        assert row[1] == "3"


@pytest.mark.usefixtures("undrawn")
def test_without_effects_none_is_claimed(striped_store: FaceStore, tmp_path: Path) -> None:
    write_study(tmp_path, striped_store, lambda trial: 1.5, ("class_balance",))
    text = " ".join(answer(tmp_path).answer)
    assert "0 of 1 settings differ" in text
    assert "None of them is better than the base" in text


@pytest.mark.usefixtures("undrawn")
def test_losses_that_were_no_longer_finite_are_told(
    striped_store: FaceStore, tmp_path: Path
) -> None:
    skill = skill_of(float("inf"), 1.0, "class_balance")
    write_study(tmp_path, striped_store, skill, ("class_balance",))
    section = answer(tmp_path)
    assert "the loss of 2 of 2 trainings was no longer finite" in " ".join(section.answer)
    assert ["diverged"] * 3 in [row[4:] for row in section.tables[0].rows]


@pytest.mark.usefixtures("undrawn", "study")
def test_the_study_beside_the_analysis_is_newer_than_its_copy(tmp_path: Path, study: dict) -> None:
    (tmp_path / "analysis").mkdir()
    write_json(tmp_path / "analysis" / "study.json", study | {"n": 1})
    assert report.read_study(tmp_path / "analysis")["n"] == study["n"]
    (tmp_path / "study" / "study.json").unlink()
    assert report.read_study(tmp_path / "analysis")["n"] == 1


@pytest.mark.usefixtures("undrawn", "study")
def test_chance_findings_are_put_into_numbers(tmp_path: Path, study: dict) -> None:
    intervals = 2 * sum(
        bool(setting["changes"]) for factor in study["factors"] for setting in factor["settings"]
    )
    text = words_of(answer(tmp_path))
    assert f"{intervals} intervals of a difference" in text
    assert f"about {intervals / 20:.1f} of them would leave 0 out" in text


def test_every_setting_is_drawn_with_its_interval(study: dict) -> None:
    from matplotlib.figure import Figure

    factor = next(f for f in study["factors"] if f["name"] == "class_balance")
    figure = Figure()
    report.draw_effects(figure, factor)
    (axes,) = figure.axes
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert sum(name.endswith("(base)") for name in names) == 1
    differences = [s["differences"]["roc_auc"] for s in factor["settings"] if s["changes"]]
    drawn = axes.containers[1]
    assert drawn.lines[0].get_xdata().tolist() == [d["value"] for d in differences]
    ends = np.array(drawn.lines[2][0].get_segments())[:, :, 0]
    assert ends == pytest.approx(np.array([[d["low"], d["high"]] for d in differences]))
