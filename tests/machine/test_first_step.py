"""A first step that is computed wrongly is found, and what is rounding is not."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from agegen.classifier.model import build_model
from agegen.faces.store import FaceStore
from agegen.machine.first_step import Step, Way, classifier_step, compare, ways_to_compute
from agegen.machine.part import Part
from agegen.machine.setting import NARROW, settle

LOSSES = {"total": 2.0, "cycle": 0.5}
GRADIENT = torch.randn(1000, generator=torch.Generator().manual_seed(0))
REFERENCE = Step(LOSSES, {"generators": GRADIENT, "discriminators": GRADIENT})


def step(losses: dict[str, float], gradient: Tensor) -> Step:
    return Step(LOSSES | losses, {"generators": gradient, "discriminators": GRADIENT})


@pytest.mark.parametrize(
    ("found", "named"),
    [
        (step({}, GRADIENT * 1.001), []),
        (step({"cycle": 0.501}, GRADIENT), ["losses"]),
        (step({"cycle": float("nan")}, GRADIENT), ["losses"]),
        (step({}, GRADIENT.roll(1)), ["generators"]),
        (step({}, GRADIENT * 1.2), ["generators"]),
        (step({}, -GRADIENT), ["generators"]),
        (step({}, torch.zeros(1000)), ["generators"]),
        (step({"total": 3.0}, GRADIENT * torch.nan), ["losses", "generators"]),
    ],
)
def test_what_is_beyond_rounding_is_a_problem(found: Step, named: list[str]) -> None:
    setting, part = settle(True, "float32", Path(), NARROW, quick=True), Part()
    compare(part, "CycleGAN", setting, lambda way: found if way.device == "cuda" else REFERENCE)
    assert len(part.problems) == len(part.advice) == bool(named)
    for word in ("losses", "generators", "discriminators"):
        assert (word in "".join(part.problems)) == (word in named)


def test_shorter_arithmetic_may_be_farther_off() -> None:
    setting, part = settle(False, "bf16", Path(), NARROW, quick=True), Part()
    found = step({"cycle": 0.505}, GRADIENT + 0.4 * GRADIENT.roll(1))
    compare(part, "CycleGAN", setting, lambda w: found if w.precision == "bf16" else REFERENCE)
    assert part.problems == []


def test_the_gradient_is_that_of_the_first_step(drawn_store: FaceStore) -> None:
    config = settle(False, "float32", drawn_store.folder, NARROW, quick=True).classifier
    [gradient] = classifier_step(config, drawn_store, Way("cpu", "float32", 1)).gradients.values()
    assert len(gradient) == sum(p.numel() for p in build_model(config.model).parameters())
    assert 0.01 < gradient.norm() < 100


def test_a_gpu_is_compared_with_this_cpu() -> None:
    reference, *others = ways_to_compute(settle(True, "fp16", Path(), NARROW, quick=True))
    assert reference.device == "cpu"
    assert [(w.device, w.precision) for w in others] == [("cuda", "float32"), ("cuda", "fp16")]
