"""Speed of the classifier's training against the usual notebook loop, in one run, as a ratio.

    python recipes/benchmark_classifier.py --faces data/utkface

The notebook loop reads the store's source photos: ImageFolder, PIL transforms, a DataLoader with
two workers, the same network, float32, the same batch. The contestants take turns, several rounds,
so that a noisy machine disturbs all of them alike; the table has medians.
"""

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from agegen.classifier.config import TrainConfig
from agegen.classifier.model import build_model
from agegen.classifier.train import train
from agegen.classifier.training import fitted_to
from agegen.cli import run_recipe
from agegen.devices import cores_per_process
from agegen.errors import UserError
from agegen.faces.store import FaceStore
from agegen.files import write_json
from agegen.runs import Run

WARM_UP = 20


@dataclass(frozen=True)
class BenchmarkConfig:
    """What to measure on."""

    faces: Path
    """Folder of a FaceStore whose source photos still exist."""
    rounds: int = 3
    """Turns that each contestant takes."""
    steps: int = 60
    """Steps that are timed in each turn of the notebook loop, after a warm-up."""
    out: Path | None = None
    """JSON file for the measurements."""


class Speed(NamedTuple):
    """Faces per second, and the share of the time spent waiting for data."""

    faces_per_second: float
    waiting: float


def main(config: BenchmarkConfig) -> None:
    """Let the contestants take turns, each in a fresh process; print the table."""
    FaceStore.open(config.faces)
    contestants = {
        "notebook loop, float32": (notebook_loop, config.faces, config.steps),
        "agegen, float32": (agegen_loop, config.faces, "float32"),
        "agegen, bf16": (agegen_loop, config.faces, "bf16"),
    }
    measured: dict[str, list[Speed]] = {name: [] for name in contestants}
    for turn in range(config.rounds):
        for name, call in contestants.items():
            measured[name].append(in_fresh_process(*call))
            print(f"round {turn + 1}: {name}: {measured[name][-1].faces_per_second:.0f} faces/s")
    print_table(measured)
    if config.out:
        write_json(config.out, measured)


def in_fresh_process(function: Callable[..., Speed], *arguments: object) -> Speed:
    """Call a function where no setting of another contestant (the allocator's, say) remains."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as pool:
        return pool.submit(function, *arguments).result()


def print_table(measured: dict[str, list[Speed]]) -> None:
    """Print medians; the ratio is the median of the rounds' ratios to the notebook loop."""
    speeds = {
        name: np.array([s.faces_per_second for s in turns]) for name, turns in measured.items()
    }
    slowest = speeds["notebook loop, float32"]
    print(f"\n{'':24} {'faces/s':>8} {'ratio':>6} {'waiting':>8}   {cores_per_process()} threads")
    for name, turns in measured.items():
        ratio = np.median(speeds[name] / slowest)
        waiting = np.median([s.waiting for s in turns])
        print(f"{name:24} {np.median(speeds[name]):8.0f} {ratio:6.2f} {waiting:8.2%}")


def agegen_loop(faces: Path, precision: str) -> Speed:
    """Train one epoch with the package, with the defaults; read the speed from metrics.jsonl."""
    with tempfile.TemporaryDirectory() as folder:
        config = TrainConfig(faces, Path(folder) / "run", precision=precision, epochs=1)
        train(config)
        steps = [r for r in Run(config.out).metrics() if r["kind"] == "step"][WARM_UP:]
    if not steps:
        raise UserError(f"{faces} has too few training faces to time an epoch")
    speed = np.median([r["images_per_second"] for r in steps])
    return Speed(float(speed), float(np.median([r["waiting"] for r in steps])))


def notebook_loop(faces: Path, steps: int) -> Speed:
    """The loop of many a course notebook, on the same network and batch."""
    store = FaceStore.open(faces)
    config = fitted_to(TrainConfig(store.folder, Path()), store)
    torch.set_num_threads(cores_per_process())
    model = build_model(config.model).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate)
    with image_folder_loader(store, config) as loader:
        batches = forever(loader)
        for step in range(WARM_UP + steps):
            if step == WARM_UP:
                started, waited, seen = time.perf_counter(), 0.0, 0
            before = time.perf_counter()
            images, labels = next(batches)
            received = time.perf_counter()
            loss = F.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step >= WARM_UP:
                waited += received - before
                seen += len(labels)
    seconds = time.perf_counter() - started
    return Speed(seen / seconds, waited / seconds)


@contextmanager
def image_folder_loader(store: FaceStore, config: TrainConfig) -> Iterator:
    """ImageFolder over links to the source photos, PIL transforms, a DataLoader with 2 workers."""
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import v2

    transforms = v2.Compose(
        [
            v2.Resize(store.size),
            v2.RandomCrop(config.augment.crop),
            v2.RandomHorizontalFlip(),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.5] * 3, [0.5] * 3),
        ]
    )
    with tempfile.TemporaryDirectory() as folder:
        for i in store.indices("train"):
            link = Path(folder, str(store.labels[i]), f"{i}{Path(store.paths[i]).suffix}")
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(Path(store.paths[i]).resolve())
        data = ImageFolder(folder, transforms)
        yield torch.utils.data.DataLoader(data, config.batch_size, shuffle=True, num_workers=2)


def forever(loader: torch.utils.data.DataLoader) -> Iterator:
    """Yield batches, epoch after epoch."""
    while True:
        yield from loader


if __name__ == "__main__":
    run_recipe(BenchmarkConfig, main, __doc__)
