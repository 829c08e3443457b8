"""The table of a benchmark as aligned plain text, and how long full trainings would take."""

from statistics import median
from typing import NamedTuple

from agegen.benchmark.machine import Machine
from agegen.benchmark.scaling import Scaling
from agegen.benchmark.turns import Contestant, Group, Speed, pace, ratios
from agegen.classifier.config import TrainConfig
from agegen.cyclegan.config import CycleGANConfig

HEAD = ("images/s", "ratio", "lowest–highest", "GiB", "GFLOP/s", "of peak", "waiting")
SCALING_HEAD = ("processes", "threads each", "images/s", "efficiency")
CACD_FACES = 40_000  # training faces of the lab course's selection from CACD


class Estimate(NamedTuple):
    """A training, and the seconds that its steps take."""

    what: str
    seconds: float


def estimate(
    rates: tuple[float, float], faces: int, classifier: TrainConfig, cyclegan: CycleGANConfig
) -> list[Estimate]:
    """Seconds of the steps alone; validation, looks and checkpoints come on top.

    Rates are images per second of the classifier and of the CycleGAN, a pair of which is two;
    `faces` are the training faces of the store that was measured on.
    """
    epochs = classifier.epochs
    found = [
        Estimate(
            f"classifier, {epochs} epochs of {name} {n:,} training faces", epochs * n / rates[0]
        )
        for name, n in (("this store's", faces), ("the lab course's", CACD_FACES))
    ]
    pairs = cyclegan.constant_pairs + cyclegan.decay_pairs
    what = f"CycleGAN as shipped, {pairs:,} pairs, of any number of faces"
    return [*found, Estimate(what, 2 * pairs / rates[1])]


def write_table(
    machine: Machine, groups: list[Group], scalings: list[Scaling], estimates: list[Estimate]
) -> str:
    """Everything that was measured, one line for each contestant."""
    parts = [describe(machine)]
    lines: list[list[str]] = []
    for group in groups:
        lines.append([group.title, *HEAD])
        for contestant, turns in group.pairs():  # the first is what the others are compared with
            peak = machine.peaks[contestant.precision]
            lines.append(line(contestant, turns, ratios(turns, group.turns[0]), peak))
        lines.append([])
    parts.append(aligned(lines))
    if scalings:
        lines = []
        for s in scalings:
            lines.append([f"scaling: {s.title}", *SCALING_HEAD])
            for way, speed, share in zip(s.ways, s.images_per_second, s.efficiencies, strict=True):
                lines.append(
                    ["", str(way.processes), str(way.threads), number(speed), f"{share:.0%}"]
                )
            lines.append([])
        parts.append(aligned(lines))
    parts.append("Full trainings at these speeds, without validation, looks and checkpoints:")
    parts[-1] += "".join(f"\n  {e.what}: {duration(e.seconds)}" for e in estimates)
    return "\n\n".join(parts)


def describe(machine: Machine) -> str:
    """The machine and its measured peaks, in three lines."""
    peaks = ", ".join(f"{name} {rate / 1e9:,.0f} GFLOP/s" for name, rate in machine.peaks.items())
    gpus = f"{machine.gpus} × {machine.gpu}" if machine.gpus else "no GPU"
    return (
        f"agegen benchmark, {machine.date}, torch {machine.torch}\n"
        f"{machine.cpu}, {machine.cores} cores, {machine.threads} threads; {gpus}\n"
        f"measured peak of matrix products: {peaks}"
    )


def line(contestant: Contestant, turns: list[Speed], ratio: list[float], peak: float) -> list[str]:
    """Medians over the rounds, and the range of the rounds' ratios."""
    speed = pace(turns)
    rate = speed * contestant.flops
    waiting = [turn.waiting for turn in turns if turn.waiting is not None]
    return [
        contestant.name,
        number(speed),
        f"{median(ratio):.2f}" if contestant.is_comparable else "–",
        f"{min(ratio):.2f}–{max(ratio):.2f}" if contestant.is_comparable else "–",
        f"{median(turn.memory_gib for turn in turns):.2f}",
        f"{rate / 1e9:,.0f}",
        f"{rate / peak:.0%}",
        f"{median(waiting):.1%}" if waiting else "–",
    ]


def number(value: float) -> str:
    """With a digit behind the point below 100."""
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def duration(seconds: float) -> str:
    """In the unit that suits: "50 s", "12 min", "3.2 h"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def aligned(lines: list[list[str]]) -> str:
    """Columns of equal width, the first to the left and the others to the right."""
    filled = [line for line in lines if line]
    widths = [max(map(len, column)) for column in zip(*filled, strict=True)]
    text = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=False))
        ).rstrip()
        for line in lines
    ]
    return "\n".join(text).rstrip()
