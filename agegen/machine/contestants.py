"""In which settings speeds are measured, the most telling ones first."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple
from unittest.mock import patch

from agegen.benchmark import classifier_loops, cyclegan_loops
from agegen.benchmark.config import BenchmarkConfig
from agegen.benchmark.flops import classifier_flops, cyclegan_flops
from agegen.benchmark.machine import Machine
from agegen.benchmark.turns import Contestant, Speed
from agegen.classifier import training as classifier_training
from agegen.cyclegan import train
from agegen.cyclegan import training as cyclegan_training
from agegen.faces.store import FaceStore
from agegen.machine.setting import Setting

CYCLEGAN_BATCHES = {"gpu": (4, 1, 16), "cpu": (1,)}  # the default one first
CLASSIFIER_BATCHES = {"gpu": (64, 256), "cpu": (64,)}
STEPS = {"gpu": 40, "cpu": 8}
FIRST, COMPILED, FURTHER = range(3)  # ranks at the default batch
LATER = 3  # is added at others, but to the first


@dataclass
class Entry:
    """A contestant, and how it fared.

    Attributes:
        training: "CycleGAN" or "classifier".
        batch: of a step.
        contestant: of the benchmark.
        flags: with which a user has this; None where no flag does it.
        rank: the lowest take their turns first.
        compiles: whether its turns begin with a minute of that.
        turns: that it took.
        seconds: of its longest turn.
        fault: why it takes no more turns.
    """

    training: str
    batch: int
    contestant: Contestant
    flags: str | None
    rank: int
    compiles: bool = False
    turns: list[Speed] = field(default_factory=list)
    seconds: float = 0.0
    fault: str = ""

    @property
    def name(self) -> str:
        """In words."""
        return f"{self.training}, batch {self.batch}: {self.contestant.name}"


class Option(NamedTuple):
    """A setting of both trainings: its name, what it changes, its flags, and its rank."""

    name: str
    changed: dict[str, Any]
    flags: str
    rank: int


def all_entries(setting: Setting, machine: Machine) -> list[Entry]:
    """Who takes part; of each training and batch the first is what others are compared with."""
    kind = "gpu" if setting.gpu else "cpu"
    config, options = BenchmarkConfig(steps=STEPS[kind]), options_of(setting.gpu, machine)
    found: list[Entry] = []
    for batch in CYCLEGAN_BATCHES[kind]:
        found += cyclegan_entries(setting, config, batch, options, machine)
    for batch in CLASSIFIER_BATCHES[kind]:
        found += classifier_entries(setting, config, batch, options, machine)
    return sorted(found, key=lambda entry: entry.rank)


def options_of(gpu: bool, machine: Machine) -> list[Option]:
    """Every precision; layout and compiling on a GPU; one thread on a CPU."""
    best = machine.precisions[-1]
    found = [Option(best, {"precision": best}, "", FIRST)]
    others = machine.precisions[:-1]
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


def cyclegan_entries(
    setting: Setting, config: BenchmarkConfig, batch: int, options: list[Option], machine: Machine
) -> list[Entry]:
    """The plain step, then the package's in every option."""
    objective = cyclegan_loops.papers_objective(setting.shipped, config, batch)
    base = cyclegan_training.fitted_to(objective, FaceStore.open(setting.faces))
    flops = cyclegan_flops(base)

    def entry(name: str, call: Callable, precision: str, flags: str | None, rank: int) -> Entry:
        usual = batch == CYCLEGAN_BATCHES["gpu" if setting.gpu else "cpu"][0]
        contestant = Contestant(name, call, precision, flops, is_default=usual and flags == "")
        return Entry("CycleGAN", batch, contestant, flags, ranked(rank, usual), rank == COMPILED)

    plain = partial(cyclegan_loops.plain_loop, config, base)
    found = [entry("plain step, float32", plain, "float32", None, FIRST)]
    for name, changed, flags, rank in options:
        call = partial(cyclegan_loops.agegen_loop, config, replace(base, **changed))
        found.append(entry(f"agegen, {name}", call, changed["precision"], flags, rank))
    if setting.gpu:
        best = machine.precisions[-1]
        call = partial(without_cudnn_search, found[1].contestant.call)
        found.append(entry(f"agegen, {best}, cuDNN not tuned", call, best, None, FURTHER))
    return found


def classifier_entries(
    setting: Setting, config: BenchmarkConfig, batch: int, options: list[Option], machine: Machine
) -> list[Entry]:
    """The package's classifier in every option; its channels are innermost by default."""
    store = FaceStore.open(setting.faces)
    flops = classifier_flops(classifier_training.fitted_to(setting.classifier, store))
    found = []
    for name, changed, flags, rank in options:
        if "channels_last" not in changed:
            call = partial(
                classifier_loops.agegen_loop, setting.faces, config, batch=batch, **changed
            )
            usual, precision = batch == classifier_loops.DEFAULTS.batch_size, changed["precision"]
            contestant = Contestant(
                f"agegen, {name}", call, precision, flops, is_default=usual and flags == ""
            )
            place, compiles = ranked(rank, usual), rank == COMPILED
            found.append(Entry("classifier", batch, contestant, flags, place, compiles))
    return found


def ranked(rank: int, usual: bool) -> int:
    """The rank of an option at the default batch, or at another."""
    return rank if usual or rank == FIRST else rank + LATER


def without_cudnn_search(call: Callable[[], Speed]) -> Speed:
    """A turn, in a process of its own, in which cuDNN takes the first algorithm that it finds."""
    with patch.object(train, "tuned_convolutions", nullcontext):
        return call()
