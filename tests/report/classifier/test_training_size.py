"""The section on the number of training faces: gains, losses and what is not shown."""

from collections.abc import Callable
from pathlib import Path

import pytest
from analyses import undrawn, words_of  # noqa: F401 - a fixture
from studies import write_study

from agegen.analysis.study.trials import Trial
from agegen.faces.store import FaceStore
from agegen.report.classifier import training_size
from agegen.report.parts.section import Section
from agegen.report.parts.wording import remainder
from agegen.run.files import read_json


def answer(run: Path, store: FaceStore, skill: Callable[[Trial], float], seeds: int = 4) -> Section:
    write_study(run, store, skill, ("training_faces",), seeds)
    return training_size.answer(run / "analysis", {})


pytestmark = pytest.mark.usefixtures("undrawn")


def test_a_clear_gain_of_the_last_doubling(striped_store: FaceStore, tmp_path: Path) -> None:
    section = answer(tmp_path, striped_store, lambda t: 6 * (t.config.subset.share == 1))
    first = section.answer[0]
    assert first.startswith("From 800 to 1,600 faces, the last doubling changed")
    assert "the number of faces still limits" in first
    (factor,) = read_json(tmp_path / "study" / "study.json")["factors"]
    half, whole = factor["settings"][-2:]
    gain = whole["scores"]["roc_auc"]["value"] - half["scores"]["roc_auc"]["value"]
    assert f"AUC {gain:+.3f}" in first
    assert [row[1] for row in section.tables[0].rows] == [
        f"{s['n_train']:,.0f}" for s in factor["settings"]
    ]
    assert "The AUC was" in section.answer[-1]
    assert "with 1,600" in section.answer[-1]


def test_no_gain_is_not_made_into_one(striped_store: FaceStore, tmp_path: Path) -> None:
    first = answer(tmp_path, striped_store, lambda t: 1.5).answer[0]
    assert "does not show that more faces would help" in first
    assert "does not exclude a gain of up to 0." in first


def test_a_clear_loss_is_told(striped_store: FaceStore, tmp_path: Path) -> None:
    first = answer(tmp_path, striped_store, lambda t: 6 * (t.config.subset.share < 1)).answer[0]
    assert "not a gain alone" in first


def test_sizes_that_diverged_are_left_out(striped_store: FaceStore, tmp_path: Path) -> None:
    def skill(trial: Trial) -> float:
        return float("inf") if trial.config.subset.share < 0.1 else 2.0

    assert len(answer(tmp_path, striped_store, skill).tables[0].rows) == 4


def test_when_all_diverged_nothing_is_drawn(striped_store: FaceStore, tmp_path: Path) -> None:
    section = answer(tmp_path, striped_store, lambda t: float("inf"))
    assert section.pictures == []
    assert "no longer finite" in section.answer[0]


def test_a_study_of_other_factors_names_the_command(
    striped_store: FaceStore, tmp_path: Path
) -> None:
    write_study(tmp_path, striped_store, lambda t: 1.0, ("augmentation",))
    section = training_size.answer(tmp_path / "analysis", {})
    assert section.answer == ["Not measured yet: see the command below."]
    assert "--factors training_faces" in section.command
    assert section.pictures == []


def test_undefined_gains_are_not_interpreted() -> None:
    undefined = {"value": None, "low": None, "high": None}
    gains = {"roc_auc": undefined, "balanced_accuracy": undefined}
    assert "no gain can be measured" in training_size.conclude(gains)
    assert remainder(undefined, 0) == undefined
    one_seed = {"value": 0.25, "low": None, "high": None}
    assert remainder(one_seed, 0) == {"value": -0.25, "low": None, "high": None}
    loss = {"value": -0.25, "low": -0.5, "high": 0.0}
    assert remainder(loss, 0) == {"value": 0.25, "low": 0.0, "high": 0.5}


def test_the_alternative_text_has_every_size(striped_store: FaceStore, tmp_path: Path) -> None:
    section = answer(tmp_path, striped_store, lambda t: 2.0, seeds=1)
    for faces in ("100 faces: ", "400 faces: ", "1,600 faces: "):
        assert faces in section.pictures[0].alt
    assert "1 seed" in words_of(section)
