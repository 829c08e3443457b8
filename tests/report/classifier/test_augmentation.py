"""The section on random crops: what is shown, and effects of every sign."""

from dataclasses import asdict
from pathlib import Path

import pytest
from analyses import undrawn, words_of  # noqa: F401 - a fixture
from PIL import Image
from studies import write_study

from agegen.analysis.augmentation import effects_of
from agegen.analysis.study.trials import Trial
from agegen.faces.store import FaceStore
from agegen.faces.views import AugmentConfig
from agegen.report.classifier import augmentation
from agegen.report.parts.section import Section
from agegen.run.files import write_json

pytestmark = pytest.mark.usefixtures("undrawn")
BARE = AugmentConfig(
    crop=40, shift=0, scale=0, rotation=0, flip=False, colour=0, erase=0, erase_probability=0
)


def answer(run: Path, config: AugmentConfig | None = None, **changes) -> Section:
    config = config or AugmentConfig(crop=40)
    folder = run / "analysis"
    folder.mkdir(exist_ok=True, parents=True)
    Image.new("RGB", (8, 8)).save(folder / "augmentation_views.png")
    content = {"picture": "augmentation_views.png", "columns": ["as evaluated"], "faces": [1, 2]}
    content |= {"effects": effects_of(config), "config": asdict(config), "epochs": 42}
    content |= {"early_epochs": 0.0, "early_side": 40} | changes
    write_json(folder / "augmentation.json", content)
    return augmentation.answer(folder, {})


def test_every_effect_is_told_with_its_extent(tmp_path: Path) -> None:
    first = answer(tmp_path).answer[0]
    for part in ("40 × 40", "4 pixels", "13 %", "10°", "mirrored", "strength 0.15", "50 % of the"):
        assert part in first
    assert "shrunk" not in first
    assert "mirrored" not in answer(tmp_path, AugmentConfig(crop=40, flip=False)).answer[0]


def test_shrunk_views_are_told(tmp_path: Path) -> None:
    first = answer(tmp_path, early_epochs=0.5, early_side=32).answer[0]
    assert first.endswith("In the first 50 % of the epochs they are shrunk to 32 × 32.")


def test_a_run_without_augmentation(tmp_path: Path) -> None:
    assert "trained without augmentation" in answer(tmp_path, BARE).answer[0]


def test_without_a_study_the_effect_is_not_claimed(tmp_path: Path) -> None:
    section = answer(tmp_path)
    assert "Its effect is not measured yet." in section.answer
    assert [p.name for p in section.pictures] == ["What the network is shown"]
    assert section.pictures[0].src.startswith("data:image/png;base64,")
    assert "--factors augmentation augmentation_effects" in section.command


@pytest.mark.parametrize(
    ("off", "on", "expected"),
    [
        (0.3, 2.5, "is larger than its uncertainty"),
        (2.5, 0.3, "is larger than its uncertainty"),
        (1.5, 1.5, "no effect is shown"),
    ],
)
def test_the_verdict_follows_the_measured_difference(
    striped_store: FaceStore, tmp_path: Path, off: float, on: float, expected: str
) -> None:
    def skill(trial: Trial) -> float:
        return off if "augmentation_off" in trial.name else on

    write_study(tmp_path / "run", striped_store, skill, ("augmentation",), seeds=3)
    section = answer(tmp_path / "run")
    assert expected in section.answer[1]
    assert "Trained with augmentation off" in section.answer[1]
    sign = "AUC +" if off > on else "AUC -" if off < on else "AUC"
    assert sign in section.answer[1]
    assert "shown 5 times, in this run up to 42 times" in section.answer[2]
    assert len(section.pictures) == 2


def test_a_training_that_diverged_is_told(striped_store: FaceStore, tmp_path: Path) -> None:
    def skill(trial: Trial) -> float:
        return float("inf") if "augmentation_off" in trial.name else 1.0

    write_study(tmp_path / "run", striped_store, skill, ("augmentation",))
    assert "no longer finite" in words_of(answer(tmp_path / "run"))
