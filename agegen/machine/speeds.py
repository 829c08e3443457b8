"""How fast both trainings are in several settings, as far as the time allows.

The contestants take turns as in the benchmark, round after round until the time is over.
"""

import time
from dataclasses import replace
from itertools import groupby
from statistics import median

from agegen.benchmark.machine import Machine, look_at_machine
from agegen.benchmark.table import HEAD, aligned, line
from agegen.benchmark.turns import in_fresh_process, pace, ratios
from agegen.machine.contestants import Entry, all_entries
from agegen.machine.part import Clock, Part, one_line
from agegen.machine.setting import Setting

ROUNDS = 5
LONGER = 5.0  # times as long as others a first turn may take that compiles
LEAST = 30.0  # seconds without which no turn is begun
ENDING = 15.0  # seconds in which the last turn is ended and all is written
UNSTEADY = 1.5  # times as fast in one round as in another: flags are no longer told apart
FASTER = 1.05  # times as fast as the default: less is not worth a flag


def measure_speeds(setting: Setting, clock: Clock) -> Part:
    """Measure until the time is over; who took no turn is said to be left out."""
    if clock.left() < LEAST:
        return Part(lines=["no time was left: not measured"])
    machine = in_fresh_process(look_at_machine, clock.left())
    entries = all_entries(setting, machine)
    for number in range(ROUNDS):
        for entry in entries:
            if not entry.fault and expected_seconds(entry, entries) < clock.left(ENDING):
                take_turn(entry, number, clock)
    return report(setting, machine, entries)


def expected_seconds(entry: Entry, entries: list[Entry]) -> float:
    """How long its next turn may take: as its longest one, or as that of any other."""
    longest = max(e.seconds for e in entries)
    return entry.seconds or longest * (LONGER if entry.compiles else 1.0)


def take_turn(entry: Entry, number: int, clock: Clock) -> None:
    """Let a contestant take a turn, or note why it cannot."""
    started = time.perf_counter()
    try:
        entry.turns.append(in_fresh_process(entry.contestant.call, clock.left(ENDING)))
        said = f"{entry.turns[-1].images_per_second:.1f} images/s"
    except Exception as error:
        said = one_line(error)
        entry.fault = said if clock.left(ENDING) else ""  # else it was ended, not at fault
    entry.seconds = max(entry.seconds, time.perf_counter() - started)
    clock.say(f"round {number + 1}: {entry.name}: {said}")


def report(setting: Setting, machine: Machine, entries: list[Entry]) -> Part:
    """The table, who is not in it and why, and the flags that pay."""
    part = Part(lines=table_of(entries, machine))
    part.figures["peaks"] = machine.peaks
    part.figures["contestants"] = [
        {"training": e.training, "batch": e.batch, "flags": e.flags, "fault": e.fault}
        | e.contestant.as_json(e.turns)
        for e in entries
    ]
    part.lines += [f"failed: {e.name}: {e.fault}" for e in entries if e.fault]
    left_out = [entry.name for entry in entries if not entry.turns and not entry.fault]
    if left_out:
        part.lines.append(f"left out, as the time was over: {'; '.join(left_out)}")
    if not any(entry.turns for entry in entries):
        part.problems.append("no speed could be measured")
    part.advice = advice(setting, entries)
    return part


def advice(setting: Setting, entries: list[Entry]) -> list[str]:
    """The flags that pay; where a busy machine made the speeds, that it did."""
    speeds = [[turn.images_per_second for turn in entry.turns] for entry in entries if entry.turns]
    times = max((max(taken) / min(taken) for taken in speeds), default=1.0)
    if times > UNSTEADY:
        return [
            f"the machine was busy: one setting was {times:.1f} times as fast in one round as in "
            "another; keep the defaults, or check again when nothing else runs"
        ]
    preset = "" if setting.gpu else "--config recipes/configs/cyclegan_small.json"
    return [
        *advise("recipes/train_cyclegan.py", "CycleGAN", entries, preset),
        *advise("recipes/train_classifier.py", "classifier", entries, ""),
    ]


def table_of(entries: list[Entry], machine: Machine) -> list[str]:
    """A block for each training and batch, of those that took a turn."""
    lines: list[list[str]] = []
    measured = sorted(  # a stable order within a block
        (entry for entry in entries if entry.turns), key=lambda e: (e.training, e.batch)
    )
    for (training, batch), group in groupby(measured, lambda e: (e.training, e.batch)):
        base = next(e for e in entries if (e.training, e.batch) == (training, batch))
        lines.append([f"{training}, batch {batch}", *HEAD])
        for entry in group:
            with_base = len(base.turns) >= len(entry.turns)
            contestant = replace(entry.contestant, is_comparable=with_base)
            turns, peak = ratios(entry.turns, base.turns), machine.peaks[contestant.precision]
            lines.append(line(contestant, entry.turns, turns, peak))
        lines.append([])
    return aligned(lines).splitlines() if lines else []


def advise(recipe: str, training: str, entries: list[Entry], preset: str) -> list[str]:
    """The flags of the fastest at the default's batch, and at any, a sentence each."""
    able = [e for e in entries if e.training == training and e.turns and e.flags is not None]
    default = next((e for e in entries if e.training == training and e.flags == ""), None)
    if not default or not default.turns:
        return []
    at_its_batch = [entry for entry in able if entry.batch == default.batch]
    chosen = [fastest(default, at_its_batch)]
    overall = fastest(chosen[0], able)
    if overall is not chosen[0]:
        chosen.append(overall)
    said = []
    for entry in chosen:
        batch = f"--batch-size {entry.batch}" if entry.batch != default.batch else ""
        flags = " ".join(filter(None, [preset, entry.flags, batch])) or "the defaults"
        memory = median(turn.memory_gib for turn in entry.turns)
        said.append(f"{recipe}: {flags} ({pace(entry.turns):,.1f} images/s, {memory:.1f} GiB)")
    return said


def fastest(than: Entry, entries: list[Entry]) -> Entry:
    """The one that is clearly faster than a given one in every round, the most; else that one."""
    ahead = [e for e in entries if min(ratios(e.turns, than.turns)) >= FASTER]
    return max(ahead, key=lambda entry: median(ratios(entry.turns, than.turns)), default=than)
