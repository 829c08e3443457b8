"""Operations, against what is known by hand and by another account of the same step."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from agegen.benchmark.cyclegan_loops import plain_step
from agegen.benchmark.flops import META, classifier_flops, cyclegan_flops
from agegen.classifier.config import TrainConfig
from agegen.classifier.model import ModelConfig
from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.model import DiscriminatorConfig, GeneratorConfig
from agegen.cyclegan.objective import build_discriminators, build_generators
from agegen.faces.views import AugmentConfig

SMALL = CycleGANConfig(
    Path(),
    Path(),
    size=32,
    batch_size=2,
    generator=GeneratorConfig(width=4, blocks=1),
    discriminator=DiscriminatorConfig(width=4, receptive_field=16),
)


class OneLayer(nn.Module):
    """The colours of the first pixel, by one linear layer."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x[:, :, 0, 0])


def test_a_linear_layer_is_counted_forward_and_backward(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agegen.benchmark.flops.build_model", lambda _: OneLayer(()))
    config = TrainConfig(Path(), Path(), augment=AugmentConfig(crop=32))
    forward = 2 * 3 * 2  # operations of a face; the face itself needs no gradient
    assert classifier_flops(config) == forward + forward


def test_four_times_the_area_is_four_times_the_work() -> None:
    model = ModelConfig(widths=(4, 8), blocks=1, squeeze=0)
    small, large = (
        classifier_flops(TrainConfig(Path(), Path(), model=model, augment=AugmentConfig(crop=crop)))
        for crop in (32, 64)
    )
    assert large == pytest.approx(4 * small, rel=0.001)  # the last layer sees one pixel in both


def test_the_plain_step_has_as_many_operations() -> None:
    with META, FlopCounterMode(display=False) as counter:
        networks = build_generators(SMALL), build_discriminators(SMALL)
        optimizers = [torch.optim.Adam(network.parameters()) for network in networks]
        plain_step(*networks, *optimizers, torch.empty(2, 3, 32, 32), torch.empty(2, 3, 32, 32))
    assert cyclegan_flops(SMALL) == counter.get_total_flops() / 4


def test_identity_losses_count_in_their_steps_only() -> None:
    every, never = cyclegan_flops(SMALL), cyclegan_flops(replace(SMALL, identity_weight=0.0))
    fourth = cyclegan_flops(replace(SMALL, identity_every=4))
    assert never < fourth < every
    assert fourth == pytest.approx(never + (every - never) / 4)
