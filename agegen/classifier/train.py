"""Train the classifier: one visible loop, the same on a CPU, one GPU or many processes."""

import math
import os
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from agegen import metrics
from agegen.allocator import keep_freed_memory
from agegen.classifier.config import TrainConfig
from agegen.classifier.model import build_model
from agegen.classifier.predict import log_odds
from agegen.distributed import gather_shares, use_global_batch_norm
from agegen.errors import UserError
from agegen.faces.batches import Batch, epoch_batches, fetch_batches, seed_step, share_of
from agegen.faces.store import FaceStore
from agegen.faces.views import draw_view_parameters, random_views
from agegen.files import write_json
from agegen.progress import Progress
from agegen.runs import (
    Checkpoint,
    Run,
    load_optimizer_tensors,
    optimizer_tensors,
    save_tensors,
    to_plain,
)

LOG_EVERY = 20


class Best(NamedTuple):
    """The best epoch so far: its validation figures, and the temperature fitted on them."""

    epoch: int
    step: int
    auc: float
    balanced_accuracy: float
    nll: float
    temperature: float


class Training(NamedTuple):
    """All that takes part in a training; `averaged` holds the EMA weights."""

    accelerator: Accelerator
    store: FaceStore
    run: Run
    model: nn.Module
    averaged: AveragedModel
    optimizer: torch.optim.Optimizer
    class_weights: Tensor


def train(config: TrainConfig) -> Best | None:
    """Train a classifier; returns the best epoch, or None after a dry run.

    The run folder receives config.json, environment.json, metrics.jsonl, checkpoints/,
    best.safetensors and best.json (the EMA weights of the best epoch, and its figures).

    Raises:
        UserError: the store or the run folder is not fit, or the loss is no longer finite.
    """
    keep_freed_memory()
    accelerator = make_accelerator(config)
    torch.set_num_threads(config.threads or cores_per_process())
    store = FaceStore.open(config.faces)
    require_fit(store, config, accelerator.num_processes)
    if config.dry_run:
        accelerator.print(describe(config, store))
        return None
    training = set_up(config, accelerator, store)
    checkpoint = begin(training, config)
    accelerator.print(
        f"{accelerator.num_processes} process(es) on {accelerator.device.type}, "
        f"{'bf16' if accelerator.mixed_precision == 'bf16' else 'float32'}, "
        f"{torch.get_num_threads()} threads each; {len(store.indices('train')):,} training faces"
    )
    best = loop(training, config, checkpoint)
    accelerator.print(
        f"best epoch {best.epoch + 1} (step {best.step:,}): validation AUC {best.auc:.4f}, "
        f"balanced accuracy {best.balanced_accuracy:.4f}; weights in {config.out}"
    )
    accelerator.end_training()
    return best


def loop(training: Training, config: TrainConfig, checkpoint: Checkpoint | None) -> Best:
    """The training loop, from the checkpoint on."""
    accelerator, store, _, model, averaged, optimizer, class_weights = training
    rank, processes = accelerator.process_index, accelerator.num_processes
    train_faces = store.indices("train")
    steps_per_epoch = -(-len(train_faces) // config.batch_size)
    total_steps = config.epochs * steps_per_epoch
    step = checkpoint.step if checkpoint else 0
    saved = checkpoint.state if checkpoint else {}
    best = Best(**saved["best"]) if saved.get("best") else None
    first_epoch = step // steps_per_epoch
    log = StepLog(training)
    with Progress(total_steps, "training", "steps", step, accelerator.is_main_process) as progress:
        for epoch in range(first_epoch, config.epochs):
            if should_stop(config, best, epoch):
                break
            batches = epoch_batches(train_faces, config.batch_size, config.seed, epoch)
            todo = batches[step - epoch * steps_per_epoch :]
            model.train()
            for batch, faces in zip(
                fetch_batches(store, todo, accelerator.device, rank, processes), todo, strict=True
            ):
                seed_step(config.seed, step, rank)
                rate = learning_rate(config, step, total_steps)
                for group in optimizer.param_groups:
                    group["lr"] = rate

                # forward: this process's share of the global batch
                parameters = draw_view_parameters(len(faces), config.seed, step)
                views = random_views(batch.images, parameters.rows(batch.share), config.augment)
                labels = torch.from_numpy(store.labels[faces]).to(accelerator.device)
                loss = share_of_loss(
                    model(views), labels, batch.share, class_weights, config.label_smoothing
                )

                # backward: gradients are averaged over processes, so the shares are scaled up
                optimizer.zero_grad()
                accelerator.backward(loss * processes)
                if config.clip_norm:
                    accelerator.clip_grad_norm_(model.parameters(), config.clip_norm)
                optimizer.step()
                averaged.update_parameters(accelerator.unwrap_model(model))

                step += 1
                log.add(step, epoch, loss.detach(), rate, len(faces), batch)
                progress.update(1, log.note)
                epoch_ends = step == (epoch + 1) * steps_per_epoch
                if step % config.checkpoint_every == 0 and not epoch_ends:
                    log.flush()
                    save(training, step, best)
            log.flush()
            best = validate(training, config, epoch, step, best)
            save(training, step, best)
            log.restart_clock()
    assert best is not None
    return best


def share_of_loss(
    logits: Tensor, labels: Tensor, share: slice, class_weights: Tensor, smoothing: float
) -> Tensor:
    """This process's part of the global batch's weighted mean cross-entropy; parts add up to it.

    Args:
        logits: (rows of this process, 2).
        labels: int64 (global batch,).
        share: which rows of the batch this process has.
        class_weights: (2,).
        smoothing: label smoothing (Szegedy et al., 2016, section 7).
    """
    each = F.cross_entropy(logits, labels[share], reduction="none", label_smoothing=smoothing)
    weights = class_weights[labels]
    return (each * weights[share]).sum() / weights.sum()


def learning_rate(config: TrainConfig, step: int, total: int) -> float:
    """Linear warm-up, then half a cosine to 0 (Loshchilov and Hutter, 2017)."""
    warm = max(round(config.warmup * total), 1)
    if step < warm:
        return config.learning_rate * (step + 1) / warm
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / (total - warm)))


def make_accelerator(config: TrainConfig) -> Accelerator:
    """Choose the precision and start Accelerate.

    Its process-wide state is forgotten first: one Python process may train several times, in
    different precisions.
    """
    AcceleratorState._reset_state()
    precision = config.precision
    if precision == "auto":
        precision = "bf16" if has_fast_bf16() else "float32"
    return Accelerator(mixed_precision="bf16" if precision == "bf16" else "no")


def cores_per_process() -> int:
    """Share this machine's cores among its processes; `accelerate launch` would leave it at one."""
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    allowed = getattr(os, "sched_getaffinity", None)  # Linux only
    cores = len(allowed(0)) if allowed else os.cpu_count() or 1
    return max(cores // local, 1)


def has_fast_bf16() -> bool:
    """True if the device computes convolutions in bf16 natively (it is slow if emulated)."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.ops.mkldnn._is_mkldnn_bf16_supported() and torch.cpu._is_avx512_bf16_supported()


def require_fit(store: FaceStore, config: TrainConfig, processes: int) -> None:
    """Refuse a crop larger than the faces, and a batch smaller than the processes."""
    if config.augment.crop > store.size:
        raise UserError(
            f"--augment.crop {config.augment.crop} is larger than the faces of {store.folder} "
            f"({store.size} pixels)"
        )
    smallest = len(store.indices("train")) // -(-len(store.indices("train")) // config.batch_size)
    if smallest < 2 * processes:
        raise UserError(
            f"--batch-size {config.batch_size} leaves fewer than two faces for each of "
            f"{processes} process(es); batch norm needs two"
        )


def set_up(config: TrainConfig, accelerator: Accelerator, store: FaceStore) -> Training:
    """Build network, optimiser and averaged weights from the seed, on the device."""
    torch.manual_seed(config.seed)
    model = build_model(config.model).to(accelerator.device)
    if config.channels_last:
        model = model.to(memory_format=torch.channels_last)
    if accelerator.num_processes > 1:
        use_global_batch_norm(model)
    averaged = AveragedModel(model, multi_avg_fn=warmed_average(config.ema_decay), use_buffers=True)
    optimizer = torch.optim.AdamW(
        parameter_groups(model, config.weight_decay), lr=config.learning_rate, fused=True
    )
    if config.compile:
        model.compile()
    model, optimizer = accelerator.prepare(model, optimizer)
    run = Run(config.out, main=accelerator.is_main_process)
    counts = np.bincount(store.labels[store.indices("train")], minlength=2)
    balanced = counts.sum() / (2 * counts) if config.class_balance else np.ones(2)
    weights = torch.tensor(balanced, dtype=torch.float32, device=accelerator.device)
    return Training(accelerator, store, run, model, averaged, optimizer, weights)


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Exempt norms and biases from weight decay."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]


def warmed_average(decay: float) -> Callable[[list[Tensor], list[Tensor], Tensor], None]:
    """EMA whose decay rises from 0.1 to `decay`, so that the first weights are soon forgotten."""

    @torch.no_grad()
    def update(averaged: list[Tensor], current: list[Tensor], count: Tensor) -> None:
        k = int(count)
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(averaged, current, 1 - min(decay, (1 + k) / (10 + k)))
        else:
            torch._foreach_copy_(averaged, current)

    return update


def begin(training: Training, config: TrainConfig) -> Checkpoint | None:
    """Open the run folder and restore its last checkpoint, if it has one."""
    accelerator, store, run = training.accelerator, training.store, training.run
    facts = {"data": {"checksum": store.checksum, "counts": store.info["counts"]}}
    with accelerator.main_process_first():
        checkpoint = run.start(config, facts, config.resume or not accelerator.is_main_process)
    if checkpoint:
        accelerator.unwrap_model(training.model).load_state_dict(checkpoint.tensors["model"])
        training.averaged.load_state_dict(checkpoint.tensors["averaged"])
        load_optimizer_tensors(training.optimizer, checkpoint.tensors["optimizer"])
        accelerator.print(f"going on with {config.out} after step {checkpoint.step:,}")
    return checkpoint


def save(training: Training, step: int, best: Best | None) -> None:
    """Write a checkpoint: weights, EMA and optimiser. Order and views follow from the step."""
    training.run.save_checkpoint(
        step,
        {
            "model": training.accelerator.unwrap_model(training.model).state_dict(),
            "averaged": training.averaged.state_dict(),
            "optimizer": optimizer_tensors(training.optimizer),
        },
        {"best": best._asdict() if best else None},
    )


def validate(
    training: Training, config: TrainConfig, epoch: int, step: int, best: Best | None
) -> Best:
    """Evaluate the EMA weights on the validation faces; keep them if they are the best so far."""
    accelerator, store, run = training.accelerator, training.store, training.run
    faces = store.indices("val")
    share = share_of(len(faces), accelerator.process_index, accelerator.num_processes)
    with accelerator.autocast():
        scores = log_odds(
            training.averaged.module,
            store.images,
            faces[share],
            config.augment.crop,
            config.views,
            accelerator.device,
        )
    logit = gather_shares(accelerator, scores.to(accelerator.device), len(faces)).cpu().numpy()
    now = judge_epoch(store.labels[faces], logit, epoch, step)
    run.log([{"kind": "validation", **now._asdict()}])
    if best is not None and not is_better(now, best, config.select_by):
        return best
    if accelerator.is_main_process:
        save_tensors(run.folder / "best.safetensors", training.averaged.module.state_dict())
        write_json(run.folder / "best.json", now._asdict())
    return now


def judge_epoch(labels: np.ndarray, logit: np.ndarray, epoch: int, step: int) -> Best:
    """Compute the validation figures of one epoch; the NLL is that of uncalibrated p."""
    p = metrics.sigmoid(logit)
    return Best(
        epoch=epoch,
        step=step,
        auc=float(metrics.roc_auc(labels, p)),
        balanced_accuracy=float(metrics.balanced_accuracy(labels, p)),
        nll=float(metrics.negative_log_likelihood(labels, p)),
        temperature=metrics.fit_temperature(labels, logit),
    )


def is_better(now: Best, best: Best, select_by: str) -> bool:
    """Compare two epochs by the figure that selects; the earlier one keeps its place if equal."""
    a, b = getattr(now, select_by), getattr(best, select_by)
    return a < b if select_by == "nll" else a > b


def should_stop(config: TrainConfig, best: Best | None, epoch: int) -> bool:
    """True if early stopping is on and the last `patience` epochs brought nothing better."""
    return bool(config.patience and best and epoch - best.epoch > config.patience)


class StepLog:
    """Collects every step's figures and writes them together, so that no step waits for a copy."""

    def __init__(self, training: Training) -> None:
        self.accelerator, self.run = training.accelerator, training.run
        self.losses: list[Tensor] = []
        self.records: list[dict] = []
        self.waited, self.faces, self.note = 0.0, 0, ""
        self.started = time.perf_counter()

    def add(
        self, step: int, epoch: int, loss: Tensor, rate: float, faces: int, batch: Batch
    ) -> None:
        """Take one step's figures; every `LOG_EVERY` steps they are written."""
        self.losses.append(loss)
        self.records.append({"kind": "step", "step": step, "epoch": epoch, "learning_rate": rate})
        self.faces += faces
        self.waited += batch.waited
        if len(self.records) >= LOG_EVERY:
            self.flush()

    def flush(self) -> None:
        """Add up the processes' losses, and write; speed is the mean over these steps."""
        if not self.records:
            return
        losses = self.accelerator.reduce(torch.stack(self.losses), "sum").tolist()
        seconds = time.perf_counter() - self.started
        speed, waiting = self.faces / seconds, self.waited / seconds
        for record, loss in zip(self.records, losses, strict=True):
            record |= {"loss": loss, "images_per_second": speed, "waiting": waiting}
        self.run.log(self.records)
        self.note = f"loss {np.mean(losses):.3f}, {speed:,.0f} faces/s"
        self.losses, self.records, self.faces, self.waited = [], [], 0, 0.0
        self.restart_clock()
        if not np.isfinite(losses).all():
            raise UserError(
                f"the loss is no longer finite in {self.run.folder}: "
                "try a lower --learning-rate or --precision float32"
            )

    def restart_clock(self) -> None:
        """Leave what happened since the last flush (validation, saving) out of the speed."""
        self.started = time.perf_counter()


def describe(config: TrainConfig, store: FaceStore) -> str:
    """Say what a run would do: the config, the network with its parameters, the data."""
    model = build_model(config.model)
    lines = [f"{name}: {value}" for name, value in to_plain(config).items()]
    parameters = sum(p.numel() for p in model.parameters())
    counts = {split: len(store.indices(split)) for split in ("train", "val", "test")}
    return "\n".join([*lines, str(model), f"{parameters:,} parameters", f"faces: {counts}"])
