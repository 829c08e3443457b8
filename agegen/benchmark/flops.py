"""How many floating-point operations a training step takes, counted by PyTorch from the shapes.

A multiplication and an addition are two operations. Convolutions and matrix products are counted,
forward and backward; norms, activations, optimisers and views of faces are not.
"""

import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from agegen.classifier.config import TrainConfig
from agegen.classifier.model import build_model
from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.objective import (
    DiscriminatorStep,
    GeneratorStep,
    Objective,
    Sides,
    build_discriminators,
    build_generators,
)

META = torch.device("meta")  # shapes without numbers: nothing is computed


def classifier_flops(config: TrainConfig) -> float:
    """Operations for one training face; `config` must be fitted to a store."""
    side = config.augment.crop
    with META, FlopCounterMode(display=False) as counter:
        logits = build_model(config.model)(torch.empty(2, 3, side, side))  # batch norm needs two
        F.cross_entropy(logits, torch.zeros(2, dtype=torch.long)).backward()
    return counter.get_total_flops() / 2


def cyclegan_flops(config: CycleGANConfig) -> float:
    """Operations for one image, of which a pair has two; `config` must be fitted to a store.

    The mean over the steps with and without identity losses.
    """
    weight = config.identity_weight * config.cycle_weight
    without = step_flops(config, identity=False)
    share = 1 / config.identity_every if weight else 0.0
    operations = without + share * (step_flops(config, identity=True) - without)
    return operations / (2 * config.batch_size)


def step_flops(config: CycleGANConfig, identity: bool) -> int:
    """Operations of one step of generators and discriminators, as in `cyclegan/train.py`."""
    batch, shown, objective = config.batch_size, config.shown, Objective(config)
    with META, FlopCounterMode(display=False) as counter:
        generators, discriminators = build_generators(config), build_discriminators(config)
        young, old, real, fake = (
            torch.empty(n, 3, config.size, config.size) for n in (batch, batch, shown, shown)
        )
        discriminators.requires_grad_(False)
        made = generators(young, old, identity)
        given = GeneratorStep(0, young, old, made, discriminators.judge)
        objective.generator_losses(given).total.backward()
        discriminators.requires_grad_(True)
        judged = DiscriminatorStep(0, Sides(real, fake, real, fake), discriminators)
        objective.discriminator_losses(judged).total.backward()
    return counter.get_total_flops()
