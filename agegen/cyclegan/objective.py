"""The objective of CycleGAN (Zhu et al., 2017, equations 1–3), batched where the maths allows it.

Both generators (and both discriminators) are one module with one forward, so that a process group
sees one forward and one backward of each per step.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from agegen.cyclegan.losses import GanLoss, change_loss, cycle_loss, identity_loss


class Translations(NamedTuple):
    """What the generators make of a batch; identities are None where they were not asked for."""

    fake_old: Tensor
    fake_young: Tensor
    back_young: Tensor
    back_old: Tensor
    same_old: Tensor | None
    same_young: Tensor | None


class GeneratorLosses(NamedTuple):
    """Scalars; `total` is weighted, the others are not.

    `identity_…` is 0 where it was left out; `change_…` is measured whatever its weight.
    """

    total: Tensor
    gan_old: Tensor
    gan_young: Tensor
    cycle_young: Tensor
    cycle_old: Tensor
    identity_old: Tensor
    identity_young: Tensor
    change_old: Tensor
    change_young: Tensor


class DiscriminatorLosses(NamedTuple):
    """Scalars, and the shares of patches that are judged rightly (real above, generated below)."""

    total: Tensor
    old: Tensor
    young: Tensor
    accuracy_old: Tensor
    accuracy_young: Tensor


class Generators(nn.Module):
    """G: young → old and F: old → young."""

    def __init__(self, to_old: nn.Module, to_young: nn.Module) -> None:
        super().__init__()
        self.to_old, self.to_young = to_old, to_young

    def forward(self, young: Tensor, old: Tensor, identity: bool) -> Translations:
        """Translate, translate back and, if asked for, each domain to itself.

        A translation and an identity by the same generator are one call on a joined batch: instance
        norm treats every face alone, so that the result is that of two calls.

        Args:
            young: float (b, 3, h, w) in [−1, 1].
            old: of the same shape.
            identity: whether to compute G(old) and F(young).
        """
        if identity:
            fake_old, same_old = self.to_old(torch.cat([young, old])).split([len(young), len(old)])
            fake_young, same_young = self.to_young(torch.cat([old, young])).split(
                [len(old), len(young)]
            )
        else:
            fake_old, fake_young = self.to_old(young), self.to_young(old)
            same_old = same_young = None
        back_young, back_old = self.to_young(fake_old), self.to_old(fake_young)
        return Translations(fake_old, fake_young, back_young, back_old, same_old, same_young)


class Discriminators(nn.Module):
    """D_old and D_young: logits of patches."""

    def __init__(self, old: nn.Module, young: nn.Module) -> None:
        super().__init__()
        self.old, self.young = old, young

    def forward(
        self, real_old: Tensor, fake_old: Tensor, real_young: Tensor, fake_young: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Logits of the four batches; real and generated faces of a domain are one call."""
        old = self.old(torch.cat([real_old, fake_old])).split([len(real_old), len(fake_old)])
        young = self.young(torch.cat([real_young, fake_young])).split(
            [len(real_young), len(fake_young)]
        )
        return *old, *young


def generator_losses(
    made: Translations,
    young: Tensor,
    old: Tensor,
    logits_old: Tensor,
    logits_young: Tensor,
    loss: GanLoss,
    cycle_weight: float,
    identity_weight: float,
    change_weight: float = 0.0,
) -> GeneratorLosses:
    """What the generators minimise.

    Args:
        made: of `Generators`.
        young: the real young faces.
        old: the real old faces.
        logits_old: D_old of `made.fake_old`, through frozen discriminators.
        logits_young: D_young of `made.fake_young`.
        loss: the adversarial loss.
        cycle_weight: λ.
        identity_weight: weight of the identity losses, λ and laziness included.
        change_weight: weight of the differences between faces and their translations.
    """
    gan_old, gan_young = loss.generator(logits_old.float()), loss.generator(logits_young.float())
    cycle_young = cycle_loss(young, made.back_young.float())
    cycle_old = cycle_loss(old, made.back_old.float())
    change_old = change_loss(young, made.fake_old.float())
    change_young = change_loss(old, made.fake_young.float())
    total = gan_old + gan_young + cycle_weight * (cycle_young + cycle_old)
    total = total + change_weight * (change_old + change_young)
    identity_old = identity_young = torch.zeros_like(total)
    if made.same_old is not None and made.same_young is not None:
        identity_old = identity_loss(old, made.same_old.float())
        identity_young = identity_loss(young, made.same_young.float())
        total = total + identity_weight * (identity_old + identity_young)
    return GeneratorLosses(
        total,
        gan_old,
        gan_young,
        cycle_young,
        cycle_old,
        identity_old,
        identity_young,
        change_old,
        change_young,
    )


def discriminator_losses(
    logits: tuple[Tensor, Tensor, Tensor, Tensor], loss: GanLoss
) -> DiscriminatorLosses:
    """What the discriminators minimise.

    Args:
        logits: of `Discriminators`: real old, generated old, real young, generated young.
        loss: the adversarial loss.
    """
    real_old, fake_old, real_young, fake_young = (x.float() for x in logits)
    old, young = loss.discriminator(real_old, fake_old), loss.discriminator(real_young, fake_young)
    right = [
        ((real > loss.middle).float().mean() + (fake < loss.middle).float().mean()) / 2
        for real, fake in ((real_old, fake_old), (real_young, fake_young))
    ]
    return DiscriminatorLosses(old + young, old, young, *right)
