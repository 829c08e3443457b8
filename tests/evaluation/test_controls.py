"""Controls change faces as their names say, and are judged like a generator."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from agegen.cyclegan.translate import load_translator
from agegen.evaluation.controls import CONTROLS, adversarial, evaluate_controls
from agegen.evaluation.evaluate import translate_both_ways
from agegen.evaluation.frozen_classifier import FrozenClassifier, load_judge
from agegen.evaluation.held_out import choose_faces
from agegen.faces.records import DIRECTIONS
from agegen.faces.store import FaceStore


@pytest.fixture
def judge(trained_run: Path) -> FrozenClassifier:
    return load_judge(trained_run, "cpu")


@pytest.fixture
def faces(drawn_store: FaceStore, cyclegan_run: Path) -> Tensor:
    return load_translator(cyclegan_run, device="cpu").views(drawn_store.images[:6])


@pytest.mark.parametrize("name", list(CONTROLS))
def test_controls_keep_shape_and_range_and_repeat(name: str, faces: Tensor) -> None:
    changed = CONTROLS[name](faces)
    assert changed.shape == faces.shape
    assert changed.abs().max() <= 1 + 1e-5
    assert torch.equal(changed, CONTROLS[name](faces))
    assert torch.equal(changed, faces) == (name == "no change")
    assert (changed - faces).abs().mean() < 0.6 * faces.std()


def test_what_the_controls_are_called_is_what_they_do(faces: Tensor) -> None:
    def detail(x: Tensor) -> Tensor:
        return (x[..., 1:] - x[..., :-1]).square().mean()

    assert detail(CONTROLS["blur, 1 pixel"](faces)) < detail(faces)
    assert detail(CONTROLS["resolution halved"](faces)) < detail(faces)
    assert detail(CONTROLS["sharpened"](faces)) > detail(faces)
    assert CONTROLS["darker"](faces).mean() < faces.mean() < CONTROLS["brighter"](faces).mean()
    assert CONTROLS["contrast × 0.7"](faces).std() < CONTROLS["contrast × 1.4"](faces).std()
    assert CONTROLS["grey"](faces).std(dim=1).max() < 0.02


@pytest.mark.parametrize(("to", "sign"), [("old", 1), ("young", -1)])
def test_adversarial_noise_fools_within_its_bound(
    to: str, sign: int, faces: Tensor, judge: FrozenClassifier
) -> None:
    changed = adversarial(faces, judge, to, strength=0.05, steps=4)
    assert not changed.requires_grad
    assert 0.02 < (changed - faces).abs().max() <= 0.05 + 1e-6
    moved = judge.scores(changed)["log_odds"] - judge.scores(faces)["log_odds"]
    assert (sign * moved > 0).all()


def test_every_control_gets_figures_and_no_change_none(
    drawn_store: FaceStore, cyclegan_run: Path, judge: FrozenClassifier
) -> None:
    translator = load_translator(cyclegan_run, device="cpu")
    held_out = choose_faces(translator, drawn_store, "test", most=8, resamples=100)
    made = {
        to: translate_both_ways(translator, drawn_store, held_out, (source, to))
        for source, to in DIRECTIONS
    }
    found = evaluate_controls(made, held_out, [judge], judge)
    assert len(found) == len(CONTROLS) + 1
    for to in ("old", "young"):
        share = found["no change"][to]["classifier"]["log_odds"]["shift"]
        assert share == {"value": 0.0, "low": 0.0, "high": 0.0}
        fooled = found["adversarial noise, 3 levels"][to]["classifier"]["log_odds"]["shift"]
        assert (fooled["value"] > 0) == (to == "old")
