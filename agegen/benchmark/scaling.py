"""The same training on more processes, started by torchrun as a user would start them.

Each process has one thread, and the global batch is the same: what is compared is the speed of N
cores (or GPUs) with that of one. One process with N threads is what a CPU does by default.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch

from agegen.benchmark import classifier_loops, cyclegan_loops
from agegen.benchmark.config import BenchmarkConfig
from agegen.benchmark.machine import Machine
from agegen.benchmark.turns import Meter, logged_speed
from agegen.classifier.config import TrainConfig
from agegen.cyclegan.config import CycleGANConfig
from agegen.faces.store import FaceStore
from agegen.run.configs import to_plain
from agegen.run.errors import UserError
from agegen.run.folder import Run

MOST = 8  # processes that are tried unasked
FACES_EACH = 8  # of the classifier's batch in a process, at least


class Way(NamedTuple):
    """Processes, and CPU threads of each."""

    processes: int
    threads: int

    def __str__(self) -> str:
        return f"{self.processes} process(es) of {self.threads} thread(s)"


class Scaling(NamedTuple):
    """Speeds of one training."""

    title: str  # which training, and its global batch
    ways: list[Way]  # the first is one process with one thread
    images_per_second: list[float]  # of each way

    @property
    def efficiencies(self) -> list[float]:
        """Speed of each way, as a share of the first way's on as many cores or GPUs."""
        one = self.images_per_second[0]
        return [
            speed / (one * way.processes * way.threads)
            for way, speed in zip(self.ways, self.images_per_second, strict=True)
        ]


def ways_to_try(config: BenchmarkConfig, machine: Machine) -> list[Way]:
    """One process first, then more; on a CPU also one with as many threads. Empty: nothing to do.

    Raises:
        UserError: more processes are asked for than there are GPUs or cores.
    """
    units = machine.gpus or machine.cores
    wanted = config.processes or (1, min(units, MOST))
    if max(wanted) > units:
        raise UserError(
            f"--processes {max(wanted)} is more than the {units} "
            f"{'GPU(s)' if machine.gpus else 'core(s)'} of this machine"
        )
    more = sorted(set(wanted) - {1})
    threaded = [Way(1, n) for n in more[-1:] if not machine.gpus]
    return [Way(1, 1), *threaded, *(Way(n, 1) for n in more)] if more else []


def scale(
    store: FaceStore, config: BenchmarkConfig, base: CycleGANConfig, ways: list[Way], meter: Meter
) -> list[Scaling]:
    """Measure both trainings in every way, once; `base` gets a batch that every way can divide."""
    numbers = [way.processes for way in ways]
    batch = max(classifier_loops.DEFAULTS.batch_size, FACES_EACH * max(numbers))
    pairs = math.lcm(*numbers)
    classifier = classifier_loops.short_training(store, Path(), config, batch=batch)
    fewer = replace(config, steps=max(math.ceil(config.steps / pairs), 2))  # as many faces
    cyclegan = cyclegan_loops.short_training(
        replace(base, faces=store.folder, batch_size=pairs), Path(), fewer
    )
    found = []
    for title, command, training, warm_up in (
        (f"classifier, batch {batch}", "train-classifier", classifier, config.warm_up),
        (f"CycleGAN, batch {pairs}", "train-cyclegan", cyclegan, fewer.warm_up),
    ):
        speeds = []
        for way in ways:
            speeds.append(launched_speed(command, training, way, warm_up))
            meter.tick(f"{title}: {way}: {speeds[-1]:.1f} images/s")
        found.append(Scaling(title, ways, speeds))
    return found


def launched_speed(
    command: str, training: TrainConfig | CycleGANConfig, way: Way, warm_up: int
) -> float:
    """Images per second of a training that torchrun starts.

    `accelerate launch` would start a single process on a CPU.

    Raises:
        UserError: it failed.
    """
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    launch += ["--nproc_per_node", str(way.processes), "-m", "agegen", command, "--config"]
    on_cpu = {} if torch.cuda.is_available() else {"ACCELERATE_USE_CPU": "1"}
    name, images = "images_per_second", 1
    if command == "train-cyclegan":
        name, images = "pairs_per_second", cyclegan_loops.PAIR
    with tempfile.TemporaryDirectory() as folder:
        preset, out = Path(folder, "training.json"), Path(folder, "run")
        preset.write_text(json.dumps(to_plain(replace(training, out=out, threads=way.threads))))
        done = subprocess.run(
            [*launch, str(preset)], env=os.environ | on_cpu, capture_output=True, text=True
        )
        if done.returncode:
            reasons = [x for x in done.stderr.splitlines() if "error: " in x] or ["no reason given"]
            raise UserError(f"{command} failed with {way}: {reasons[0]}")
        return logged_speed(Run(out), warm_up, name, images).images_per_second
