"""What resuming and going back should not do is found."""

from dataclasses import replace
from pathlib import Path

import pytest
from small_cyclegans import small_config

from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.train import train
from agegen.faces.store import FaceStore
from agegen.machine import resuming
from agegen.machine.part import Part
from agegen.machine.setting import NARROW, settle


def other_after_a_resume(config: CycleGANConfig) -> None:
    """Training that goes on from a checkpoint as if it had lost something."""
    if not config.resume:
        train(config)
    else:
        train(replace(config, resume=False, seed=1, out=config.out.with_name("elsewhere")))
        config.out.rename(config.out.with_name("away"))
        config.out.with_name("elsewhere").rename(config.out)


def test_other_bits_after_a_resume_are_a_problem(drawn_store: FaceStore, tmp_path: Path) -> None:
    setting, part = settle(False, "float32", drawn_store.folder, NARROW, quick=True), Part()
    config = small_config(drawn_store, tmp_path / "run", constant_pairs=8, decay_pairs=0)
    resuming.resume(part, setting, "CycleGAN", other_after_a_resume, config)
    [problem] = part.problems
    assert "should have the same bits" in problem
    assert part.figures["CycleGAN"]["apart"] > 0.1


def test_a_loss_that_never_fails_shows_that_nothing_went_back(
    drawn_store: FaceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting, part = settle(False, "float32", drawn_store.folder, NARROW, quick=True), Part()
    monkeypatch.setattr(resuming, "HALF", 2)
    monkeypatch.setattr(resuming, "LOSS", resuming.LOSS._replace(generator=resuming.FailsOnce()))
    resuming.go_back(part, resuming.short_cyclegan(setting, tmp_path / "run"))
    assert part.problems == ["a loss that was NaN did not send the CycleGAN's training back"]
