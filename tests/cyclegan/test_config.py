"""A training's configuration refuses what cannot be meant."""

from pathlib import Path
from typing import Any

import pytest

from agegen.cyclegan.config import CycleGANConfig
from agegen.run.errors import UserError


def config(**changes: Any) -> CycleGANConfig:
    return CycleGANConfig(Path("faces"), Path("out"), **changes)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"batch_size": 0}, "--batch-size must be above 0"),
        ({"learning_rate": float("nan")}, "--learning-rate must be above 0"),
        ({"decay_pairs": -1}, "--decay-pairs cannot be negative"),
        ({"cycle_weight": -1.0}, "--cycle-weight cannot be negative"),
        ({"size": 31}, "--size is below 32"),
        ({"batch_size": 4, "accumulate": 3}, "--accumulate must divide --batch-size"),
        ({"accumulate": 4, "discriminator_batch": 6}, "--accumulate must divide"),
        ({"batch_size": 4, "discriminator_batch": 2}, "at least --batch-size"),
        ({"discriminator_batch": 8, "pool_size": 0}, "needs earlier generated faces"),
        ({"change_weight": -0.1}, "--change-weight cannot be negative"),
        ({"verified": 1.5}, "--verified must be between"),
        ({"ema_decay": 1.0}, "--ema-decay"),
        ({"betas": (0.5, 1.0)}, "--betas"),
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        config(**wrong)


def test_the_papers_values_are_the_defaults() -> None:
    """Section 4 and appendix 7.1 of the paper."""
    default = config()
    assert (default.cycle_weight, default.identity_weight, default.pool_size) == (10, 0.5, 50)
    assert (default.learning_rate, default.betas) == (2e-4, (0.5, 0.999))
    assert (default.generator.width, default.discriminator.width) == (64, 64)
    assert default.discriminator.receptive_field == 70
    assert default.constant_pairs == default.decay_pairs


@pytest.mark.parametrize(("pairs", "batch", "steps"), [(10, 4, 5), (9, 4, 5), (1, 64, 1)])
def test_steps_cover_all_pairs(pairs: int, batch: int, steps: int) -> None:
    assert config(constant_pairs=pairs, decay_pairs=pairs, batch_size=batch).total_steps == steps
