"""The whole check: its parts one after the other, a verdict in plain words, one JSON."""

import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from datetime import datetime
from functools import partial
from typing import NamedTuple

from agegen.benchmark.benchmark import opened_faces
from agegen.benchmark.config import BenchmarkConfig
from agegen.benchmark.turns import in_fresh_process
from agegen.cyclegan.config import CycleGANConfig
from agegen.machine.config import CheckConfig
from agegen.machine.environment import describe_machine
from agegen.machine.first_step import check_first_step
from agegen.machine.part import Clock, Part, attempt
from agegen.machine.resuming import check_resuming
from agegen.machine.setting import settle
from agegen.machine.speeds import measure_speeds
from agegen.machine.waits import find_waits
from agegen.machine.whole_path import go_whole_path
from agegen.run.configs import to_plain
from agegen.run.files import without_nan, write_json
from agegen.run.outputs import require_replaceable

FACES = {"quick": 120, "cpu": 400, "gpu": 1000}  # a GPU's larger batches need more
LEAST = 180.0  # seconds that a necessary part may take though the time is over
GOOD = "This machine computes as it should."
WRONG = "This machine does NOT compute as it should:"
UNKNOWN = "Not everything could be checked on this machine:"

PARTS: dict[str, Callable] = {
    "first step": check_first_step,
    "resume and rollback": check_resuming,
    "waiting for the GPU": find_waits,
    "train, look, evaluate, classify": go_whole_path,
}


class Verdict(NamedTuple):
    """What is to be thought of a machine."""

    words: str  # whether it computes as it should
    problems: list[str]  # what is not as it should be, in sentences; empty if all is
    advice: list[str]  # flags to use, and what else is worth knowing, in sentences

    @property
    def ok(self) -> bool:
        """Whether all is as it should be."""
        return not self.problems


def check(config: CheckConfig, cpu_settings: CycleGANConfig) -> Verdict:
    """Check this machine, print a report and write what was found; stderr says how far it is.

    Args:
        config: how long, and where to write.
        cpu_settings: the CycleGAN's shipped settings for CPUs; its defaults are those for GPUs.

    Raises:
        UserError: a file is in the way of the results, or no faces can be drawn.
    """
    require_replaceable(config.out)
    parts = {}
    with redirect_stdout(sys.stderr):
        for name, part in done_parts(config, cpu_settings):
            parts[name] = part
    verdict = judge(parts)
    found = {name: without_nan(vars(part)) for name, part in parts.items()}
    facts = {
        "config": to_plain(config),
        "date": datetime.now().astimezone().isoformat(" ", "minutes"),
    }
    said = {"ok": verdict.ok, "verdict": verdict._asdict(), "parts": found}
    write_json(config.out, facts | said)
    print(write_report(verdict, parts))
    print(f"all of it in {config.out}")
    return verdict


def done_parts(config: CheckConfig, cpu_settings: CycleGANConfig) -> Iterator[tuple[str, Part]]:
    """Do one part after the other; speeds take the time that is left."""
    clock = Clock(config.minutes)
    clock.say("machine")
    machine = attempt(partial(in_fresh_process, describe_machine))
    yield "machine", machine
    if machine.traceback:  # then nothing can be computed, not even on which device
        return
    gpu, precision = machine.figures["computes_on_gpu"], machine.figures["precision"]
    faces = FACES["quick" if config.quick else "gpu" if gpu else "cpu"]
    with opened_faces(BenchmarkConfig(drawn=faces)) as store:
        setting = settle(gpu, precision, store.folder, cpu_settings, config.quick)
        for name, check_part in PARTS.items():
            clock.say(name)
            most = max(clock.left(), LEAST)
            yield name, attempt(partial(in_fresh_process, partial(check_part, setting), most))
        if not config.quick:
            clock.say("speeds")
            yield "speed", attempt(partial(measure_speeds, setting, clock))


def judge(parts: dict[str, Part]) -> Verdict:
    """Put together what the parts found."""
    problems = [f"{name}: {problem}" for name, part in parts.items() for problem in part.problems]
    wrong = any(part.problems and not part.traceback for part in parts.values())
    words = WRONG if wrong else UNKNOWN if problems else GOOD
    # where something is wrong, how to be fast is no advice
    heard = [part for part in parts.values() if part.problems or not problems]
    return Verdict(words, problems, [advice for part in heard for advice in part.advice])


def write_report(verdict: Verdict, parts: dict[str, Part]) -> str:
    """The verdict, what every part found, and the verdict again."""
    lines = [verdict.words, *(f"- {problem}" for problem in verdict.problems)]
    if verdict.advice:
        lines += ["Use:" if verdict.ok else "What to do:", *(f"- {a}" for a in verdict.advice)]
    said, blocks = "\n".join(lines), []
    for name, part in parts.items():
        problems = [f"PROBLEM: {problem}" for problem in part.problems]
        blocks.append("\n".join([f"== {name} ({part.seconds:.0f} s)", *part.lines, *problems]))
    return "\n\n".join([said, *blocks, said])
