"""The batched objective against a direct transcription of the paper's, one call at a time."""

from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.losses import GAN_LOSSES
from agegen.cyclegan.model import PatchDiscriminator, ResnetGenerator
from agegen.cyclegan.objective import (
    Discriminators,
    DiscriminatorStep,
    Generators,
    GeneratorStep,
    Logits,
    Losses,
    Objective,
    Sides,
)

CYCLE, IDENTITY = 10.0, 5.0


def objective(gan_loss: str = "least_squares") -> Objective:
    return Objective(CycleGANConfig(Path("faces"), Path("out"), gan_loss=gan_loss))


class Setting(NamedTuple):
    """Networks and faces; weights wide enough that every loss depends on them."""

    generators: Generators
    discriminators: Discriminators
    young: Tensor
    old: Tensor


@pytest.fixture
def setting() -> Setting:
    torch.manual_seed(3)
    generators = Generators(ResnetGenerator(4, 1), ResnetGenerator(4, 1))
    discriminators = Discriminators(PatchDiscriminator(4, 34), PatchDiscriminator(4, 34))
    for network in (generators, discriminators):
        for p in network.parameters():
            nn.init.normal_(p, 0.0, 0.1)
    young, old = torch.rand(2, 3, 3, 32, 32) * 2 - 1
    return Setting(generators, discriminators, young, old)


def batched_generator_losses(s: Setting, identity: bool = True) -> Losses:
    made = s.generators(s.young, s.old, identity)
    step = GeneratorStep(0, s.young, s.old, made, lambda x, to: getattr(s.discriminators, to)(x))
    return objective().generator_losses(step)


def paper_generator_losses(s: Setting) -> dict[str, Tensor]:
    """Equations 1–3 with least squares (section 4) and the identity loss (section 5.2)."""
    g, f, x, y = s.generators.to_old, s.generators.to_young, s.young, s.old
    d_x, d_y = s.discriminators.young, s.discriminators.old
    losses = {
        "gan_old": torch.mean((d_y(g(x)) - 1) ** 2),
        "gan_young": torch.mean((d_x(f(y)) - 1) ** 2),
        "cycle_young": torch.mean(torch.abs(f(g(x)) - x)),
        "cycle_old": torch.mean(torch.abs(g(f(y)) - y)),
        "identity_old": torch.mean(torch.abs(g(y) - y)),
        "identity_young": torch.mean(torch.abs(f(x) - x)),
        "change_old": torch.mean(torch.abs(g(x) - x)),
        "change_young": torch.mean(torch.abs(f(y) - y)),
        "coarse_change": torch.zeros(()),  # without weight
    }
    gan = losses["gan_old"] + losses["gan_young"]
    cycle = losses["cycle_young"] + losses["cycle_old"]
    identity = losses["identity_old"] + losses["identity_young"]
    return losses | {"total": gan + CYCLE * cycle + IDENTITY * identity}


def batched_discriminator_losses(s: Setting, fakes: tuple[Tensor, Tensor]) -> Losses:
    faces = Sides(s.old, fakes[0], s.young, fakes[1])
    return objective().discriminator_losses(DiscriminatorStep(0, faces, s.discriminators))


def named(losses: Losses) -> dict[str, Tensor]:
    return {"total": losses.total, **losses.terms}


def paper_discriminator_losses(s: Setting, fakes: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
    """Real and generated faces apart; halved, as section 4 of the paper has it."""
    d_x, d_y = s.discriminators.young, s.discriminators.old
    real_y, fake_y = torch.mean((d_y(s.old) - 1) ** 2), torch.mean(d_y(fakes[0]) ** 2)
    real_x, fake_x = torch.mean((d_x(s.young) - 1) ** 2), torch.mean(d_x(fakes[1]) ** 2)
    losses = {"old": 0.5 * (real_y + fake_y), "young": 0.5 * (real_x + fake_x)}
    return losses | {"total": losses["old"] + losses["young"]}


def gradients(loss: Tensor, network: nn.Module) -> list[Tensor]:
    return list(torch.autograd.grad(loss, list(network.parameters())))


def require_equal(ours: list[Tensor], papers: list[Tensor]) -> None:
    """Each tensor to 1e-5 of its norm."""
    for mine, theirs in zip(ours, papers, strict=True):
        assert theirs.norm() > 0
        assert (mine - theirs).norm() <= 1e-5 * theirs.norm()


def fakes_of(s: Setting) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        return s.generators.to_old(s.young), s.generators.to_young(s.old)


def test_generators_losses_and_gradients_are_the_papers(setting: Setting) -> None:
    ours, papers = batched_generator_losses(setting), paper_generator_losses(setting)
    assert set(papers) == set(named(ours))
    for name, value in papers.items():
        torch.testing.assert_close(named(ours)[name], value, rtol=1e-5, atol=0)
    require_equal(
        gradients(ours.total, setting.generators), gradients(papers["total"], setting.generators)
    )


def test_discriminators_losses_and_gradients_are_the_papers(setting: Setting) -> None:
    fakes = fakes_of(setting)
    ours = batched_discriminator_losses(setting, fakes)
    papers = paper_discriminator_losses(setting, fakes)
    for name, value in papers.items():
        torch.testing.assert_close(named(ours)[name], value, rtol=1e-5, atol=0)
    require_equal(
        gradients(ours.total, setting.discriminators),
        gradients(papers["total"], setting.discriminators),
    )


def test_frozen_discriminators_get_no_gradient_and_pass_one_on(setting: Setting) -> None:
    setting.discriminators.requires_grad_(False)
    losses = batched_generator_losses(setting, identity=False)
    (losses.terms["gan_old"] + losses.terms["gan_young"]).backward()
    assert all(p.grad is None for p in setting.discriminators.parameters())
    assert all(p.grad is not None and p.grad.any() for p in setting.generators.parameters())


def test_the_discriminators_leave_the_generators_alone(setting: Setting) -> None:
    batched_discriminator_losses(setting, fakes_of(setting)).total.backward()
    assert all(p.grad is None for p in setting.generators.parameters())
    assert all(p.grad is not None and p.grad.any() for p in setting.discriminators.parameters())


def test_without_identity_it_is_left_out_and_nothing_else_changes(setting: Setting) -> None:
    made = setting.generators(setting.young, setting.old, False)
    assert made.same_old is None
    assert made.same_young is None
    without, with_it = batched_generator_losses(setting, False), batched_generator_losses(setting)
    assert without.terms["identity_old"] == without.terms["identity_young"] == 0
    share = IDENTITY * (with_it.terms["identity_old"] + with_it.terms["identity_young"])
    torch.testing.assert_close(without.total, with_it.total - share, rtol=1e-5, atol=0)
    for name in ("gan_old", "gan_young", "cycle_young", "cycle_old"):
        torch.testing.assert_close(without.terms[name], with_it.terms[name], rtol=1e-5, atol=0)


def test_domains_of_different_length_are_told_apart(setting: Setting) -> None:
    young, old = setting.young[:1], setting.old
    made = setting.generators(young, old, True)
    assert [len(x) for x in made] == [1, 3, 1, 3, 3, 1]
    torch.testing.assert_close(made.same_old, setting.generators.to_old(old), rtol=0, atol=1e-5)
    logits = setting.discriminators(old, young, young, old)
    assert [len(x) for x in logits[:4]] == [3, 1, 1, 3]
    torch.testing.assert_close(logits[1], setting.discriminators.old(young), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", GAN_LOSSES)
def test_accuracy_is_the_share_of_patches_judged_rightly(name: str) -> None:
    middle = GAN_LOSSES[name].middle
    real_old, fake_old = middle + torch.tensor([1.0, 1, 1, -1]), middle - torch.ones(4)
    real_young, fake_young = middle - torch.ones(4), middle + torch.tensor([1.0, 1, -1, -1])
    losses = objective(name).compare(Logits(real_old, fake_old, real_young, fake_young))
    assert float(losses.terms["accuracy_old"]) == (3 / 4 + 1) / 2
    assert float(losses.terms["accuracy_young"]) == (0 + 1 / 2) / 2


def test_losses_of_half_precision_are_computed_in_float32() -> None:
    logits = torch.full((1000,), 0.1, dtype=torch.bfloat16)
    losses = objective().compare(Logits(*(logits,) * 4))
    value = float(logits[0])
    assert losses.total.dtype == torch.float32
    assert float(losses.terms["old"]) == pytest.approx(((value - 1) ** 2 + value**2) / 2, rel=1e-6)
