"""The table of a benchmark as aligned plain text."""

from statistics import median

from agegen.benchmark.estimates import Estimate
from agegen.benchmark.machine import Machine
from agegen.benchmark.scaling import Scaling
from agegen.benchmark.turns import Contestant, Group, Speed, ratios

HEAD = ("images/s", "ratio", "lowest–highest", "GiB", "GFLOP/s", "of peak", "waiting")
SCALING_HEAD = ("processes", "threads each", "images/s", "efficiency")


def write_table(
    machine: Machine, groups: list[Group], scalings: list[Scaling], estimates: list[Estimate]
) -> str:
    """Everything that was measured, one line for each contestant."""
    parts = [describe(machine)]
    lines: list[list[str]] = []
    for group in groups:
        lines += [[group.title, *HEAD], *group_lines(group, machine.peaks), []]
    parts.append(aligned(lines))
    if scalings:
        parts.append(aligned([line for s in scalings for line in scaling_lines(s)]))
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


def group_lines(group: Group, peaks: dict[str, float]) -> list[list[str]]:
    """One line for each contestant; the first is what the others are compared with."""
    base = group.turns[0]
    return [
        line(contestant, turns, ratios(turns, base), peaks[contestant.precision])
        for contestant, turns in zip(group.contestants, group.turns, strict=True)
    ]


def line(contestant: Contestant, turns: list[Speed], ratio: list[float], peak: float) -> list[str]:
    """Medians over the rounds, and the range of the rounds' ratios."""
    speed = median(turn.images_per_second for turn in turns)
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


def scaling_lines(scaling: Scaling) -> list[list[str]]:
    """A head, one line for each way, and an empty one."""
    rows = zip(scaling.ways, scaling.images_per_second, scaling.efficiencies, strict=True)
    lines = [["", str(w.processes), str(w.threads), number(s), f"{e:.0%}"] for w, s, e in rows]
    return [[f"scaling: {scaling.title}", *SCALING_HEAD], *lines, []]


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
