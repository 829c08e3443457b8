"""Every option that is for speed, against the paper's objective on a training's first step.

Later steps are not compared: any two computations that are not the same bits part within some.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from small_cyclegans import small_config, steps_of
from torch import Tensor, nn

from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.model import PatchDiscriminator, ResnetGenerator
from agegen.cyclegan.objective import Discriminators, Generators, GeneratorStep, Objective
from agegen.cyclegan.train import train
from agegen.faces.store import FaceStore

CYCLE, IDENTITY = 10.0, 5.0
LOSSES = {"channels_last": 1e-5, "compile": 1e-5, "bf16": 0.02}  # relative tolerance
GRADIENTS = {"channels_last": 1e-6, "compile": 1e-6, "bf16": 0.15}
"""How far the cosine of the gradients may be from 1. That of bf16 is 0.90 for these networks: with
weights of N(0, 0.02), instance norm enlarges small differences; the loss is equal to 0.03 %."""
COMPILES = pytest.param("compile", marks=pytest.mark.slow)


class Networks:
    """The paper's networks, narrow, with their own initial weights, and faces."""

    def __init__(self) -> None:
        torch.manual_seed(5)
        self.generators = Generators(ResnetGenerator(8, 2), ResnetGenerator(8, 2))
        self.discriminators = Discriminators(PatchDiscriminator(8, 34), PatchDiscriminator(8, 34))
        self.young, self.old = torch.rand(2, 2, 3, 32, 32) * 2 - 1

    def paper_loss(self) -> Tensor:
        """The whole objective of the generators, one call at a time."""
        g, f, x, y = self.generators.to_old, self.generators.to_young, self.young, self.old
        d_x, d_y = self.discriminators.young, self.discriminators.old
        gan = torch.mean((d_y(g(x)) - 1) ** 2) + torch.mean((d_x(f(y)) - 1) ** 2)
        cycle = torch.mean(torch.abs(f(g(x)) - x)) + torch.mean(torch.abs(g(f(y)) - y))
        identity = torch.mean(torch.abs(g(y) - y)) + torch.mean(torch.abs(f(x) - x))
        return gan + CYCLE * cycle + IDENTITY * identity

    def our_loss(self) -> Tensor:
        """The same, batched."""
        made = self.generators(self.young, self.old, identity=True)
        step = GeneratorStep(
            0, self.young, self.old, made, lambda x, to: getattr(self.discriminators, to)(x)
        )
        config = CycleGANConfig(Path("faces"), Path("out"))
        return Objective(config).generator_losses(step).total

    def gradients(self, loss: Tensor) -> Tensor:
        """Of all generators' weights, one after the other."""
        grads = torch.autograd.grad(loss, list(self.generators.parameters()))
        return torch.cat([g.float().flatten() for g in grads])


def channels_last(networks: Networks) -> Tensor:
    for network in (networks.generators, networks.discriminators):
        network.to(memory_format=torch.channels_last)
    networks.young, networks.old = (
        x.contiguous(memory_format=torch.channels_last) for x in (networks.young, networks.old)
    )
    return networks.our_loss()


def compiled(networks: Networks) -> Tensor:
    for network in (*networks.generators.children(), *networks.discriminators.children()):
        assert isinstance(network, nn.Module)
        network.compile()
    return networks.our_loss()


def bf16(networks: Networks) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return networks.our_loss()


WAYS: dict[str, Callable[[Networks], Tensor]] = {
    "channels_last": channels_last,
    "compile": compiled,
    "bf16": bf16,
}


@pytest.mark.parametrize("option", ["channels_last", "bf16", COMPILES])
def test_its_loss_and_gradients_are_the_papers(option: str) -> None:
    plain, ours = Networks(), Networks()
    expected, found = plain.paper_loss(), WAYS[option](ours)
    assert found.item() == pytest.approx(expected.item(), rel=LOSSES[option])
    theirs, mine = plain.gradients(expected), ours.gradients(found)
    assert theirs.norm() > 0.1
    cosine = torch.nn.functional.cosine_similarity(mine.double(), theirs.double(), dim=0)
    assert cosine > 1 - GRADIENTS[option]
    assert mine.norm().item() == pytest.approx(theirs.norm().item(), rel=2 * GRADIENTS[option])


@pytest.mark.parametrize("option", ["channels_last", "bf16", COMPILES])
def test_a_trainings_first_step_has_the_plain_ones_losses(
    option: str, drawn_store: FaceStore, tmp_path: Path
) -> None:
    options: dict[str, object] = {"bf16": {"precision": "bf16"}}.get(option, {option: True})
    short = {"constant_pairs": 4, "decay_pairs": 0}
    train(small_config(drawn_store, tmp_path / "plain", **short))
    train(small_config(drawn_store, tmp_path / "fast", **short, **options))
    (plain,), (fast,) = steps_of(tmp_path / "plain"), steps_of(tmp_path / "fast")
    for name, value in plain.items():
        if name.startswith(("generator", "discriminator")) and "accuracy" not in name:
            assert fast[name] == pytest.approx(value, rel=LOSSES[option]), name


def test_the_fused_optimiser_takes_the_plain_ones_step() -> None:
    plain, fused = Networks(), Networks()
    for networks, fuse in ((plain, False), (fused, True)):
        weights = list(networks.generators.parameters())
        optimizer = torch.optim.Adam(weights, 2e-4, (0.5, 0.999), fused=fuse, foreach=False)
        networks.our_loss().backward()
        optimizer.step()
    for mine, theirs in zip(
        fused.generators.parameters(), plain.generators.parameters(), strict=True
    ):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-6)
