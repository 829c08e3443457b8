"""Networks and loss tried once before a training, so that a mistake leaves no run folder behind."""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.features import FeatureDiscriminator
from agegen.cyclegan.losses import GanLoss, find_gan_loss
from agegen.cyclegan.model import build_generator
from agegen.cyclegan.objective import (
    Discriminators,
    DiscriminatorStep,
    Generators,
    GeneratorStep,
    Losses,
    Objective,
    SharedDiscriminators,
    Sides,
    build_discriminators,
    build_objective,
    identity_weight_of,
)
from agegen.run.errors import UserError
from agegen.run.own_class import explain, is_own

FACES = 2  # more than one, so that faces and channels cannot be mistaken for each other
LARGEST = 1.5  # a value that a generator may begin with: one that adds to a face may leave [−1, 1]


def require_trainable(config: CycleGANConfig) -> None:
    """Pass faces of the config's size through generator, discriminator and loss.

    Args:
        config: fitted to a store.

    Raises:
        UserError: naming the flag whose network or loss cannot be trained, and why.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)  # all processes find the same
        generator = build_generator(config.generator, config.size)
        discriminators = build_discriminators(config)
        require_no_batch_norm(generator, next(discriminators.children()))
        faces = torch.rand(FACES, 3, config.size, config.size) * 2 - 1
        require_generator(generator, faces, f"--generator.name {config.generator.name}")
        named = f"--discriminator.name {config.discriminator.name}"
        logits = require_discriminator(next(discriminators.children()), faces, named)
        require_gan_loss(find_gan_loss(config.gan_loss), logits, f"--gan-loss {config.gan_loss}")
        require_objective(config, generator, discriminators, faces)


def require_no_batch_norm(*networks: nn.Module) -> None:
    """Refuse norms with statistics of a batch: joined batches and several processes change them.

    That is batch norm, and instance norm with running statistics. Either may be there if it stays
    in evaluation mode, where it has its running statistics and does not change them.

    Raises:
        UserError: naming the layer.
    """
    for network in networks:
        for name, module in network.named_modules():
            batch_norm = isinstance(module, nn.modules.batchnorm._BatchNorm)
            if not batch_norm and not getattr(module, "track_running_stats", False):
                continue
            kept = not module.training and getattr(module, "running_mean", None) is not None
            if not kept:
                kind = "batch norm" if batch_norm else "norm with running statistics"
                raise UserError(
                    f"{type(network).__name__}.{name} is a {kind} that computes statistics of its "
                    "batch, which would mix real and generated faces and differ between "
                    "processes; use instance norm without running statistics, or keep the layer "
                    "in evaluation mode (.eval() in its class), with the running statistics that "
                    "it was trained with"
                )


def require_generator(generator: nn.Module, faces: Tensor, named: str) -> None:
    """Refuse a generator that does not turn faces into faces.

    Args:
        generator: to be tried.
        faces: float (n, 3, h, w) in [−1, 1].
        named: its flag and name.

    Raises:
        UserError: beginning with `named`.
    """
    made = pass_through(generator, faces, named)
    if made.shape != faces.shape:
        raise UserError(f"{named} turns {shape(faces)} into {shape(made)}, not into the same shape")
    largest = float(made.detach().abs().max())
    if not largest <= LARGEST:  # NaN neither
        raise UserError(
            f"{named} gives values up to ±{largest:.3g}, but faces lie in [−1, 1]: "
            "end it with a tanh or a clamp"
        )


def require_discriminator(discriminator: nn.Module, faces: Tensor, named: str) -> Tensor:
    """Refuse a discriminator that does not give logits of patches.

    Args:
        discriminator: to be tried.
        faces: float (n, 3, h, w) in [−1, 1].
        named: its flag and name.

    Returns:
        The logits, float (n, 1, h', w').

    Raises:
        UserError: beginning with `named`.
    """
    logits = pass_through(discriminator, faces, named)
    if isinstance(discriminator, FeatureDiscriminator):
        return logits[:, 0]
    if logits.dim() != 4 or logits.shape[:2] != (len(faces), 1) or not logits.numel():
        wanted = f"({len(faces)}, 1, h', w')"
        raise UserError(f"{named} gives {shape(logits)} of {shape(faces)}, not logits {wanted}")
    return logits


def pass_through(network: nn.Module, faces: Tensor, named: str) -> Tensor:
    """What a network makes of faces: one float tensor that depends on them, and on what can learn.

    Raises:
        UserError: beginning with `named`.
    """
    learning = [weight for weight in network.parameters() if weight.requires_grad]
    if not learning:
        raise UserError(f"{named} has no parameters to train")
    faces = faces.detach().requires_grad_()
    try:
        made: Any = network.cpu()(faces.clone())  # which it may change in place
    except Exception as error:  # whatever the user's code raises
        raise UserError(
            f"{named} does not take faces of {faces.shape[-1]} pixels, {shape(faces)} "
            f"({explain(error)})"
        ) from error
    if not isinstance(made, Tensor):
        raise UserError(f"{named} gives a {type(made).__name__}, not one tensor")
    if not made.is_floating_point():
        raise UserError(f"{named} gives {made.dtype}, not floats")
    if is_own(named):  # ours have them, and large ones take seconds
        require_gradients(made, faces, learning, named)
    return made


def require_gradients(
    made: Tensor, faces: Tensor, learning: list[nn.Parameter], named: str
) -> None:
    """Refuse an output through which neither weights learn nor other networks do.

    Raises:
        UserError: beginning with `named`.
    """
    remedy = "(no_grad or detach? what shall not learn is frozen by requires_grad_(False) instead)"
    if not made.requires_grad:
        raise UserError(f"{named} gives a tensor without gradients {remedy}")
    try:
        pulls = torch.autograd.grad(made.sum(), [faces, *learning], allow_unused=True)
    except Exception as error:  # whatever the user's code raises
        raise UserError(f"{named} has no backward pass ({explain(error)})") from error
    of_faces, *of_weights = pulls
    if all(pull is None for pull in of_weights):
        raise UserError(f"{named} gives no gradients to the parameters that can learn {remedy}")
    if of_faces is None:
        raise UserError(f"{named} passes no gradients on to its faces {remedy}")


def require_gan_loss(loss: GanLoss, logits: Tensor, named: str) -> None:
    """Refuse an adversarial loss that cannot be minimised; both sides are tried, with gradients.

    Args:
        loss: to be tried.
        logits: float (n, 1, h', w').
        named: its flag and name.

    Raises:
        UserError: beginning with `named`.
    """
    real, fake = (logits.detach().clone().requires_grad_() for _ in range(2))
    require_minimisable(loss.generator, {"fake": fake}, f"{named}: generator")
    require_minimisable(loss.discriminator, {"real": real, "fake": fake}, f"{named}: discriminator")
    if not isinstance(loss.middle, int | float):
        raise UserError(f"{named}: middle is a {type(loss.middle).__name__}, not a number")


def require_objective(
    config: CycleGANConfig,
    generator: nn.Module,
    discriminators: Discriminators | SharedDiscriminators,
    faces: Tensor,
) -> None:
    """Try two steps where a network or the objective is the user's own.

    Raises:
        UserError: the objective gives no losses, or a parameter gets no gradient, which processes
            that train together would wait for.
    """
    parts = {"generator": config.generator.name, "discriminator": config.discriminator.name}
    if not any(map(is_own, [*parts.values(), config.objective])):
        return  # ours do, and large ones take seconds
    named = f"--objective {config.objective}"
    objective, standard = build_objective(config), Objective(config)
    generators = Generators(generator, deepcopy(generator))
    learning = [weight for weight in discriminators.parameters() if weight.requires_grad]
    young, old = faces, faces.flip(0)
    names: list[list[str]] = []
    for number in range(2):
        identity, back = identity_weight_of(config, number) > 0, number % config.cycle_every == 0
        made = generators(young, old, identity, back)
        given = GeneratorStep(number, young, old, made, discriminators.judge)
        shown = DiscriminatorStep(
            number,
            Sides(old, made.fake_old.detach(), young, made.fake_young.detach()),
            discriminators,
        )
        for phase, network, step in (
            ("generator", generators, given), ("discriminator", discriminators, shown)
        ):  # fmt: skip
            network.zero_grad()
            for weight in learning:
                weight.requires_grad_(phase == "discriminator")
            losses = losses_of(objective, phase, step, named)
            expected = losses_of(standard, phase, step, named).terms
            require_losses(losses, expected, f"{named}: {phase}_losses of step {number}")
            losses.total.backward()
            require_all_learn(network, f"--{phase}.name {parts[phase]} (step {number})")
            names.append(list(losses.terms))
    if names[:2] != names[2:]:
        raise UserError(
            f"{named} gives other terms in its second step than in its first: give one that is "
            "0 where it is not due"
        )


def losses_of(objective: Objective, phase: str, step: Any, named: str) -> Losses:
    """What an objective gives in one phase.

    Raises:
        UserError: it raises.
    """
    try:
        return getattr(objective, f"{phase}_losses")(step)
    except Exception as error:  # whatever the user's code raises
        raise UserError(f"{named}: {phase}_losses cannot be computed ({explain(error)})") from error


def require_losses(losses: Any, expected: dict[str, Tensor], named: str) -> None:
    """Refuse what is no `Losses` of finite scalars with all terms that reports show.

    Raises:
        UserError: beginning with `named`.
    """
    if not isinstance(losses, Losses):
        raise UserError(f"{named} gives a {type(losses).__name__}, not Losses")
    missing = [name for name in expected if name not in losses.terms]
    if missing:
        raise UserError(
            f"{named} has no term {missing[0]!r}, which reports show: make it by self.weigh or "
            "self.compare"
        )
    for name, value in {**losses.terms, "total": losses.total}.items():
        if not isinstance(value, Tensor) or value.dim():
            raise UserError(f"{named}: {name!r} is no scalar tensor")
        if not value.isfinite():
            raise UserError(f"{named}: {name!r} is not finite")
    if not losses.total.requires_grad:
        raise UserError(f"{named}: its total has no gradient (item, detach or a comparison?)")


def require_all_learn(network: nn.Module, named: str) -> None:
    """Refuse a network of which a parameter that can learn got no gradient.

    Raises:
        UserError: beginning with `named`, with the parameter's name.
    """
    for name, weight in network.named_parameters():
        if weight.requires_grad and weight.grad is None:
            raise UserError(
                f"{named}: no gradient reaches {name.partition('.')[2]}: let the output depend on "
                "it, or freeze it by requires_grad_(False)"
            )


def require_minimisable(function: Any, logits: dict[str, Tensor], named: str) -> None:
    """Refuse a loss that is no finite scalar with a gradient for each of its arguments."""
    called = f"{named}({', '.join(logits)})"
    try:
        value = function(*logits.values())
        kind = shape(value) if isinstance(value, Tensor) else f"a {type(value).__name__}"
        if not isinstance(value, Tensor) or value.dim():
            raise UserError(f"{called} gives {kind}, not a scalar tensor: take the mean")
        if not value.requires_grad:
            raise UserError(f"{called} has no gradient (item, detach or a comparison?)")
        pulls = torch.autograd.grad(value, list(logits.values()), allow_unused=True)
    except UserError:
        raise
    except Exception as error:  # whatever the user's code raises
        raise UserError(f"{called} cannot be computed ({explain(error)})") from error
    unused = [name for name, pull in zip(logits, pulls, strict=True) if pull is None]
    if unused:
        raise UserError(f"{called} does not depend on {' and '.join(unused)}")
    if not all(torch.isfinite(x).all() for x in (value, *pulls) if x is not None):
        raise UserError(f"{called} or its gradient is not finite")


def shape(tensor: Tensor) -> str:
    """A tensor's shape in words that fit into a sentence."""
    return str(tuple(tensor.shape))
