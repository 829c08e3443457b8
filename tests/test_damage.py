"""Saved files that were damaged at random: whatever reads them works, or says so in a sentence."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from analyses import undrawn  # noqa: F401 - a fixture
from written_cyclegans import write_cyclegan_run
from written_runs import write_run

from agegen.analysis.analyze import is_current
from agegen.classifier.predict import load_classifier
from agegen.cyclegan.translate import load_translator
from agegen.faces.store import FaceStore
from agegen.report.classifier import page as classifier_page
from agegen.report.cyclegan import page as cyclegan_page
from agegen.run.errors import UserError
from agegen.run.pretrained import find_run

OTHERS: list[Any] = [None, [], {}, "x", 7, -1.5, True, [1, "x"], {"x": None}]


def damaged(content: Any, rng: random.Random) -> Any:
    """The same with one value, somewhere in it, missing or of another type."""
    if not isinstance(content, dict | list) or not content or rng.random() < 0.15:
        return rng.choice(OTHERS)
    copy = content.copy()
    place = rng.choice(list(copy)) if isinstance(copy, dict) else rng.randrange(len(copy))
    if rng.random() < 0.3:
        del copy[place]
    else:
        copy[place] = damaged(copy[place], rng)
    return copy


def damage(path: Path, rng: random.Random) -> None:
    """Cut a file short, put zeros or other bytes into it, or change a value that it holds."""
    content = path.read_bytes()
    at = rng.randrange(len(content) + 1)
    choices = [content[:at], content[:at] + bytes(40) + content[at + 40 :], b"", b"\xff" * 50]
    if path.suffix == ".json" and rng.random() < 0.8:
        path.write_text(json.dumps(damaged(json.loads(content), rng)))
    elif path.suffix == ".jsonl" and rng.random() < 0.8:
        lines = content.decode().splitlines()
        number = rng.randrange(len(lines))
        lines[number] = json.dumps(damaged(json.loads(lines[number]), rng))
        path.write_text("\n".join(lines) + "\n")
    else:
        path.write_bytes(rng.choice(choices))


def try_damaged(
    whole: Path, folder: Path, read: Callable[[Path], object], trials: int, seed: int
) -> tuple[int, int]:
    """Read damaged copies of a folder; how many were refused, and how many were read."""
    rng, refused = random.Random(seed), 0
    for trial in range(trials):
        copy = shutil.copytree(whole, folder / str(trial))
        files = sorted(p for p in copy.rglob("*") if p.is_file() and not p.name.startswith("."))
        texts = [path for path in files if path.suffix in (".json", ".jsonl", ".csv")]
        for path in {rng.choice(texts), *rng.sample(files, rng.random() < 0.3)}:
            damage(path, rng)
        try:
            read(copy)
        except UserError:
            refused += 1
        shutil.rmtree(copy)
    return refused, trials - refused


def test_damaged_classifiers_are_one_sentence(tmp_path: Path) -> None:
    def read(run: Path) -> None:
        load_classifier(run)
        is_current(run / "best.json", {"epoch": 3})

    whole = find_run(Path("pretrained"), "classifier")
    refused, worked = try_damaged(whole, tmp_path, read, 150, 0)
    assert refused
    assert worked


def test_damaged_generators_are_one_sentence(tmp_path: Path) -> None:
    whole = find_run(Path("pretrained"), "cyclegan")
    refused, worked = try_damaged(whole, tmp_path, load_translator, 60, 1)
    assert refused
    assert worked


def test_damaged_stores_are_one_sentence(prepared: Path, tmp_path: Path) -> None:
    refused, _ = try_damaged(prepared, tmp_path, FaceStore.open, 200, 2)
    assert refused > 100


@pytest.mark.usefixtures("undrawn")
def test_pages_of_damaged_runs_are_one_sentence(tmp_path: Path) -> None:
    written = write_run(tmp_path / "classifier")
    refused, worked = try_damaged(
        written, tmp_path / "a", lambda run: classifier_page.make_page(run, examples=0), 60, 3
    )
    assert refused
    assert worked
    written = write_cyclegan_run(tmp_path / "cyclegan", judge=True, alarms=True, best=80)
    refused, worked = try_damaged(written, tmp_path / "b", cyclegan_page.make_page, 60, 4)
    assert refused
    assert worked
