"""A whole benchmark: machine, contestants, processes, estimates, table."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from agegen.benchmark import classifier_loops, cyclegan_loops
from agegen.benchmark.classifier_loops import DEFAULTS
from agegen.benchmark.config import BenchmarkConfig
from agegen.benchmark.cyclegan_loops import papers_objective
from agegen.benchmark.machine import Machine, look_at_machine
from agegen.benchmark.scaling import Scaling, scale, ways_to_try
from agegen.benchmark.table import Estimate, estimate, write_table
from agegen.benchmark.turns import Contestant, Group, Meter, in_fresh_process, pace, take_turns
from agegen.cyclegan.config import CycleGANConfig
from agegen.drawn.synthetic import write_faces
from agegen.faces.prepare import PrepareConfig, prepare
from agegen.faces.store import FaceStore
from agegen.run.configs import to_plain
from agegen.run.files import write_json


def benchmark(config: BenchmarkConfig, cpu_settings: CycleGANConfig) -> str:
    """Measure everything; print a line for each turn.

    Args:
        config: what to measure.
        cpu_settings: the CycleGAN's shipped settings for CPUs; its defaults are those for GPUs.

    Returns:
        The table.

    Raises:
        UserError: the store, one of its photos or a setting is not fit.
    """
    with opened_faces(config) as store:
        print("measuring the peak of matrix products …", flush=True)
        machine = in_fresh_process(look_at_machine)
        shipped = CycleGANConfig(Path(), Path()) if machine.gpu else cpu_settings
        ways = ways_to_try(config, machine)
        groups = list(all_groups(store, config, machine, shipped))
        turns = config.rounds * sum(len(contestants) for _, contestants in groups)
        meter = Meter(turns + 2 * len(ways))
        measured = [take_turns(*group, config.rounds, meter) for group in groups]
        base = papers_objective(shipped, config, 1)
        scalings = scale(store, config, base, ways, meter) if ways else []
        rates = default_rate(measured[0]), default_rate(measured[1])
        estimates = estimate(rates, len(store.indices("train")), DEFAULTS, shipped)
    if config.out:
        write_json(config.out, everything(config, machine, measured, scalings, estimates))
    return write_table(machine, measured, scalings, estimates)


@contextmanager
def opened_faces(config: BenchmarkConfig) -> Iterator[FaceStore]:
    """The store that was asked for, or drawn faces in a folder that is deleted at the end."""
    if config.faces:
        yield FaceStore.open(config.faces)
        return
    with tempfile.TemporaryDirectory() as folder:
        print(f"drawing {config.drawn:,} faces …", flush=True)
        photos = write_faces(Path(folder, "photos"), config.drawn)
        # a few small photos are decoded before other processes would have started
        prepare(PrepareConfig(photos, Path(folder, "faces"), workers=1))
        yield FaceStore.open(Path(folder, "faces"))


def all_groups(
    store: FaceStore, config: BenchmarkConfig, machine: Machine, shipped: CycleGANConfig
) -> Iterator[tuple[str, list[Contestant]]]:
    """Titles and contestants: the classifier's, then the CycleGAN's for each batch size."""
    best = machine.precisions[-1]  # what precision "auto" is
    options: dict[str, dict] = {name: {"precision": name} for name in machine.precisions}
    compiled = {f"{best}, compiled": {"precision": best, "compile": True}} if machine.gpu else {}
    ours = classifier_loops.agegen_contestants(store, config, options | compiled)
    ours = [replace(one, is_default=one.name == f"agegen, {best}") for one in ours]
    notebook = classifier_loops.notebook_contestant(store, config)
    yield f"classifier, batch {DEFAULTS.batch_size}", [notebook, *ours]
    options[f"{best}, identity every 4th"] = {"precision": best, "identity_every": 4}
    for i, batch in enumerate(config.batch_sizes):
        base = papers_objective(shipped, config, batch)
        found = cyclegan_loops.cyclegan_contestants(store, config, base, options | compiled)
        if i == 0:
            found.append(cyclegan_loops.shipped_contestant(store, config, best, shipped))
        width, size = base.generator.width, base.size or "store's"
        yield f"CycleGAN, {size} px, width {width}, batch {batch}", found


def default_rate(group: Group) -> float:
    """Median images per second of the contestant that a full training by default is."""
    return next(pace(turns) for contestant, turns in group.pairs() if contestant.is_default)


def everything(
    config: BenchmarkConfig,
    machine: Machine,
    groups: list[Group],
    scalings: list[Scaling],
    estimates: list[Estimate],
) -> dict:
    """All measurements as plain JSON; speeds are of every turn, in the order of the rounds."""
    return {
        "config": to_plain(config),
        "machine": asdict(machine),
        "groups": [
            {"title": g.title, "contestants": [one.as_json(turns) for one, turns in g.pairs()]}
            for g in groups
        ],
        "scaling": [
            {**s._asdict(), "ways": [w._asdict() for w in s.ways], "efficiencies": s.efficiencies}
            for s in scalings
        ],
        "estimates": [e._asdict() for e in estimates],
    }
