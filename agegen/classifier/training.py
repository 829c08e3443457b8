"""Everything a training needs before its first step, and the weights that it may start from."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from agegen.classifier.config import TrainConfig, standardised
from agegen.classifier.model import build_model, outputs_of
from agegen.classifier.predict import load_classifier
from agegen.faces.batches import steps_in_epoch
from agegen.faces.records import OTHER
from agegen.faces.store import UNKNOWN_AGE, FaceStore
from agegen.run.averaging import Average
from agegen.run.configs import from_plain, to_plain
from agegen.run.devices import leave_buffers
from agegen.run.distributed import use_global_batch_norm
from agegen.run.errors import UserError
from agegen.run.files import read_json
from agegen.run.folder import Run
from agegen.run.start import adopted, checksums, find_origin
from agegen.run.tensor_files import Tensors
from agegen.run.trackers import require_trackers


class Training(NamedTuple):
    """All that takes part in a training; `averaged` holds the EMA weights.

    `class_weights`, float32 (3,), are of the labels: young, old, and 0 for other ages.
    """

    accelerator: Accelerator
    store: FaceStore
    run: Run
    model: nn.Module
    averaged: Average
    optimizer: torch.optim.Optimizer
    class_weights: Tensor


class Start(NamedTuple):
    """What a training begins with; nothing of it where it begins by chance, or is under way."""

    weights: Tensors | None  # of the network
    facts: dict  # for config.json
    note: str  # to be said


NOTHING = Start(None, {}, "")


def with_start(config: TrainConfig) -> tuple[TrainConfig, Start]:
    """Find what a training starts from, and take the network's settings over.

    Raises:
        UserError: the start is no run of a classifier or is damaged, `out` lies in it, or another
            network was asked for.
    """
    origin = find_origin(config.start_from, config.out, config.resume, "classifier")
    if origin is None:
        return config, NOTHING
    if origin.under_way:
        file, start = origin.run / "config.json", NOTHING
        found = from_plain(TrainConfig, read_json(file)["config"], file)
    else:
        classifier = load_classifier(origin.run, "cpu")
        found, crop = classifier.config, classifier.crop
        note = f"starts from the best weights of {origin.named}, for views of {crop} pixels"
        facts = checksums(origin.run / "best.safetensors")
        start = Start(classifier.model.state_dict(), facts, note)
    # whether ages are learnt the weights decide, unless they shall not be
    asked, default = config.model, standardised()
    if asked.ages:
        asked, default = (replace(m, ages=found.model.ages) for m in (asked, default))
    model = adopted(asked, default, found.model, "model", origin)
    return replace(config, start_from=origin.named, model=model), start


def fitted_to(config: TrainConfig, store: FaceStore) -> TrainConfig:
    """Fill in what depends on the store: a crop of 96 % of its faces, ages, its full path."""
    augment, model = config.augment, config.model
    crop = augment.crop or max(round(0.96 * store.size), 32)
    ages = model.ages and (bool(config.start_from) or (store.labels == OTHER).any())
    return replace(
        config,
        faces=store.folder.resolve(),
        augment=replace(augment, crop=crop),
        model=replace(model, ages=bool(ages)),
    )


def require_fit(store: FaceStore, config: TrainConfig, processes: int) -> None:
    """Refuse a crop that the faces or the network do not allow, too small a batch, and trackers."""
    require_trackers(config.log_with)
    crop = config.augment.crop
    known = store.ages != UNKNOWN_AGE
    if config.select_by == "age_error" and not (
        config.model.ages and known[store.indices("val")].any()
    ):
        raise UserError(f"--select-by age_error: no ages are learnt from {store.folder}")
    if crop > store.size:
        raise UserError(
            f"--augment.crop {crop} is larger than the faces of {store.folder} "
            f"({store.size} pixels)"
        )
    try:
        columns = build_model(config.model).eval()(torch.zeros(1, 3, crop, crop)).shape[1:]
    except RuntimeError as error:
        raise UserError(f"--model does not accept views of {crop} pixels ({error})") from None
    if columns != (outputs_of(config.model),):
        raise UserError(
            f"--model gives {tuple(columns)} numbers a face and not {outputs_of(config.model)}"
        )
    faces = len(store.indices("train"))
    smallest = faces // steps_in_epoch(faces, config.batch_size)
    if smallest < 2 * processes:
        raise UserError(
            f"--batch-size {config.batch_size} leaves fewer than two faces for each of "
            f"{processes} process(es); batch norm needs two"
        )


def set_up(
    config: TrainConfig, accelerator: Accelerator, store: FaceStore, start: Tensors | None = None
) -> Training:
    """Build network, optimiser and averaged weights on the device, from the seed or `start`."""
    torch.manual_seed(config.seed)
    model = build_model(config.model).to(accelerator.device)
    if start:
        model.load_state_dict(start)
    if config.channels_last:
        model = model.to(memory_format=torch.channels_last)
    if accelerator.num_processes > 1:
        use_global_batch_norm(model)
    averaged = Average(model, config.ema_decay, use_buffers=True)
    optimizer = make_optimizer(model, config)
    if config.compile:
        model.compile(dynamic=False)  # its few sizes are worth a graph each
    model, optimizer = accelerator.prepare(model, optimizer)
    leave_buffers(model)
    run = Run(config.out, main=accelerator.is_main_process)
    counts = np.bincount(store.labels[store.indices("train")], minlength=3)[:OTHER]
    balanced = counts.sum() / (2 * counts) if config.class_balance else np.ones(OTHER)
    weights = torch.tensor([*balanced, 0.0], dtype=torch.float32, device=accelerator.device)
    return Training(accelerator, store, run, model, averaged, optimizer, weights)


def make_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter, 2019) or Nesterov's momentum (Sutskever et al., 2013)."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]  # norms and biases do not decay
    groups: list[dict] = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    rate = config.learning_rate
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=0.9, nesterov=True, fused=True)
    return torch.optim.AdamW(groups, lr=rate, fused=True)


def describe(config: TrainConfig, store: FaceStore) -> str:
    """Say what a run would do: the config, the network with its parameters, the data."""
    model = build_model(config.model)
    lines = [f"{name}: {value}" for name, value in to_plain(config).items()]
    parameters = sum(p.numel() for p in model.parameters())
    counts = {split: len(store.indices(split)) for split in ("train", "val", "test")}
    return "\n".join([*lines, str(model), f"{parameters:,} parameters", f"faces: {counts}"])
