"""What cannot be trained is refused in one sentence, before a run folder is there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.losses import GAN_LOSSES, GanLoss
from agegen.cyclegan.model import DiscriminatorConfig, PatchDiscriminator, ResnetGenerator
from agegen.cyclegan.trial import (
    require_discriminator,
    require_gan_loss,
    require_generator,
    require_no_batch_norm,
    require_trainable,
)
from agegen.run.errors import UserError

FACES = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
Function = Callable[[Tensor], Any]


class Made(nn.Module):
    """One convolution, and then a function of what it gives."""

    def __init__(self, after: Function, channels: int = 3) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, channels, 1)
        self.after = after

    def forward(self, x: Tensor) -> Any:
        return self.after(self.layer(x))


def raises(x: Tensor) -> Tensor:
    raise KeyError("no such layer")


LINE = raises.__code__.co_firstlineno + 1


def refusal(require: Callable, *arguments: object) -> str:
    with pytest.raises(UserError) as caught:
        require(*arguments, "--some.flag mine:Net")
    assert str(caught.value).startswith("--some.flag mine:Net")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("after", "sentence"),
    [
        (lambda y: (y, y), "gives a tuple, not one tensor"),
        (lambda y: y.mean(1, keepdim=True), "turns (2, 3, 32, 32) into (2, 1, 32, 32)"),
        (lambda y: y[..., ::2], "turns (2, 3, 32, 32) into (2, 3, 32, 16)"),
        (lambda y: 100 * y, "gives values up to ±"),
        (lambda y: y / 0, "gives values up to ±"),
        (lambda y: y.detach(), "without gradients"),
        (lambda y: y.byte(), "gives torch.uint8, not floats"),
        (lambda y: y.exp().add_(1).tanh() * y.exp_(), "has no backward pass"),
        (lambda y: y.view(7, -1), "does not take faces of 32 pixels, (2, 3, 32, 32)"),
        (raises, f"test_trial.py, line {LINE}: KeyError: 'no such layer'"),
    ],
)
def test_a_generator_gives_faces(after: Function, sentence: str) -> None:
    assert sentence in refusal(require_generator, Made(after), FACES)


@pytest.mark.parametrize(
    ("after", "sentence"),
    [
        (lambda y: [y], "gives a list, not one tensor"),
        (lambda y: y.mean((1, 2, 3)), "gives (2,) of (2, 3, 32, 32), not logits (2, 1, h', w')"),
        (lambda y: y, "gives (2, 3, 32, 32) of (2, 3, 32, 32), not logits"),
        (lambda y: y[:, :1].mean(0, keepdim=True), "gives (1, 1, 32, 32) of"),
        (lambda y: y[:, :1, :0], "gives (2, 1, 0, 32) of"),
    ],
)
def test_a_discriminator_gives_logits_of_patches(after: Function, sentence: str) -> None:
    assert sentence in refusal(require_discriminator, Made(after), FACES)


class Blocks(nn.Module):
    """A layer that can learn beside a path that gradients cannot take."""

    def __init__(self, faces_only: bool) -> None:
        super().__init__()
        self.layer, self.faces_only = nn.Conv2d(3, 3, 1), faces_only

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.detach()) if self.faces_only else x + self.layer(x).detach()


def test_gradients_reach_the_weights_and_the_faces() -> None:
    sentence = refusal(require_generator, Blocks(faces_only=True), FACES)
    assert "passes no gradients on to its faces (no_grad or detach?" in sentence
    sentence = refusal(require_generator, Blocks(faces_only=False), FACES)
    assert "gives no gradients to the parameters that can learn" in sentence


def test_without_parameters_there_is_nothing_to_train() -> None:
    assert "has no parameters" in refusal(require_generator, nn.Identity(), FACES)
    frozen = ResnetGenerator(4, 1).requires_grad_(False)
    assert "has no parameters to train" in refusal(require_generator, frozen, FACES)


def test_good_networks_are_let_through() -> None:
    require_generator(ResnetGenerator(4, 1, residual=True), FACES, "")
    require_generator(Made(torch.tanh), FACES, "")
    for field in (16, 34, 70):
        logits = require_discriminator(PatchDiscriminator(4, field), FACES, "")
        for loss in GAN_LOSSES.values():
            require_gan_loss(loss, logits, "")


def test_batch_norm_is_refused_with_the_layers_name() -> None:
    good, bad = ResnetGenerator(4, 1), PatchDiscriminator(4, 34)
    require_no_batch_norm(good, bad)
    bad[3] = nn.BatchNorm2d(8)
    with pytest.raises(UserError, match=r"PatchDiscriminator\.3 is a batch norm"):
        require_no_batch_norm(good, bad)
    bad[3] = nn.InstanceNorm2d(8, track_running_stats=True)
    with pytest.raises(UserError, match=r"PatchDiscriminator\.3 is a norm with running statistics"):
        require_no_batch_norm(good, bad)


@pytest.mark.parametrize("norm", [nn.BatchNorm2d, nn.InstanceNorm2d])
def test_a_norm_in_evaluation_mode_may_stay_if_it_has_statistics(norm: type) -> None:
    network = PatchDiscriminator(4, 34)
    network[3] = norm(8, track_running_stats=True).eval()
    require_no_batch_norm(network)
    network[3] = norm(8, track_running_stats=False).eval()
    if norm is nn.BatchNorm2d:  # it takes the batch's in either mode
        with pytest.raises(UserError, match=r"\.3 is a batch norm that computes statistics of its"):
            require_no_batch_norm(network)
    else:
        require_no_batch_norm(network)


def mean_difference(real: Tensor, fake: Tensor) -> Tensor:
    return (fake - real).mean()


@pytest.mark.parametrize(
    ("generator", "discriminator", "sentence"),
    [
        (mean_difference, mean_difference, "generator(fake) cannot be computed (TypeError"),
        (torch.mean, torch.mean, "discriminator(real, fake) cannot be computed (TypeError"),
        (torch.square, mean_difference, "generator(fake) gives (2, 1, 3, 3), not a scalar"),
        (lambda fake: fake.mean().item(), mean_difference, "generator(fake) gives a float, not"),
        (lambda fake: (fake > 0).float().mean(), mean_difference, "has no gradient"),
        (torch.mean, lambda real, fake: fake.mean(), "(real, fake) does not depend on real"),
        (lambda fake: fake.sub(9).log().mean(), mean_difference, "is not finite"),
    ],
)
def test_a_loss_can_be_minimised(
    generator: Function, discriminator: Callable, sentence: str
) -> None:
    loss = GanLoss(generator, discriminator)
    assert sentence in refusal(require_gan_loss, loss, torch.zeros(2, 1, 3, 3))


def test_the_middle_is_a_number() -> None:
    loss = GanLoss(torch.mean, mean_difference, "half")
    logits = torch.zeros(2, 1, 3, 3)
    assert "middle is a str, not a number" in refusal(require_gan_loss, loss, logits)


def test_the_flag_is_named_and_the_random_numbers_are_left_alone() -> None:
    config = CycleGANConfig(Path(), Path(), size=32, discriminator=DiscriminatorConfig(width=4))
    state = torch.random.get_rng_state()
    require_trainable(config)
    assert torch.equal(torch.random.get_rng_state(), state)
    config = CycleGANConfig(
        Path(), Path(), size=32, discriminator=DiscriminatorConfig("patch", 4, 142)
    )
    with pytest.raises(UserError, match=r"--discriminator.name patch does not take faces of 32"):
        require_trainable(config)
