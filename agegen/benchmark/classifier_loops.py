"""The classifier's training, and the notebook loop that it is compared with."""

import math
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from agegen.benchmark.config import BenchmarkConfig
from agegen.benchmark.flops import classifier_flops
from agegen.benchmark.machine import synchronise
from agegen.benchmark.turns import Contestant, Speed, logged_speed
from agegen.classifier.config import SubsetConfig, TrainConfig, classes_alone
from agegen.classifier.model import build_model
from agegen.classifier.train import train
from agegen.classifier.training import fitted_to
from agegen.faces.batches import steps_in_epoch
from agegen.faces.store import FaceStore
from agegen.run.devices import cores_per_process, default_device, peak_memory
from agegen.run.errors import UserError
from agegen.run.folder import Run

DEFAULTS = classes_alone(TrainConfig(Path(), Path()))


def agegen_contestants(
    store: FaceStore,
    config: BenchmarkConfig,
    options: dict[str, dict],
    batch: int = DEFAULTS.batch_size,
) -> list[Contestant]:
    """The package in every option: its name, and what it changes, the precision among it."""
    flops = classifier_flops(fitted_to(DEFAULTS, store))
    return [
        Contestant(
            f"agegen, {name}",
            partial(agegen_loop, store.folder, config, batch, **changed),
            changed["precision"],
            flops,
        )
        for name, changed in options.items()
    ]


def notebook_contestant(store: FaceStore, config: BenchmarkConfig) -> Contestant:
    """The notebook loop.

    Raises:
        UserError: a photo of the training faces is gone.
    """
    for path in store.paths[store.indices("train")]:
        if not Path(path).exists():
            raise UserError(
                f"the notebook loop reads photos, and {path} of {store.folder} is gone: "
                "leave --faces out to draw faces"
            )
    call = partial(notebook_loop, store.folder, config)
    flops = classifier_flops(fitted_to(DEFAULTS, store))
    return Contestant("notebook loop, float32", call, "float32", flops)


def short_training(
    store: FaceStore, out: Path, config: BenchmarkConfig, batch: int = DEFAULTS.batch_size
) -> TrainConfig:
    """A training of the defaults that is just long enough; a log line ends the warm-up."""
    faces, steps = len(store.indices("train")), config.warm_up + config.steps
    return TrainConfig(
        store.folder,
        out,
        model=DEFAULTS.model,
        subset=SubsetConfig(share=min(steps * batch / faces, 1.0)),
        epochs=math.ceil(steps / steps_in_epoch(faces, batch)),
        batch_size=batch,
        checkpoint_every=config.warm_up,
    )


def agegen_loop(
    faces: Path, config: BenchmarkConfig, batch: int = DEFAULTS.batch_size, **changed: Any
) -> Speed:
    """Train with the package, its defaults but what is `changed`; metrics.jsonl has the speed."""
    with tempfile.TemporaryDirectory() as folder:
        training = short_training(FaceStore.open(faces), Path(folder, "run"), config, batch)
        train(replace(training, **changed))
        return logged_speed(Run(training.out), config.warm_up, "images_per_second")


def notebook_loop(faces: Path, config: BenchmarkConfig) -> Speed:
    """The loop of many a course notebook, on the same network and batch."""
    store = FaceStore.open(faces)
    training = fitted_to(DEFAULTS, store)
    torch.set_num_threads(cores_per_process())
    device = default_device()
    model = build_model(training.model).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=training.learning_rate)
    waited, seen, started = 0.0, 0, 0.0
    with image_folder_loader(store, training) as loader:
        batches = chain.from_iterable(repeat(loader))
        for step in range(config.warm_up + config.steps):
            if step == config.warm_up:
                synchronise(device)
                started, waited, seen = time.perf_counter(), 0.0, 0
            before = time.perf_counter()
            images, labels = next(batches)
            waited += time.perf_counter() - before
            loss = F.cross_entropy(model(images.to(device)), labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen += len(labels)
        synchronise(device)
        seconds = time.perf_counter() - started
    return Speed(seen / seconds, peak_memory(device), waited / seconds)


@contextmanager
def image_folder_loader(store: FaceStore, training: TrainConfig) -> Iterator[DataLoader]:
    """ImageFolder over links to the source photos, PIL transforms, a DataLoader with 2 workers."""
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import v2

    transforms = v2.Compose(
        [
            v2.Resize(store.size),
            v2.RandomCrop(training.augment.crop),
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
        # workers that stay: starting them anew would weigh on the short epochs of a small store
        yield DataLoader(
            data, training.batch_size, shuffle=True, num_workers=2, persistent_workers=True
        )
