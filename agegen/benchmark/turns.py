"""Contestants that take turns, each turn in a process of its own.

A busy machine disturbs all contestants of a round alike, so that their ratio within a round says
more than their speeds do; the ratio of two contestants is the median of their rounds' ratios.
"""

import contextlib
import io
import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import NamedTuple, TypeVar

from agegen.run.errors import UserError
from agegen.run.folder import Run

Result = TypeVar("Result")


class Speed(NamedTuple):
    """One turn's result."""

    images_per_second: float  # a pair of faces counts as two
    memory_gib: float  # the process's largest up to the last timed step; on GPUs the card's
    waiting: float | None = None  # share of the time without data; None if not measured


@dataclass(frozen=True)
class Contestant:
    """One loop in one setting."""

    name: str  # for the table
    call: Callable[[], Speed]  # measures one turn; a module's function, or a `partial` of one
    precision: str  # "float32", "bf16" or "fp16"
    flops: float  # operations for one image
    is_comparable: bool = True  # may its speed be divided by that of the first of its group?
    is_default: bool = False  # is a full training by default this one?

    def as_json(self, turns: list[Speed]) -> dict:
        """It and the turns that it took, in plain JSON types."""
        return {
            "name": self.name,
            "precision": self.precision,
            "flops_per_image": self.flops,
            "turns": [turn._asdict() for turn in turns],
        }


@dataclass(frozen=True)
class Group:
    """Contestants that are compared with the first of them, and the turns that they took."""

    title: str
    contestants: list[Contestant]
    turns: list[list[Speed]]  # of each contestant, one for each round

    def pairs(self) -> Iterator[tuple[Contestant, list[Speed]]]:
        """Each contestant with its turns."""
        return zip(self.contestants, self.turns, strict=True)


class Meter:
    """Prints a line after each of a known number of turns, with the time that is left."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.started = total, 0, time.perf_counter()

    def tick(self, what: str) -> None:
        """Count a turn that is over."""
        self.done += 1
        left = (time.perf_counter() - self.started) / self.done * (self.total - self.done)
        print(f"[{self.done}/{self.total}, {left / 60:.1f} min left] {what}", flush=True)


def take_turns(title: str, contestants: list[Contestant], rounds: int, meter: Meter) -> Group:
    """Let every contestant take one turn a round."""
    turns: list[list[Speed]] = [[] for _ in contestants]
    for number in range(rounds):
        for contestant, taken in zip(contestants, turns, strict=True):
            taken.append(in_fresh_process(contestant.call))
            said = f"{contestant.name}: {taken[-1].images_per_second:.1f} images/s"
            meter.tick(f"{title}, round {number + 1}: {said}")
    return Group(title, contestants, turns)


def in_fresh_process(call: Callable[[], Result], seconds: float | None = None) -> Result:
    """Call a function where no setting of another (the allocator's, say) and no memory remains.

    It is a module's function, or a `partial` of one; after so many seconds it is ended.

    Raises:
        UserError: of the function, or the system killed the process, or lets none be started, or
            the time was over.
    """
    what = call.func.__name__ if isinstance(call, partial) else call.__name__
    before = multiprocessing.active_children()
    try:
        made = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
    except OSError as error:
        raise UserError(f"no process can be started for a turn, as by /dev/shm: {error}") from None
    with made as pool:
        running = pool.submit(quietly, call)
        if not wait([running], seconds).done:
            for child in set(multiprocessing.active_children()) - set(before):
                child.kill()
            raise UserError(f"{what} took more than {seconds:.0f} s: is the machine busy?")
        try:
            return running.result()
        except BrokenProcessPool:
            raise UserError(f"the system ended {what}: is there too little memory?") from None


def quietly(call: Callable[[], Result]) -> Result:
    """Call a function without its lines and bars."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return call()


def ratios(turns: list[Speed], base: list[Speed]) -> list[float]:
    """Of each round that both took part in, how many times as fast as `base`."""
    both = zip(turns, base, strict=False)
    return [mine.images_per_second / theirs.images_per_second for mine, theirs in both]


def pace(turns: list[Speed]) -> float:
    """Median images per second."""
    return median(turn.images_per_second for turn in turns)


def logged_speed(run: Run, warm_up: int, name: str, images: int = 1) -> Speed:
    """Median speed of a training's steps after the warm-up, from its metrics.jsonl.

    `name` is that of the figure, of which one is so many images.

    Raises:
        UserError: no step comes after the warm-up.
    """
    steps = [r for r in run.metrics() if r["kind"] == "step" and r["step"] > warm_up]
    if not steps:
        raise UserError("a turn was too short to be timed: more --steps, or fewer --processes")
    waiting = [r["waiting"] for r in steps if "waiting" in r]
    return Speed(
        images * median(r[name] for r in steps),
        max(r["peak_gib"] for r in steps),
        median(waiting) if waiting else None,
    )
