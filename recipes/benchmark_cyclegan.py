"""Speed and memory of the CycleGAN's training step against the plain one, in one run, as a ratio.

    python recipes/benchmark_cyclegan.py --faces data/utkface
    python recipes/benchmark_cyclegan.py --faces data/utkface --batch-sizes 8 --blocks 6

The plain step is that of the reference code: eager float32, every translation, identity and
discriminator call apart, faces in memory. The contestants take turns, several rounds, each in a
fresh process, so that a noisy machine disturbs all of them alike; the table has medians.
"""

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from agegen.cli import run_recipe
from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.model import DiscriminatorConfig, GeneratorConfig
from agegen.cyclegan.objective import Discriminators, Generators
from agegen.cyclegan.pairs import draw_pairs
from agegen.cyclegan.train import train
from agegen.cyclegan.training import build_discriminators, build_generators, fitted_to
from agegen.cyclegan.translate import centre_views
from agegen.devices import cores_per_process, peak_memory
from agegen.faces.store import FaceStore
from agegen.files import write_json
from agegen.runs import Run

CONTESTANTS = {
    "plain, float32": {},
    "agegen, float32": {"precision": "float32"},
    "agegen, bf16": {"precision": "bf16"},
    "agegen, bf16, identity every 4th": {"precision": "bf16", "identity_every": 4},
    "agegen, bf16, channels last": {"precision": "bf16", "channels_last": True},
}
COMPILED = {"agegen, bf16, compiled": {"precision": "bf16", "compile": True}}


@dataclass(frozen=True)
class BenchmarkConfig:
    """What to measure on."""

    faces: Path
    """Folder of a FaceStore."""
    size: int = 96
    """Side of the faces in pixels."""
    width: int = 64
    """Width of all networks."""
    blocks: int = 9
    """Residual blocks of the generators."""
    batch_sizes: tuple[int, ...] = (1, 8)
    """Faces of each domain per step."""
    compile: bool = False
    """Let torch.compile take part too; it spends minutes on compiling."""
    rounds: int = 3
    """Turns that each contestant takes."""
    steps: int = 4
    """Timed steps of each turn, after as many untimed ones."""
    out: Path | None = None
    """JSON file for the measurements."""


class Speed(NamedTuple):
    """Pairs of faces per second, and the process's largest memory in GiB (on GPUs: the card's)."""

    pairs_per_second: float
    memory: float


def main(config: BenchmarkConfig) -> None:
    """Let the contestants take turns; print a table for each batch size."""
    FaceStore.open(config.faces)
    everything = {}
    contestants = CONTESTANTS | (COMPILED if config.compile else {})
    for batch in config.batch_sizes:
        measured: dict[str, list[Speed]] = {name: [] for name in contestants}
        for turn in range(config.rounds):
            for name, options in contestants.items():
                contestant = agegen_loop if options else plain_loop
                speed = in_fresh_process(contestant, config, batch, options)
                measured[name].append(speed)
                print(f"batch {batch}, round {turn + 1}: {name}: {speed[0]:.2f} pairs/s")
        print_table(batch, measured)
        everything[batch] = measured
    if config.out:
        write_json(config.out, everything)


def in_fresh_process(function: Callable[..., Speed], *arguments: object) -> Speed:
    """Call a function where no setting of another contestant (the allocator's, say) remains."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def print_table(batch: int, measured: dict[str, list[Speed]]) -> None:
    """Print medians; the ratio is the median of the rounds' ratios to the plain step."""
    speeds = {name: np.array([s.pairs_per_second for s in t]) for name, t in measured.items()}
    plain = speeds["plain, float32"]
    head = f"batch {batch}, {cores_per_process()} threads"
    print(f"\n{head:34} {'pairs/s':>8} {'ratio':>6} {'GiB':>6}")
    for name, turns in measured.items():
        memory = np.median([s.memory for s in turns])
        ratio = np.median(speeds[name] / plain)
        print(f"{name:34} {np.median(speeds[name]):8.2f} {ratio:6.2f} {memory:6.2f}")


def training_config(config: BenchmarkConfig, batch: int, out: Path, **options: object):
    """The training that is timed: twice `steps` steps, a log line after the first half."""
    return CycleGANConfig(
        config.faces, out, size=config.size, batch_size=batch,
        generator=GeneratorConfig(width=config.width, blocks=config.blocks),
        discriminator=DiscriminatorConfig(width=config.width),
        constant_pairs=2 * config.steps * batch, decay_pairs=0,
        checkpoint_every=config.steps * batch, watch_every=2 * config.steps * batch, **options,
    )  # fmt: skip


def agegen_loop(config: BenchmarkConfig, batch: int, options: dict) -> Speed:
    """Train with the package; read the speed of the second half from metrics.jsonl."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = training_config(config, batch, Path(folder) / "run", **options)
        train(wanted)
        steps = [r for r in Run(wanted.out).metrics() if r["kind"] == "step"]
    return Speed(steps[-1]["pairs_per_second"], steps[-1]["peak_gib"])


def plain_loop(config: BenchmarkConfig, batch: int, options: dict) -> Speed:
    """The reference code's step on the same networks; `options` is empty."""
    torch.set_num_threads(cores_per_process())
    store = FaceStore.open(config.faces)
    wanted = fitted_to(training_config(config, batch, Path(), **options), store)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    g, d = build_generators(wanted).to(device), build_discriminators(wanted).to(device)
    optimizers = [
        torch.optim.Adam(m.parameters(), lr=wanted.learning_rate, betas=wanted.betas)
        for m in (g, d)
    ]
    for step in range(2 * config.steps):
        if step == config.steps:
            synchronise(device)
            started = time.perf_counter()
        faces = draw_pairs(store, batch, 0, step)
        young, old = (centre_views(store.images[i], wanted).to(device) for i in faces)
        plain_step(g, d, *optimizers, young, old)
    synchronise(device)
    return Speed(config.steps * batch / (time.perf_counter() - started), peak_memory())


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
    (sum(adversarial) + 10 * cycle + 5 * identity).backward()
    g_optimizer.step()
    d.requires_grad_(True)
    d_optimizer.zero_grad()
    for network, real, fake in ((d.old, old, fake_old), (d.young, young, fake_young)):
        real_loss = (network(real) - 1).square().mean()
        ((real_loss + network(fake.detach()).square().mean()) / 2).backward()
    d_optimizer.step()


def synchronise(device: torch.device) -> None:
    """Wait for a GPU's work."""
    if device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    run_recipe(BenchmarkConfig, main, __doc__)
