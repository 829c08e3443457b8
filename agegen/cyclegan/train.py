"""Train CycleGAN: one visible loop, the same on a CPU, one GPU or many processes."""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from agegen.cyclegan.batches import PairDrawer, Pairs, fetch_pairs, rows_of
from agegen.cyclegan.checkpoints import begin, roll_back, save
from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.discriminator_views import change_tone, diff_augment, move_all
from agegen.cyclegan.objective import (
    DiscriminatorStep,
    GeneratorStep,
    Logits,
    Losses,
    SharedDiscriminators,
    Sides,
    identity_weight_of,
)
from agegen.cyclegan.pairing import FILE as PAIRING
from agegen.cyclegan.pairing import read_pairing
from agegen.cyclegan.replay_pool import ReplayPool
from agegen.cyclegan.start import with_start
from agegen.cyclegan.step_log import LOG_EVERY, NotFiniteError, StepLog, require_finite
from agegen.cyclegan.training import Training, describe, fitted_to, require_possible, set_up
from agegen.cyclegan.translate import BEST
from agegen.cyclegan.watch import Watch
from agegen.faces.batches import seed_step
from agegen.faces.store import FaceStore
from agegen.faces.views import draw_view_parameters, random_views
from agegen.run.allocator import keep_freed_memory
from agegen.run.devices import make_accelerator, to_device, tuned_convolutions, use_threads
from agegen.run.distributed import average_buffers, gather_shares
from agegen.run.folder import Checkpoint
from agegen.run.progress import Progress
from agegen.run.schedule import Council, Schedule
from agegen.run.terminal import Terminated, sigterm_noted

STEP_STREAM = 1 << 41
"""Added to the seed, as faces' views and the pools are drawn from it too."""


def train(config: CycleGANConfig) -> None:
    """Train both generators.

    The run folder receives config.json, environment.json, metrics.jsonl, checkpoints/, pictures of
    held-out faces (watch/) and generators.safetensors (the EMA weights).

    Raises:
        UserError: the store or the run folder is not fit, or the losses are no longer finite even
            at a lower rate.
    """
    keep_freed_memory()
    accelerator = make_accelerator(config.precision)
    use_threads(accelerator.state, config.threads)
    store = FaceStore.open(config.faces)
    config, start = with_start(config)
    config = fitted_to(config, store)
    require_possible(store, config, accelerator.num_processes)
    if config.dry_run:
        accelerator.print(describe(config, store))
        return
    training = set_up(config, accelerator, store, start.generators, start.discriminators)
    try:
        checkpoint = begin(training, config, start)
        watch = Watch(training, config)
        with tuned_convolutions():  # a step has two sizes of batch
            while not loop(training, config, checkpoint, watch):
                checkpoint = roll_back(training, config, checkpoint)
    finally:
        training.run.release()
    accelerator.print(f"trained; generators in {config.out}/generators.safetensors")
    if config.judge and not (config.out / f"{BEST}.safetensors").exists():
        accelerator.print(
            "note: no look was chosen as the best, so that the last generators will be used; the "
            "report says which looks can be chosen"
        )
    accelerator.end_training()


def loop(training: Training, config: CycleGANConfig, checkpoint: Checkpoint, watch: Watch) -> bool:
    """The training loop, from the checkpoint on; False if a loss stopped being finite."""
    accelerator, store = training.accelerator, training.store
    processes = (accelerator.process_index, accelerator.num_processes)
    rows = rows_of(config.batch_size, config.shown, *processes)
    places = to_device(torch.from_numpy(rows), accelerator.device)
    trained = accelerator.unwrap_model(training.generators)
    mine = config.batch_size // accelerator.num_processes  # of the pairs that are translated
    rate_factor = checkpoint.state["rate_factor"]
    steps = range(checkpoint.step, config.total_steps)
    looks, saves = schedules(config)
    council, log = Council(accelerator, LOG_EVERY), StepLog(training, config.batch_size)
    file = training.run.folder / PAIRING
    groups = read_pairing(file, store, config.sharpest, config.balance)
    drawer = PairDrawer(groups, config.shown, config.seed)
    pairs_of = fetch_pairs(store, drawer, steps, rows, accelerator.device)
    with (
        Progress(
            config.total_steps, "training", "steps", checkpoint.step, accelerator.is_main_process
        ) as progress,
        sigterm_noted() as stops,
    ):
        for step, pairs in zip(steps, pairs_of, strict=True):
            seed_step(config.seed, step, accelerator.process_index)
            rate = rate_factor * learning_rate(config, step)
            generators = step * config.batch_size >= config.head_start
            set_rate(training, rate, generators, config.discriminator_rate)
            young, old = make_views(pairs, config, step, rows)
            aim(training, config, step)

            # generators: translate, come back, and leave alone what needs no change
            fake_old, fake_young, made = generator_phase(
                training, config, young[:mine], old[:mine], step, rows
            )

            # discriminators: real faces against generated ones, some of them from earlier steps
            shown_old = exchange(training, training.pool_old, fake_old, config, step, places)
            shown_young = exchange(training, training.pool_young, fake_young, config, step, places)
            judged = discriminator_phase(
                training, config, (old, shown_old, young, shown_young), step, rows
            )
            training.averaged.update_parameters(trained)

            stop, look_due, save_due = council.ask(step + 1, stops, looks, saves)
            try:
                log.add(step + 1, rate, made, judged)
                if look_due or save_due or stop:
                    log.flush()
                    require_finite(training.generators, training.discriminators, step + 1)
            except NotFiniteError as error:
                accelerator.print(error)
                return False
            progress.update(1, log.note)
            if look_due:
                watch.look(step + 1)
                looks.restart()
                log.restart_clock()
            if save_due or stop:
                save(training, step + 1, rate_factor)
                saves.restart()
                log.restart_clock()
            if stop and step + 1 < config.total_steps:
                raise Terminated
    return True


def generator_phase(
    training: Training,
    config: CycleGANConfig,
    young: Tensor,
    old: Tensor,
    step: int,
    rows: np.ndarray,
) -> tuple[Tensor, Tensor, Losses]:
    """One step of both generators, through frozen discriminators.

    Returns:
        The generated old and young faces, without gradients, and the losses.
    """
    accelerator = training.accelerator
    judges = accelerator.unwrap_model(training.discriminators)
    learning = [weight for weight in judges.parameters() if weight.requires_grad]
    set_learning(learning, False)
    identity, back = identity_weight_of(config, step) > 0, step % config.cycle_every == 0
    training.generator_optimizer.zero_grad()
    parts = []

    def judge(faces: Tensor, name: str, part: int) -> Tensor:
        with accelerator.autocast():
            stream = 0 if name == "old" else 1
            return judges.judge(seen(faces, config, step, rows, stream, part), name)

    for part, (real_young, real_old) in enumerate(
        zip(young.chunk(config.accumulate), old.chunk(config.accumulate), strict=True)
    ):
        last = part + 1 == config.accumulate
        with nullcontext() if last else accelerator.no_sync(training.generators):
            with accelerator.autocast():
                made = training.generators(real_young, real_old, identity, back)
            given = GeneratorStep(step, real_young, real_old, made, partial(judge, part=part))
            losses = training.objective.generator_losses(given)
            accelerator.backward(losses.total / config.accumulate)
        parts.append((made.fake_old.detach().float(), made.fake_young.detach().float(), losses))
    training.generator_optimizer.step()
    set_learning(learning, True)
    fake_old, fake_young, all_losses = zip(*parts, strict=True)
    return torch.cat(fake_old), torch.cat(fake_young), mean_of(all_losses)


def discriminator_phase(
    training: Training,
    config: CycleGANConfig,
    faces: tuple[Tensor, Tensor, Tensor, Tensor],
    step: int,
    rows: np.ndarray,
) -> Losses:
    """One step of both discriminators.

    Args:
        training: what takes part.
        config: fitted to the store.
        faces: real old, generated old, real young, generated young.
        step: number of the step.
        rows: of the global batch that are this process's.
    """
    accelerator = training.accelerator
    training.discriminator_optimizer.zero_grad()
    parts = []

    def judge(*shown: Tensor) -> Logits:
        with accelerator.autocast():
            return training.discriminators(*shown, others=config.other_age > 0)

    for part, chunks in enumerate(zip(*(x.chunk(config.accumulate) for x in faces), strict=True)):
        last = part + 1 == config.accumulate
        with nullcontext() if last else accelerator.no_sync(training.discriminators):
            shown = Sides(*(seen(x, config, step, rows, 2 + i, part) for i, x in enumerate(chunks)))
            losses = training.objective.discriminator_losses(DiscriminatorStep(step, shown, judge))
            accelerator.backward(losses.total / config.accumulate)
        parts.append(losses)
    training.discriminator_optimizer.step()
    average_buffers(training.objective)
    return mean_of(parts)


def set_learning(weights: list[nn.Parameter], learning: bool) -> None:
    """Let weights learn, or not; those that their class has frozen must not be among them."""
    for weight in weights:
        weight.requires_grad_(learning)


def mean_of(parts: Sequence[Losses]) -> Losses:
    """Mean of the parts' losses, detached."""

    def mean(values: Iterable[Tensor]) -> Tensor:
        return torch.stack(list(values)).mean().detach()

    terms = {name: mean(p.terms[name] for p in parts) for name in parts[0].terms}
    return Losses(mean(p.total for p in parts), terms)


def seen(
    x: Tensor, config: CycleGANConfig, step: int, rows: np.ndarray, stream: int, part: int
) -> Tensor:
    """What a discriminator sees of faces: themselves, or augmented with gradients."""
    if config.diff_augment or config.tone_jitter:
        drawn = draw_view_parameters(config.shown, 8 * config.seed + 2 + stream, step)
        mine = rows[: len(x) * config.accumulate]  # the first, where only the translated are seen
        u = drawn.rows(mine).uniform.chunk(config.accumulate)[part]
        x = diff_augment(x, u[:, :7]) if config.diff_augment else x
        x = change_tone(x, u[:, 7:13], config.tone_jitter) if config.tone_jitter else x
    if config.grid_jitter:
        right, down, *_ = (step_draws(config, step) * (config.grid_jitter + 1)).int().tolist()
        x = move_all(x, right, down, config.grid_jitter)
    return x


def aim(training: Training, config: CycleGANConfig, step: int) -> None:
    """Choose the part of the face that discriminators on features see enlarged in this step."""
    judges = training.accelerator.unwrap_model(training.discriminators)
    if isinstance(judges, SharedDiscriminators):
        corner = step_draws(config, step)[2:4]
        judges.both.aim(to_device(corner, training.accelerator.device))


def step_draws(config: CycleGANConfig, step: int) -> Tensor:
    """Random numbers of a step that hold for all faces of all processes: (4,) in [0, 1)."""
    return draw_view_parameters(1, STEP_STREAM + config.seed, step).uniform[0, :4]


def make_views(
    pairs: Pairs, config: CycleGANConfig, step: int, rows: np.ndarray
) -> tuple[Tensor, Tensor]:
    """Random views of both domains, uint8 n h w c → float n c h w in [−1, 1]."""
    layout = torch.channels_last if config.channels_last else torch.contiguous_format
    young, old = (
        random_views(
            images,
            draw_view_parameters(config.shown, 8 * config.seed + domain, step).rows(rows),
            config.augment,
            config.size,
        ).contiguous(memory_format=layout)
        for domain, images in enumerate(pairs)
    )
    return young, old


def exchange(
    training: Training,
    pool: ReplayPool,
    fake: Tensor,
    config: CycleGANConfig,
    step: int,
    rows: Tensor,
) -> Tensor:
    """Pass generated faces through the pool, which every process keeps for the global batch.

    `rows`, int64, lies on the device of the faces.
    """
    everything = gather_shares(fake, config.batch_size)
    return pool.exchange(everything, step, config.shown)[rows]


def learning_rate(config: CycleGANConfig, step: int) -> float:
    """Constant, then linear to 0 (Zhu et al., 2017, appendix 7.1), counted in pairs seen."""
    over = step * config.batch_size - config.constant_pairs
    falling = min(1.0, 1 - over / config.decay_pairs) if config.decay_pairs else 1.0
    return config.learning_rate * max(falling, 0.0)


def set_rate(training: Training, rate: float, generators: bool, of_discriminators: float) -> None:
    """Give the optimisers this learning rate, or a multiple; without `generators`, theirs is 0."""
    for optimizer, factor in (
        (training.generator_optimizer, float(generators)),
        (training.discriminator_optimizer, of_discriminators),
    ):
        for group in optimizer.param_groups:
            group["lr"] = rate * factor


def schedules(config: CycleGANConfig) -> tuple[Schedule, Schedule]:
    """When to look at held-out faces, and when to save."""
    looks, saves = (
        Schedule(max(round(pairs / config.batch_size), 1), minutes, config.total_steps)
        for pairs, minutes in (
            (config.watch_every, config.watch_minutes),
            (config.checkpoint_every, config.checkpoint_minutes),
        )
    )
    return looks, saves
