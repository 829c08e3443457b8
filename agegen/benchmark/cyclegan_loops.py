"""The CycleGAN's training, and the plain step that it is compared with."""

import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from agegen.benchmark.config import BenchmarkConfig
from agegen.benchmark.flops import cyclegan_flops
from agegen.benchmark.machine import synchronise
from agegen.benchmark.turns import Contestant, Speed, logged_speed
from agegen.cyclegan.batches import PairDrawer
from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.objective import (
    Discriminators,
    Generators,
    build_discriminators,
    build_generators,
)
from agegen.cyclegan.pairing import pairable
from agegen.cyclegan.train import train
from agegen.cyclegan.training import fitted_to
from agegen.cyclegan.translate import centre_views
from agegen.faces.store import FaceStore
from agegen.run.devices import cores_per_process, default_device, peak_memory
from agegen.run.folder import Run

PAIR = 2  # images


def papers_objective(
    shipped: CycleGANConfig, config: BenchmarkConfig, batch: int
) -> CycleGANConfig:
    """The paper's objective and batch, on networks of the shipped config's size or as asked for."""
    generator, discriminator = shipped.generator, shipped.discriminator
    width, blocks = config.width or generator.width, config.blocks or generator.blocks
    return CycleGANConfig(
        shipped.faces,
        shipped.out,
        size=config.size or shipped.size,
        generator=replace(generator, width=width, blocks=blocks),
        discriminator=replace(discriminator, width=config.width or discriminator.width),
        batch_size=batch,
    )


def cyclegan_contestants(
    store: FaceStore, config: BenchmarkConfig, base: CycleGANConfig, options: dict[str, dict]
) -> list[Contestant]:
    """The plain step first, then the package's in every option: its name, and what it changes.

    `base` is of `papers_objective`; the precision is among what each option changes.
    """
    base = fitted_to(base, store)
    flops, plain = cyclegan_flops(base), partial(plain_loop, config, base)
    found = [Contestant("plain step, float32", plain, "float32", flops)]
    for name, changed in options.items():
        training = replace(base, **changed)
        call = partial(agegen_loop, config, training)
        of_it = cyclegan_flops(training) if "identity_every" in changed else flops
        found.append(Contestant(f"agegen, {name}", call, training.precision, of_it))
    return found


def shipped_contestant(
    store: FaceStore, config: BenchmarkConfig, precision: str, shipped: CycleGANConfig
) -> Contestant:
    """The package in its shipped settings, whose objective and batch are not the plain step's."""
    training = fitted_to(shipped, store)
    call = partial(agegen_loop, config, training)
    name, flops = f"agegen, as shipped, batch {training.batch_size}", cyclegan_flops(training)
    return Contestant(name, call, precision, flops, is_comparable=False, is_default=True)


def short_training(training: CycleGANConfig, out: Path, config: BenchmarkConfig) -> CycleGANConfig:
    """That training, just long enough; a log line ends the warm-up, the only look the whole."""
    pairs = (config.warm_up + config.steps) * training.batch_size
    return replace(
        training,
        out=out,
        constant_pairs=pairs,
        decay_pairs=0,
        checkpoint_every=config.warm_up * training.batch_size,
        watch_every=pairs,  # after the last log line: neither its time nor its memory counts
    )


def agegen_loop(config: BenchmarkConfig, training: CycleGANConfig) -> Speed:
    """Train with the package; the speed is read from metrics.jsonl."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "run")
        train(short_training(training, out, config))
        return logged_speed(Run(out), config.warm_up, "pairs_per_second", PAIR)


def plain_loop(config: BenchmarkConfig, training: CycleGANConfig) -> Speed:
    """The reference code's step: eager float32, faces in memory."""
    torch.set_num_threads(cores_per_process())
    store = FaceStore.open(training.faces)
    device = default_device()
    g, d = build_generators(training).to(device), build_discriminators(training).to(device)
    g_optimizer, d_optimizer = (
        torch.optim.Adam(m.parameters(), lr=training.learning_rate, betas=training.betas)
        for m in (g, d)
    )
    assert isinstance(d, Discriminators)  # the paper's
    drawer, started = PairDrawer(pairable(store), training.batch_size, 0), 0.0
    for step in range(config.warm_up + config.steps):
        if step == config.warm_up:
            synchronise(device)
            started = time.perf_counter()
        faces = drawer.draw(step)
        young, old = (centre_views(store.images[i], training).to(device) for i in faces)
        plain_step(g, d, g_optimizer, d_optimizer, young, old)
    synchronise(device)
    images = PAIR * training.batch_size * config.steps
    return Speed(images / (time.perf_counter() - started), peak_memory(device))


def plain_step(
    g: Generators,
    d: Discriminators,
    g_optimizer: torch.optim.Optimizer,
    d_optimizer: torch.optim.Optimizer,
    young: Tensor,
    old: Tensor,
) -> None:
    """One step as the reference code has it: every call apart, least squares, λ 10, identity ½."""
    d.requires_grad_(False)
    g_optimizer.zero_grad()
    fake_old, fake_young = g.to_old(young), g.to_young(old)
    back_young, back_old = g.to_young(fake_old), g.to_old(fake_young)
    identity = F.l1_loss(g.to_old(old), old) + F.l1_loss(g.to_young(young), young)
    cycle = F.l1_loss(back_young, young) + F.l1_loss(back_old, old)
    adversarial = [(x - 1).square().mean() for x in (d.old(fake_old), d.young(fake_young))]
    (torch.stack(adversarial).sum() + 10 * cycle + 5 * identity).backward()
    g_optimizer.step()
    d.requires_grad_(True)
    d_optimizer.zero_grad()
    for network, real, fake in ((d.old, old, fake_old), (d.young, young, fake_young)):
        real_loss = (network(real) - 1).square().mean()
        ((real_loss + network(fake.detach()).square().mean()) / 2).backward()
    d_optimizer.step()
