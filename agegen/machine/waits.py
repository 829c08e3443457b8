"""Where in a step a training waits for the GPU: what `torch.cuda.set_sync_debug_mode` warns of."""

import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

import torch

from agegen.benchmark.classifier_loops import short_training
from agegen.benchmark.config import BenchmarkConfig
from agegen.classifier.train import train as train_classifier
from agegen.cyclegan.train import train as train_cyclegan
from agegen.faces.store import FaceStore
from agegen.machine.part import Part
from agegen.machine.setting import Setting
from agegen.run.folder import Run

MESSAGE = "synchronizing CUDA operation"
PACKAGE = Path(__file__).parents[1]
LOOP = "loop"  # what is called outside the trainings' loops is no part of a step,
APART = {"__init__", "flush", "look", "save", "validate", "require_finite"}  # nor are these
STEPS = 30
OFTEN = 0.5  # waits in a step: fewer are those of the first steps


def find_waits(setting: Setting) -> Part:
    """Let both trainings take some steps, and list where they wait; on a CPU nothing does."""
    if not setting.gpu:
        return Part(lines=["no GPU: not asked"])
    part = Part()
    with tempfile.TemporaryDirectory() as folder:
        cyclegan = setting.short_cyclegan(Path(folder, "cyclegan"), STEPS)
        store, steps = FaceStore.open(setting.faces), BenchmarkConfig(steps=STEPS)
        classifier = short_training(store, Path(folder, "classifier"), steps)
        classifier = replace(classifier, model=setting.classifier.model)
        listed(part, "CycleGAN", cyclegan.out, lambda: train_cyclegan(cyclegan))
        listed(part, "classifier", classifier.out, lambda: train_classifier(classifier))
    return part


def listed(part: Part, title: str, out: Path, train: Callable[[], object]) -> None:
    """Add to a part where a training waits, and how often in a step."""
    with waits_noted() as found:
        torch.cuda.set_sync_debug_mode("warn")
        try:
            train()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    steps = sum(record["kind"] == "step" for record in Run(out).metrics())
    by_place = {place: count / steps for place, count in found.most_common()}
    part.figures[title] = {"steps": steps, "waits_per_step": by_place}
    part.lines.append(f"{title}: {sum(by_place.values()):.2f} waits a step, over {steps} steps")
    part.lines += [f"  {count:.2f}  {place}" for place, count in by_place.items()]
    often = [place for place, count in by_place.items() if count >= OFTEN]
    if often:
        part.advice.append(f"{title} waits for the GPU in every step: {', '.join(often)}")


@contextmanager
def waits_noted() -> Iterator[Counter[str]]:
    """Count the warnings of waits by where in agegen they come from; others are dropped."""
    found: Counter[str] = Counter()

    def note(message: Warning | str, *_: object, **__: object) -> None:
        place = place_of(sys._getframe(1)) if MESSAGE in str(message) else ""
        if place:
            found[place] += 1

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = note
        yield found


def place_of(frame: FrameType | None) -> str:
    """The innermost file:line of agegen, of a call within a training's step; else empty."""
    places, names = [], set()
    while frame:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(PACKAGE):
            places.append(f"{path.relative_to(PACKAGE.parent)}:{frame.f_lineno}")
            names.add(frame.f_code.co_name)
        frame = frame.f_back
    places = [place for place in places if not place.startswith("agegen/machine/")]
    return places[0] if places and LOOP in names and not names & APART else ""
