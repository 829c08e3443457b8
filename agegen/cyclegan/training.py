"""Everything that a CycleGAN's training needs before its first step."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from accelerate import Accelerator
from torch import nn

from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.features import ALEXNET, is_classifier, name_trunk
from agegen.cyclegan.objective import (
    Objective,
    build_discriminators,
    build_generators,
    build_objective,
)
from agegen.cyclegan.pairing import require_pairable
from agegen.cyclegan.replay_pool import ReplayPool
from agegen.cyclegan.trial import require_trainable
from agegen.evaluation.frozen_classifier import load_judge, require_same_view
from agegen.evaluation.panel import require_other
from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import FaceStore
from agegen.run.averaging import Average
from agegen.run.configs import to_plain
from agegen.run.devices import leave_buffers
from agegen.run.errors import UserError
from agegen.run.folder import Run
from agegen.run.own_class import is_own
from agegen.run.pretrained import PRETRAINED
from agegen.run.tensor_files import Tensors, load_tensors
from agegen.run.trackers import require_trackers

FROZEN = "checkpoints/frozen.safetensors"


class Training(NamedTuple):
    """All that takes part in a training; `averaged` holds the generators' EMA weights."""

    accelerator: Accelerator
    store: FaceStore
    run: Run
    generators: nn.Module
    discriminators: nn.Module
    averaged: Average
    generator_optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer
    pool_old: ReplayPool
    pool_young: ReplayPool
    objective: Objective


def fitted_to(config: CycleGANConfig, store: FaceStore) -> CycleGANConfig:
    """Fill in what depends on the store: crop, size, and its full path."""
    crop = config.augment.crop or max(round(0.96 * store.size), 32)
    discriminator = config.discriminator
    if discriminator.trunk not in (ALEXNET, PRETRAINED):
        discriminator = replace(discriminator, trunk=discriminator.trunk.resolve())
    return replace(
        config,
        discriminator=discriminator,
        faces=store.folder.resolve(),
        size=config.size or crop // 4 * 4,
        augment=replace(config.augment, crop=crop),
    )


def load_weights(network: nn.Module, tensors: Tensors, where: Path | str, name: str) -> None:
    """Load saved weights into networks that were built from a config.

    Args:
        network: the networks.
        tensors: by the names of their parameters.
        where: they were read from.
        name: which class they are of, as in the config.

    Raises:
        UserError: the networks have other layers.
    """
    try:
        network.load_state_dict(tensors)
    except RuntimeError:  # torch's lists every layer
        changed = f": has {name} changed since?" if is_own(name) else ""
        raise UserError(f"{where} does not fit the networks in config.json{changed}") from None


def frozen_weights(network: nn.Module) -> Tensors:
    """The parameters that a network's class has frozen, by name."""
    return {name: p for name, p in network.named_parameters() if not p.requires_grad}


def read_frozen(run: Path, kind: str) -> Tensors:
    """Those of a run's "generators" or "discriminators", which are kept once, beside checkpoints.

    Raises:
        UserError: their file is damaged.
    """
    file = run / FROZEN
    kept = load_tensors(file) if file.exists() else {}
    return {name.partition(".")[2]: t for name, t in kept.items() if name.startswith(f"{kind}.")}


def require_possible(store: FaceStore, config: CycleGANConfig, processes: int) -> None:
    """Refuse what cannot be trained.

    Raises:
        UserError: a class is missing, the crop or the networks do not fit the faces, the loss
            cannot be minimised, the batch cannot be divided among the processes, the judge is
            none, or a tracker is not to be had.
    """
    require_trackers(config.log_with)
    train = store.indices("train")
    for label, name in enumerate(CLASS_NAMES):
        if not (store.labels[train] == label).any():
            raise UserError(f"{store.folder} has no {name} training faces")
    if config.augment.crop > store.size:
        raise UserError(
            f"--augment.crop {config.augment.crop} is larger than the faces of {store.folder} "
            f"({store.size} pixels)"
        )
    if config.grid_jitter >= config.size:
        raise UserError(f"--grid-jitter must be below the faces' {config.size} pixels")
    for flag, size in (("batch-size", config.batch_size), ("discriminator-batch", config.shown)):
        if size % (processes * config.accumulate):
            raise UserError(
                f"--{flag} {size} cannot be divided into {config.accumulate} part(s) for each of "
                f"{processes} process(es)"
            )
    require_pairable(store, config.balance)
    require_trainable(config)
    if config.judge:
        require_same_view(load_judge(config.judge, "cpu"), config.augment.crop / store.size)
        trunk = config.discriminator.trunk
        if config.discriminator.name == "features" and is_classifier(trunk):
            require_other(config.judge, name_trunk(trunk))


def set_up(
    config: CycleGANConfig,
    accelerator: Accelerator,
    store: FaceStore,
    start_generators: Tensors | None = None,
    start_discriminators: Tensors | None = None,
) -> Training:
    """Build networks, optimisers, averaged generators and pools, on the device.

    Networks begin from the seed, or with the weights given.
    """
    torch.manual_seed(config.seed)
    layout = torch.channels_last if config.channels_last else torch.contiguous_format
    generators = build_generators(config).to(accelerator.device).to(memory_format=layout)
    discriminators = build_discriminators(config).to(accelerator.device).to(memory_format=layout)
    if start_generators:
        generators.load_state_dict(start_generators)
    if start_discriminators:
        discriminators.load_state_dict(start_discriminators)
    averaged = Average(generators, config.ema_decay)
    generator_optimizer, discriminator_optimizer = (
        torch.optim.Adam(
            [weight for weight in network.parameters() if weight.requires_grad],
            lr=config.learning_rate,
            betas=config.betas,
            fused=True,
        )
        for network in (generators, discriminators)
    )
    if config.compile:
        for network in (*generators.children(), *discriminators.children()):
            network.compile(dynamic=False)  # its few batch sizes are worth a graph each
    generators, discriminators, generator_optimizer, discriminator_optimizer = accelerator.prepare(
        generators, discriminators, generator_optimizer, discriminator_optimizer
    )
    leave_buffers(generators, discriminators)
    return Training(
        accelerator=accelerator,
        store=store,
        run=Run(config.out, main=accelerator.is_main_process, kept=config.keep_checkpoints),
        generators=generators,
        discriminators=discriminators,
        averaged=averaged,
        generator_optimizer=generator_optimizer,
        discriminator_optimizer=discriminator_optimizer,
        pool_old=ReplayPool(config.pool_size, 2 * config.seed),
        pool_young=ReplayPool(config.pool_size, 2 * config.seed + 1),
        objective=build_objective(config).to(accelerator.device),
    )


def describe(config: CycleGANConfig, store: FaceStore) -> str:
    """Say what a run would do: the config, the networks with their parameters, the data."""
    lines = [f"{name}: {value}" for name, value in to_plain(config).items()]
    generators, discriminators = build_generators(config), build_discriminators(config)
    for network in (generators.to_old, next(discriminators.children())):
        count = sum(p.numel() for p in network.parameters() if p.requires_grad)
        lines += [str(network), f"{count:,} parameters that learn"]
    counts = {split: store.info["counts"][split] for split in ("train", "val", "test")}
    return "\n".join([*lines, f"faces: {counts}"])
