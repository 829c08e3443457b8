"""Train the classifier: one visible loop, the same on a CPU, one GPU or many processes."""

import math
import time
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from agegen import metrics
from agegen.classifier.ages import age_loss, estimate_ages, fit_margin
from agegen.classifier.config import TrainConfig
from agegen.classifier.predict import mean_outputs
from agegen.classifier.step_log import LOG_EVERY, StepLog
from agegen.classifier.training import (
    Start,
    Training,
    describe,
    fitted_to,
    require_fit,
    set_up,
    with_start,
)
from agegen.classifier.training_faces import count_faces, open_training_faces
from agegen.faces.batches import Batch, epoch_batches, fetch_batches, seed_step, steps_in_epoch
from agegen.faces.records import OTHER
from agegen.faces.store import UNKNOWN_AGE
from agegen.faces.views import draw_view_parameters, random_views
from agegen.run.allocator import keep_freed_memory
from agegen.run.devices import (
    load_scaler,
    make_accelerator,
    precision_of,
    scaler_state,
    use_threads,
)
from agegen.run.distributed import gather_shares, open_together, require_shared, share_of
from agegen.run.files import explained_damage, write_json
from agegen.run.folder import Checkpoint
from agegen.run.progress import Progress
from agegen.run.schedule import Council, Schedule
from agegen.run.tensor_files import load_optimizer_tensors, optimizer_tensors, save_tensors
from agegen.run.terminal import Terminated, sigterm_noted
from agegen.run.trackers import Trackers


class Best(NamedTuple):
    """The best epoch so far: its validation figures, and the temperature fitted on them.

    `age_error` is the mean absolute error in years, on all validation faces of known age, and
    `age_margin` what widens intervals (`agegen.classifier.ages`); None where ages are not learnt.
    `side` is that of the views in pixels, the training's own of that epoch: a network that was
    trained on shrunk views so far does not know faces of the full size yet.
    """

    epoch: int
    step: int
    side: int
    auc: float
    balanced_accuracy: float
    nll: float
    temperature: float
    age_error: float | None = None
    age_margin: float | None = None


def train(config: TrainConfig) -> Best | None:
    """Train a classifier; returns the best epoch, or None after a dry run.

    The run folder receives config.json, environment.json, metrics.jsonl, checkpoints/,
    best.safetensors and best.json (the EMA weights of the best epoch, and its figures).

    Raises:
        UserError: the store or the run folder is not fit, or the loss is no longer finite.
    """
    keep_freed_memory()
    accelerator = make_accelerator(config.precision)
    use_threads(accelerator.state, config.threads)
    config, start = with_start(config)
    store = open_training_faces(config)
    config = fitted_to(config, store)
    require_fit(store, config, accelerator.num_processes)
    if config.dry_run:
        accelerator.print(describe(config, store))
        return None
    training = set_up(config, accelerator, store, start.weights)
    # No `tuned_convolutions`: batches differ by a face, views by the epoch, validation's last
    # batches from all others, and the search for each shape takes longer than a step.
    try:
        best = loop(training, config, begin(training, config, start))
    finally:
        training.run.release()
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
    steps_per_epoch = steps_in_epoch(len(train_faces), config.batch_size)
    total_steps = config.epochs * steps_per_epoch
    step = checkpoint.step if checkpoint else 0
    saved = checkpoint.state if checkpoint else {}
    best = Best(**saved["best"]) if saved.get("best") else None
    first_epoch, stop = step // steps_per_epoch, False
    trained = accelerator.unwrap_model(model)
    saves = Schedule(config.checkpoint_every, config.checkpoint_minutes, total_steps)
    council, log = Council(accelerator, LOG_EVERY), StepLog(training)
    with (
        Progress(total_steps, "training", "steps", step, accelerator.is_main_process) as progress,
        sigterm_noted() as stops,
    ):
        for epoch in range(first_epoch, config.epochs):
            if config.patience and best and epoch - best.epoch > config.patience:
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
                side = view_side(config, step / total_steps)
                views = random_views(
                    batch.images, parameters.rows(batch.share), config.augment, side
                )
                loss = share_of_loss(model(views), batch, class_weights, config)

                # backward: gradients are averaged over processes, so the shares are scaled up
                optimizer.zero_grad()
                accelerator.backward(loss * processes)
                if config.clip_norm:
                    accelerator.clip_grad_norm_(model.parameters(), config.clip_norm)
                optimizer.step()
                averaged.update_parameters(trained)

                step += 1
                log.add(step, epoch, loss.detach(), rate, len(faces), batch)
                progress.update(1, log.note)
                epoch_ends = step == (epoch + 1) * steps_per_epoch
                stop, save_due = council.ask(step, stops, saves)
                if (save_due or stop) and not epoch_ends:
                    log.flush()
                    save(training, step, best)
                    saves.restart()
                    log.restart_clock()
                if stop and not epoch_ends:
                    raise Terminated
            log.flush()
            best = validate(training, config, epoch, step, total_steps, best)
            save(training, step, best)
            saves.restart()
            log.restart_clock()
            if stop and epoch + 1 < config.epochs:
                raise Terminated
    assert best is not None
    return best


def share_of_loss(
    outputs: Tensor, batch: Batch, class_weights: Tensor, config: TrainConfig
) -> Tensor:
    """This process's part of the global batch's loss; the parts of all processes add up to it.

    The weighted mean cross-entropy of the faces in a class, with the label smoothing of Szegedy et
    al. (2016, section 7), and the mean loss of the ages where the network says them: outputs are
    (rows of this process, 2 or 103).
    """
    logits, columns = outputs[:, :OTHER], outputs[:, OTHER:]
    labels, ages = batch.labels[batch.share], batch.ages[batch.share]
    each = F.cross_entropy(
        logits, labels, reduction="none", label_smoothing=config.label_smoothing, ignore_index=OTHER
    )
    weights = class_weights[batch.labels]
    loss = (each * weights[batch.share]).sum() / weights.sum().clamp(min=1e-6)
    if config.model.ages:
        known = (batch.ages != UNKNOWN_AGE).sum().clamp(min=1)
        loss = loss + config.age_weight * age_loss(columns, ages).sum() / known
    return loss


def learning_rate(config: TrainConfig, step: int, total: int) -> float:
    """Linear warm-up, then half a cosine to 0 (Loshchilov and Hutter, 2017)."""
    warm = max(round(config.warmup * total), 1)
    if step < warm:
        return config.learning_rate * (step + 1) / warm
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / (total - warm)))


def view_side(config: TrainConfig, progress: float) -> int:
    """Side of the views in pixels after a share of the training: smaller in the first epochs."""
    crop = config.augment.crop
    early = min(max(round(config.early_side * crop), 32), crop)
    return early if progress < config.early_epochs else crop


def begin(training: Training, config: TrainConfig, start: Start) -> Checkpoint | None:
    """Open the run folder and restore its last checkpoint, if it has one.

    Weights that it starts from are kept in a first one: a resume needs the other run no more.
    """
    accelerator, store, run = training.accelerator, training.store, training.run
    data = {"checksum": store.checksum, "size": store.size, "counts": count_faces(store)}
    facts = {"data": data, **start.facts}
    precision = precision_of(accelerator)
    environment = {"processes": accelerator.num_processes, "precision": precision}
    checkpoint = open_together(run, lambda: run.start(config, facts, config.resume, **environment))
    if config.log_with and run.main:
        run.trackers = Trackers(config, run.folder, checkpoint.step if checkpoint else 0)
    if checkpoint:
        with explained_damage(run.folder / "checkpoints"):
            accelerator.unwrap_model(training.model).load_state_dict(checkpoint.tensors["model"])
            training.averaged.load_state_dict(checkpoint.tensors["averaged"])
            load_optimizer_tensors(training.optimizer, checkpoint.tensors["optimizer"])
            load_scaler(accelerator, checkpoint.state.get("scaler"))
        accelerator.print(f"going on with {config.out} after step {checkpoint.step:,}")
    else:  # from now on a run without a checkpoint is one that has lost them
        save(training, 0, None)
        require_shared(run)
        if start.weights:
            accelerator.print(start.note)
    accelerator.print(
        f"{accelerator.num_processes} process(es) on {accelerator.device.type}, {precision}, "
        f"{torch.get_num_threads()} threads each; {len(store.indices('train')):,} training faces"
    )
    return checkpoint


def save(training: Training, step: int, best: Best | None) -> None:
    """Write a checkpoint: weights, EMA, optimiser, loss scale; the rest follows from the step."""
    training.run.save_checkpoint(
        step,
        {
            "model": training.accelerator.unwrap_model(training.model).state_dict(),
            "averaged": training.averaged.state_dict(),
            "optimizer": optimizer_tensors(training.optimizer),
        },
        {"best": best._asdict() if best else None, "scaler": scaler_state(training.accelerator)},
    )
    training.accelerator.wait_for_everyone()  # launchers end the first one when another has ended


def validate(
    training: Training,
    config: TrainConfig,
    epoch: int,
    step: int,
    total_steps: int,
    best: Best | None,
) -> Best:
    """Evaluate the EMA weights on the validation faces; keep them if they are the best so far.

    What selects is of the faces in a class.
    """
    accelerator, store, run = training.accelerator, training.store, training.run
    faces = store.indices("val")
    side = view_side(config, (step - 1) / total_steps)
    share = share_of(len(faces), accelerator.process_index, accelerator.num_processes)
    with accelerator.autocast():
        rows = mean_outputs(
            training.averaged.module, store.images, faces[share], config.augment.crop,
            config.views, accelerator.device, side=side,
        )  # fmt: skip
    outputs = gather_shares(rows.to(accelerator.device), len(faces)).cpu().numpy()
    labels, logit, likely = store.labels[faces], outputs[:, 0], outputs[:, 1:]
    in_class, known = labels != OTHER, store.ages[faces] != UNKNOWN_AGE
    labels, logit = labels[in_class], logit[in_class]
    p = metrics.sigmoid(logit)
    now = Best(
        epoch=epoch,
        step=step,
        side=side,
        auc=float(metrics.roc_auc(labels, p)),
        balanced_accuracy=float(metrics.balanced_accuracy(labels, p)),
        nll=float(metrics.negative_log_likelihood(labels, p)),  # before calibration
        temperature=metrics.fit_temperature(labels, logit),
        **(validate_ages(likely[known], store.ages[faces[known]]) if likely.size else {}),
    )
    known = {name: value for name, value in now._asdict().items() if value is not None}
    run.log([{"kind": "validation", **known, "seconds": time.perf_counter() - run.started}])
    if best is not None and not is_better(now, best, config.select_by):
        return best
    if accelerator.is_main_process:
        save_tensors(run.folder / "best.safetensors", training.averaged.module.state_dict())
        write_json(run.folder / "best.json", now._asdict())
    return now


def validate_ages(likely: np.ndarray, ages: np.ndarray) -> dict[str, float]:
    """The figures of `Best` that are of ages."""
    if not len(ages):
        return {}
    errors = np.abs(estimate_ages(likely, 0.0).years - ages)
    return {"age_error": float(errors.mean()), "age_margin": fit_margin(likely, ages)}


def is_better(now: Best, best: Best, select_by: str) -> bool:
    """Compare two epochs by the figure that selects; the earlier one keeps its place if equal.

    Larger views beat smaller ones: predictions are made at the full size.
    """
    if now.side != best.side:
        return now.side > best.side
    a, b = getattr(now, select_by), getattr(best, select_by)
    return a < b if select_by in ("nll", "age_error") else a > b
