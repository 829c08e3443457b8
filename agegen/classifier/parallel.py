"""Several trainings side by side, one thread each: more throughput than one with all the threads.

On two cores, two trainings of one thread each do about 1.8 times the work of one with two threads.
Each GPU gets two by default: one of a small network leaves it waiting for its core (an estimate).
"""

import multiprocessing
import os
from collections import Counter
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import NamedTuple

from agegen.classifier.config import TrainConfig
from agegen.classifier.train import train
from agegen.classifier.training_faces import open_training_faces
from agegen.faces.batches import steps_in_epoch
from agegen.faces.decode_all import end_with_parent
from agegen.run.devices import cores_per_process, visible_gpus
from agegen.run.errors import UserError
from agegen.run.files import explained_write_errors, read_metrics
from agegen.run.folder import Run
from agegen.run.progress import Progress

SECONDS_BETWEEN_LOOKS = 2.0


class Child(NamedTuple):
    """A training at work, the end of the pipe from which its mistake can be read, and its GPU."""

    config: TrainConfig
    process: BaseProcess
    mistake: Connection
    gpu: str | None


def train_all(
    configs: list[TrainConfig], workers: int | None = None, label: str = "trainings"
) -> None:
    """Train several classifiers in processes of their own, `workers` at a time, in their order.

    Each has one thread and goes on where an earlier call was stopped (`threads=1`, `resume=True`
    whatever the configs say); those that are already finished are skipped at once. What a training
    prints goes to OUT/train.log. When this process ends, in whatever way, so do the trainings.
    As always with spawned processes, a script that calls this needs ``if __name__ == "__main__":``.
    Every `out` is another folder; without `workers`, `trainings_at_a_time` says how many.

    Raises:
        UserError: what stopped the first training that failed, or that it was killed; the others
            are ended too, and go on with the next call.
    """
    if len({config.out.resolve() for config in configs}) < len(configs):
        raise UserError("trainings side by side need a folder (out) each")
    configs = [replace(config, threads=1, resume=True) for config in configs]
    totals = count_steps(configs)
    done = [checkpointed_steps(config) for config in configs]
    waiting = [c for c, n, total in zip(configs, done, totals, strict=True) if n < total]
    running: list[Child] = []
    gpus, workers = visible_gpus(), workers or trainings_at_a_time()
    steps = dict(zip(configs, done, strict=True))
    with Progress(sum(totals), label, "steps", initial=sum(done)) as progress:
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    running.append(start(waiting.pop(0), freest(gpus, running)))
                wait([child.process.sentinel for child in running], SECONDS_BETWEEN_LOOKS)
                for child in running:
                    log = read_metrics(child.config.out / "metrics.jsonl")
                    steps[child.config] = max((record["step"] for record in log), default=0)
                progress.update(max(sum(steps.values()) - progress.done, 0))
                for child in [c for c in running if not c.process.is_alive()]:
                    running.remove(child)
                    require_success(child)
        finally:
            for child in running:
                child.process.terminate()  # checkpoints are written whole: nothing is damaged
                child.process.join()


def trainings_at_a_time() -> int:
    """One a core; on GPUs two for each of them at most."""
    cores, gpus = cores_per_process(), len(visible_gpus())
    return min(cores, 2 * gpus) if gpus else cores


def freest(gpus: list[str], running: list[Child]) -> str | None:
    """The first of the GPUs with the fewest trainings; None if there are no GPUs."""
    load = Counter(child.gpu for child in running)
    return min(gpus, key=lambda gpu: load[gpu], default=None)


def count_steps(configs: list[TrainConfig]) -> list[int]:
    """Steps of each training to its end; faces that several share are counted once.

    Raises:
        UserError: a store is missing or damaged.
    """
    faces, totals = {}, []
    for config in configs:
        key = (config.faces, config.subset, config.seed)
        if key not in faces:
            faces[key] = len(open_training_faces(config).indices("train"))
        totals.append(config.epochs * steps_in_epoch(faces[key], config.batch_size))
    return totals


def checkpointed_steps(config: TrainConfig) -> int:
    """The step that a training would go on from."""
    checkpoints = Run(config.out).checkpoints()
    return int(checkpoints[-1].name.removeprefix("step_")) if checkpoints else 0


def start(config: TrainConfig, gpu: str | None) -> Child:
    """Start one training in a process of its own, on that GPU."""
    context = multiprocessing.get_context("spawn")
    mistake, told = context.Pipe(duplex=False)
    process = context.Process(target=train_one, args=(config, told, gpu), daemon=True)
    process.start()
    told.close()  # the child has its own
    return Child(config, process, mistake, gpu)


def train_one(config: TrainConfig, mistake: Connection, gpu: str | None) -> None:
    """Train in this process; a user's mistake goes into the pipe, all else into OUT/train.log."""
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # read when CUDA starts, which no import does
    end_with_parent()
    try:
        with explained_write_errors(config.out):
            config.out.mkdir(parents=True, exist_ok=True)
            log = (config.out / "train.log").open("a", encoding="utf-8")
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
        train(config)
    except UserError as error:
        mistake.send(str(error))


def require_success(child: Child) -> None:
    """Raise what the training was stopped by, if it was."""
    child.process.join()
    if child.mistake.poll():
        try:
            raise UserError(child.mistake.recv())
        except EOFError:
            pass  # it ended without a word
    if child.process.exitcode:
        raise UserError(
            f"the training in {child.config.out} ended with status {child.process.exitcode} "
            "(killed, or out of memory?): its train.log may say more"
        )
