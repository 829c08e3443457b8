"""The objective of CycleGAN (Zhu et al., 2017, equations 1–3), batched where the maths allows it.

Both generators (and both discriminators) are one module with one forward, so that a process group
sees one forward and one backward of each per step. An objective of one's own is a subclass of
`Objective`: docs/extending.md.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.features import FeatureDiscriminator
from agegen.cyclegan.losses import (
    change_loss,
    coarse_change_loss,
    cycle_loss,
    find_gan_loss,
    identity_loss,
)
from agegen.cyclegan.model import build_discriminator, build_generator
from agegen.run.errors import UserError
from agegen.run.own_class import import_own


class Translations(NamedTuple):
    """What the generators make of a batch; None where it was not asked for."""

    fake_old: Tensor
    fake_young: Tensor
    back_young: Tensor | None
    back_old: Tensor | None
    same_old: Tensor | None
    same_young: Tensor | None


class Sides(NamedTuple):
    """Real and generated faces of each class, as the discriminators see them."""

    real_old: Tensor
    fake_old: Tensor
    real_young: Tensor
    fake_young: Tensor


class Logits(NamedTuple):
    """What the discriminators say of them; of the other class's real faces where it was asked."""

    real_old: Tensor
    fake_old: Tensor
    real_young: Tensor
    fake_young: Tensor
    other_old: Tensor | None = None
    """D_old's of real young faces."""
    other_young: Tensor | None = None
    """D_young's of real old faces."""


class GeneratorStep(NamedTuple):
    """What is given to the generators' losses.

    Attributes:
        number: of the step, from 0.
        young: real faces, float (n, 3, h, w) in [−1, 1].
        old: of the same shape.
        made: of them by the generators, with gradients.
        judge: (faces, "old" or "young") → logits of that class's discriminator, with gradients
            for the faces alone.
    """

    number: int
    young: Tensor
    old: Tensor
    made: Translations
    judge: Callable[[Tensor, str], Tensor]


class DiscriminatorStep(NamedTuple):
    """What is given to the discriminators' losses.

    Attributes:
        number: of the step, from 0.
        faces: float (n, 3, h, w) in [−1, 1] each, as the discriminators see them, without
            gradients; of the generated ones some are of earlier steps.
        judge: four such batches, of any number of faces each → their logits.
    """

    number: int
    faces: Sides
    judge: Callable[[Tensor, Tensor, Tensor, Tensor], Logits]


class Losses(NamedTuple):
    """What a phase minimises.

    Attributes:
        total: scalar with gradients.
        terms: scalars that are logged, by name; not weighted.
    """

    total: Tensor
    terms: dict[str, Tensor]

    def plus(self, name: str, term: Tensor, weight: float) -> "Losses":
        """The same with one more term; where it is not due, one that is 0 keeps the log whole."""
        return Losses(self.total + weight * term, self.terms | {name: term})


class Generators(nn.Module):
    """G: young → old and F: old → young."""

    def __init__(self, to_old: nn.Module, to_young: nn.Module) -> None:
        super().__init__()
        self.to_old, self.to_young = to_old, to_young

    def forward(
        self, young: Tensor, old: Tensor, identity: bool, back: bool = True
    ) -> Translations:
        """Translate and, if asked for, translate back and each domain to itself.

        A translation and an identity by the same generator are one call on a joined batch: norms
        treat every face alone, so that the result is that of two calls.

        Args:
            young: float (b, 3, h, w) in [−1, 1].
            old: of the same shape.
            identity: whether to compute G(old) and F(young).
            back: whether to compute F(G(young)) and G(F(old)).
        """
        same_old = same_young = back_young = back_old = None
        if identity:
            fake_old, same_old = self.to_old(torch.cat([young, old])).split([len(young), len(old)])
            fake_young, same_young = self.to_young(torch.cat([old, young])).split(
                [len(old), len(young)]
            )
        else:
            fake_old, fake_young = self.to_old(young), self.to_young(old)
        if back:
            back_young, back_old = self.to_young(fake_old), self.to_old(fake_young)
        return Translations(fake_old, fake_young, back_young, back_old, same_old, same_young)


class Discriminators(nn.Module):
    """D_old and D_young, a network each: logits of patches."""

    def __init__(self, old: nn.Module, young: nn.Module) -> None:
        super().__init__()
        self.old, self.young = old, young

    def judge(self, faces: Tensor, name: str) -> Tensor:
        """Logits by the discriminator of the class of that name."""
        return self.old(faces) if name == "old" else self.young(faces)

    def forward(
        self,
        real_old: Tensor,
        fake_old: Tensor,
        real_young: Tensor,
        fake_young: Tensor,
        others: bool = False,
    ) -> Logits:
        """Logits of the four batches, and with `others` of real faces by the other class's.

        All that one network judges is one call.
        """
        old, young = [real_old, fake_old], [real_young, fake_young]
        if others:
            old, young = [*old, real_young], [*young, real_old]
        of_old, of_young = (
            network(torch.cat(faces)).split([len(x) for x in faces])
            for network, faces in ((self.old, old), (self.young, young))
        )
        return Logits(*of_old[:2], *of_young[:2], *of_old[2:], *of_young[2:])


class SharedDiscriminators(nn.Module):
    """D_old and D_young as one network, which gives logits of both classes: (n, 2, …)."""

    def __init__(self, both: FeatureDiscriminator) -> None:
        super().__init__()
        self.both = both

    def judge(self, faces: Tensor, name: str) -> Tensor:
        """Logits for the class of that name."""
        return self.both(faces)[:, 0 if name == "old" else 1]

    def forward(
        self,
        real_old: Tensor,
        fake_old: Tensor,
        real_young: Tensor,
        fake_young: Tensor,
        others: bool = False,
    ) -> Logits:
        """Logits of the four batches, and with `others` of real faces for the other class."""
        faces = (real_old, fake_old, real_young, fake_young)
        old, made_old, young, made_young = self.both(torch.cat(faces)).split(
            [len(x) for x in faces]
        )
        of_others = (young[:, 0], old[:, 1]) if others else ()
        return Logits(old[:, 0], made_old[:, 0], young[:, 1], made_young[:, 1], *of_others)


def build_generators(config: CycleGANConfig) -> Generators:
    """Build both generators; `config` must be fitted to a store."""
    return Generators(
        build_generator(config.generator, config.size),
        build_generator(config.generator, config.size),
    )


def build_discriminators(config: CycleGANConfig) -> Discriminators | SharedDiscriminators:
    """Build both discriminators, which are one network where it judges both classes."""
    first = build_discriminator(config.discriminator)
    if isinstance(first, FeatureDiscriminator):
        return SharedDiscriminators(first)
    return Discriminators(first, build_discriminator(config.discriminator))


class Objective(nn.Module):
    """What generators and discriminators minimise: CycleGAN's own, for subclasses to change.

    Its buffers (`register_buffer`) are its state: kept in checkpoints, and averaged over processes
    after every step. Networks that it holds must be frozen; they are not kept.

    Args:
        config: of the training, fitted to a store.
    """

    def __init__(self, config: CycleGANConfig) -> None:
        super().__init__()
        self.config, self.gan_loss = config, find_gan_loss(config.gan_loss)

    def generator_losses(self, step: GeneratorStep) -> Losses:
        """What the generators minimise."""
        gan_old, gan_young = (
            self.gan_loss.generator(step.judge(faces, to).float())
            for faces, to in ((step.made.fake_old, "old"), (step.made.fake_young, "young"))
        )
        return self.weigh(step, gan_old, gan_young)

    def discriminator_losses(self, step: DiscriminatorStep) -> Losses:
        """What the discriminators minimise."""
        return self.compare(step.judge(*step.faces))

    def weigh(self, step: GeneratorStep, gan_old: Tensor, gan_young: Tensor) -> Losses:
        """Put adversarial losses together with those of the cycle, the identity and the change.

        Returns:
            The losses; `cycle_…` and `identity_…` are 0 where they were left out, `change_…` is
            measured whatever its weight.
        """
        young, old, made, config = step.young, step.old, step.made, self.config
        fake_old, fake_young = made.fake_old.float(), made.fake_young.float()
        change_old, change_young = change_loss(young, fake_old), change_loss(old, fake_young)
        total = gan_old + gan_young + config.change_weight * (change_old + change_young)
        coarse = torch.zeros_like(total)
        if config.coarse_change_weight:
            coarse = coarse_change_loss(young, fake_old) + coarse_change_loss(old, fake_young)
            total = total + config.coarse_change_weight * coarse
        identity_old = identity_young = cycle_old = cycle_young = torch.zeros_like(total)
        if made.back_young is not None and made.back_old is not None:
            cycle_young = cycle_loss(young, made.back_young.float())
            cycle_old = cycle_loss(old, made.back_old.float())
            weight = config.cycle_weight * config.cycle_every
            total = total + weight * (cycle_young + cycle_old)
        if made.same_old is not None and made.same_young is not None:
            identity_old = identity_loss(old, made.same_old.float())
            identity_young = identity_loss(young, made.same_young.float())
            weight = identity_weight_of(config, step.number)
            total = total + weight * (identity_old + identity_young)
        terms = {
            "gan_old": gan_old, "gan_young": gan_young,
            "cycle_young": cycle_young, "cycle_old": cycle_old,
            "identity_old": identity_old, "identity_young": identity_young,
            "change_old": change_old, "change_young": change_young, "coarse_change": coarse,
        }  # fmt: skip
        return Losses(total, terms)

    def compare(
        self, logits: Logits, old: Tensor | None = None, young: Tensor | None = None
    ) -> Losses:
        """Put the discriminators' losses together; those not given are of the adversarial loss.

        Where the other class's real faces were judged, they are `config.other_age` of what the
        adversarial loss is shown as generated.

        Returns:
            The losses; `accuracy_…` is the share of patches that are judged rightly: real ones
            above the loss's middle, generated ones below.
        """
        real_old, fake_old, real_young, fake_young = (x.float() for x in logits[:4])
        loss = self.gan_loss
        old = self.apart(real_old, fake_old, logits.other_old) if old is None else old
        young = self.apart(real_young, fake_young, logits.other_young) if young is None else young
        accuracy_old, accuracy_young = (
            ((real > loss.middle).float().mean() + (fake < loss.middle).float().mean()) / 2
            for real, fake in ((real_old, fake_old), (real_young, fake_young))
        )
        terms = {"old": old, "young": young}
        terms |= {"accuracy_old": accuracy_old, "accuracy_young": accuracy_young}
        return Losses(old + young, terms)

    def apart(self, real: Tensor, fake: Tensor, other: Tensor | None) -> Tensor:
        """The adversarial loss of one discriminator."""
        loss, share = self.gan_loss.discriminator, self.config.other_age
        if other is None:
            return loss(real, fake)
        return (1 - share) * loss(real, fake) + share * loss(real, other.float())


def identity_weight_of(config: CycleGANConfig, step: int) -> float:
    """Weight of the identity losses in this step; 0 in those that leave them out."""
    due = step % config.identity_every == 0
    return config.cycle_weight * config.identity_weight * config.identity_every * due


def build_objective(config: CycleGANConfig) -> Objective:
    """Make the objective of a config: ours, or the user's own ``package.module:Class``.

    Raises:
        UserError: there is none of that name, it is no `Objective`, or has parameters that learn.
    """
    if config.objective == "cyclegan":
        return Objective(config)
    named = f"--objective {config.objective}"
    own = import_own(config.objective, "objective", "cyclegan")
    if not (isinstance(own, type) and issubclass(own, Objective)):
        raise UserError(f"{named} is no subclass of agegen.cyclegan.objective.Objective")
    objective = own(config)
    learning = [name for name, p in objective.named_parameters() if p.requires_grad]
    if learning:
        raise UserError(
            f"{named} has parameters that can learn ({learning[0]}), but no optimiser trains "
            "them: freeze them by requires_grad_(False)"
        )
    return objective
