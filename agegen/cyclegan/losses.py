"""The losses of CycleGAN (Zhu et al., 2017), each a small function of tensors → scalar tensor.

They are put together in `objective.py`. A new adversarial loss is one more `GanLoss`: two functions
of the discriminator's logits.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from agegen.run.errors import UserError
from agegen.run.own_class import import_own


class GanLoss(NamedTuple):
    """An adversarial loss.

    Attributes:
        generator: logits of generated faces → what the generator minimises.
        discriminator: (logits of real faces, of generated ones) → what the discriminator minimises.
        middle: logit above which a face counts as judged real.
    """

    generator: Callable[[Tensor], Tensor]
    discriminator: Callable[[Tensor, Tensor], Tensor]
    middle: float = 0.0


def least_squares_generator(fake: Tensor) -> Tensor:
    """E[(D(G(x)) − 1)²] (Mao et al., 2017; Zhu et al., 2017, section 4)."""
    return (fake - 1).square().mean()


def least_squares_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """½ E[(D(y) − 1)²] + ½ E[D(G(x))²]: halved, to slow D down (there, appendix 7.1)."""
    return ((real - 1).square().mean() + fake.square().mean()) / 2


def vanilla_generator(fake: Tensor) -> Tensor:
    """−E[log σ(D(G(x)))], the non-saturating form (Goodfellow et al., 2014)."""
    return F.softplus(-fake).mean()


def vanilla_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """−½ E[log σ(D(y))] − ½ E[log(1 − σ(D(G(x))))]."""
    return (F.softplus(-real).mean() + F.softplus(fake).mean()) / 2


def hinge_generator(fake: Tensor) -> Tensor:
    """−E[D(G(x))] (Lim and Ye, 2017)."""
    return -fake.mean()


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """½ E[max(0, 1 − D(y))] + ½ E[max(0, 1 + D(G(x)))]."""
    return (F.relu(1 - real).mean() + F.relu(1 + fake).mean()) / 2


GAN_LOSSES = {
    "least_squares": GanLoss(least_squares_generator, least_squares_discriminator, 0.5),
    "vanilla": GanLoss(vanilla_generator, vanilla_discriminator),
    "hinge": GanLoss(hinge_generator, hinge_discriminator),
}


def find_gan_loss(name: str) -> GanLoss:
    """Return the loss of that name, or the user's own `GanLoss` ``package.module:name``.

    Raises:
        UserError: there is none, or it is no `GanLoss`.
    """
    loss = GAN_LOSSES.get(name) or import_own(name, "gan-loss", f"one of {', '.join(GAN_LOSSES)}")
    if not isinstance(loss, GanLoss):
        raise UserError(
            f"--gan-loss {name} is a {type(loss).__name__}, not a GanLoss of two losses"
        )
    return loss


def cycle_loss(real: Tensor, back: Tensor) -> Tensor:
    """E[‖F(G(x)) − x‖₁] per pixel (Zhu et al., 2017, equation 2)."""
    return F.l1_loss(back, real)


def change_loss(real: Tensor, fake: Tensor) -> Tensor:
    """E[‖G(x) − x‖₁] per pixel: as Shen and Liu (2017) keep residual images sparse."""
    return F.l1_loss(fake, real)


def coarse_change_loss(real: Tensor, fake: Tensor) -> Tensor:
    """The same of means over 8×8 pixels: tones and large shapes stay, fine lines are free."""
    return F.avg_pool2d(fake - real, 8).abs().mean()


def identity_loss(real: Tensor, unchanged: Tensor) -> Tensor:
    """E[‖G(y) − y‖₁] per pixel: old faces need no ageing (Zhu et al., 2017, section 5.2)."""
    return F.l1_loss(unchanged, real)
