"""In which settings speeds are measured, the most telling ones first."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple
from unittest.mock import patch

from agegen.benchmark import classifier_loops, cyclegan_loops
from agegen.benchmark.config import BenchmarkConfig
from agegen.benchmark.machine import Machine
from agegen.benchmark.turns import Contestant, Speed
from agegen.cyclegan import train
from agegen.faces.store import FaceStore
from agegen.machine.setting import Setting

CYCLEGAN_BATCHES = {"gpu": (4, 1, 16), "cpu": (1,)}  # the default one first
CLASSIFIER_BATCHES = {"gpu": (64, 256), "cpu": (64,)}
STEPS = {"gpu": 40, "cpu": 8}
FIRST, COMPILED, FURTHER = range(3)  # ranks at the default batch
LATER = 3  # is added at others, but to the first


@dataclass
class Entry:
    """A contestant, and how it fared."""

    training: str  # "CycleGAN" or "classifier"
    batch: int  # of a step
    contestant: Contestant
    flags: str | None  # with which a user has this; None where no flag does it
    rank: int  # the lowest take their turns first
    turns: list[Speed] = field(default_factory=list)
    seconds: float = 0.0  # of its longest turn
    fault: str = ""  # why it takes no more turns

    @property
    def name(self) -> str:
        """In words."""
        return f"{self.training}, batch {self.batch}: {self.contestant.name}"

    @property
    def compiles(self) -> bool:
        """Whether its turns begin with a minute of that."""
        return self.flags == "--compile"


class Option(NamedTuple):
    """A setting of both trainings: its name, what it changes, its flags, and its rank."""

    name: str
    changed: dict[str, Any]
    flags: str | None
    rank: int


def all_entries(setting: Setting, machine: Machine) -> list[Entry]:
    """Who takes part; of each training and batch the first is what others are compared with."""
    kind, store = "gpu" if setting.gpu else "cpu", FaceStore.open(setting.faces)
    config, options = BenchmarkConfig(steps=STEPS[kind]), options_of(setting.gpu, machine)
    found: list[Entry] = []
    for batch in CYCLEGAN_BATCHES[kind]:
        base = cyclegan_loops.papers_objective(setting.shipped, config, batch)
        changes = {option.name: option.changed for option in options}
        contestants = cyclegan_loops.cyclegan_contestants(store, config, base, changes)
        of_each = [Option("plain step", {}, None, FIRST), *options]
        if setting.gpu:
            best = contestants[1]
            call = partial(without_cudnn_search, best.call)
            contestants.append(replace(best, name=f"{best.name}, cuDNN not tuned", call=call))
            of_each.append(Option("not tuned", {}, None, FURTHER))
        usual = batch == CYCLEGAN_BATCHES[kind][0]
        found += entries("CycleGAN", batch, contestants, of_each, usual)
    options = [o for o in options if "channels_last" not in o.changed]  # its channels are so anyway
    changes = {option.name: option.changed for option in options}
    for batch in CLASSIFIER_BATCHES[kind]:
        contestants = classifier_loops.agegen_contestants(store, config, changes, batch)
        usual = batch == classifier_loops.DEFAULTS.batch_size
        found += entries("classifier", batch, contestants, options, usual)
    return sorted(found, key=lambda entry: entry.rank)


def entries(
    training: str, batch: int, contestants: list[Contestant], options: list[Option], usual: bool
) -> list[Entry]:
    """An entry for each contestant and its option; at other batches than the usual it is later."""
    return [
        Entry(training, batch, one, flags, rank if usual or rank == FIRST else rank + LATER)
        for one, (_, _, flags, rank) in zip(contestants, options, strict=True)
    ]


def options_of(gpu: bool, machine: Machine) -> list[Option]:
    """Every precision; layout and compiling on a GPU; one thread on a CPU."""
    *others, best = machine.precisions
    found = [Option(best, {"precision": best}, "", FIRST)]
    found += [Option(p, {"precision": p}, f"--precision {p}", FURTHER) for p in others]
    if gpu:
        layout = {"precision": best, "channels_last": True}
        found.append(Option(f"{best}, channels_last", layout, "--channels-last", FURTHER))
        compiled = {"precision": best, "compile": True}
        found.append(Option(f"{best}, compiled", compiled, "--compile", COMPILED))
    elif machine.cores > 1:
        alone = {"precision": best, "threads": 1}
        found.append(Option(f"{best}, 1 thread", alone, "--threads 1", FURTHER))
    return found


def without_cudnn_search(call: Callable[[], Speed]) -> Speed:
    """A turn, in a process of its own, in which cuDNN takes the first algorithm that it finds."""
    with patch.object(train, "tuned_convolutions", nullcontext):
        return call()
