"""The demo's faces and trainings, for those who have no Makefile: what the tutorials begin with.

>>> demo = make_demo()  # runs/demo, a few minutes on two cores; at once where it is already there
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from agegen.__main__ import recipes
from agegen.run.errors import UserError

FOLDER = Path("runs") / "demo"
FACES_VARIABLE = "AGEGEN_DEMO_FACES"
"""Environment variable: how many faces are drawn instead of 4,000; fewer are quicker to train on
and teach less."""


class Part(NamedTuple):
    """Commands of ``agegen``, which go on where they were stopped, and what the last leaves."""

    ends_with: str
    commands: tuple[str, ...]


FACES = Part(
    "faces/store.json",
    (
        "draw --out {demo}/photos --faces {faces} --seed 0",
        "prepare --source {demo}/photos --out {demo}/faces",
    ),
)
CLASSIFIER = Part(
    "classifier/evaluation.json",
    (
        "train-classifier --config {configs}/demo_classifier.json"
        " --faces {demo}/faces --out {demo}/classifier --resume",
        "evaluate-classifier --run {demo}/classifier",
    ),
)
CYCLEGAN = Part(
    "cyclegan.html",
    (
        "train-cyclegan --config {configs}/demo_cyclegan.json"
        " --faces {demo}/faces --out {demo}/cyclegan --judge {demo}/classifier --resume",
        "report-cyclegan --run {demo}/cyclegan --out {demo}/cyclegan.html",
    ),
)


def make_demo(cyclegan: bool = False) -> Path:
    """Find ``runs/demo`` here or in a folder above, or make it here, and whatever it lacks.

    Args:
        cyclegan: the generators are wanted, too: eight more minutes.

    Returns:
        Its folder, with ``faces`` (a FaceStore), ``classifier`` and, if wanted, ``cyclegan``
        (runs).

    Raises:
        UserError: a command failed; what it said stands above.
    """
    places = [at / FOLDER for at in (Path(), *Path.cwd().parents)]
    demo = next((place for place in places if (place / FACES.ends_with).exists()), FOLDER)
    for part in (FACES, CLASSIFIER, CYCLEGAN) if cyclegan else (FACES, CLASSIFIER):
        if not (demo / part.ends_with).exists():
            for command in part.commands:
                run(words(command, demo))
    return demo


def words(command: str, demo: Path) -> list[str]:
    """A command's words with its folders and numbers filled in; a folder may hold spaces."""
    faces = os.environ.get(FACES_VARIABLE, "4000")
    values = {"demo": demo, "configs": recipes() / "configs", "faces": faces}
    return [word.format(**values) for word in command.split()]


def run(arguments: list[str]) -> None:
    """Run a command of ``agegen`` as a process of its own, after saying which."""
    print("agegen", shlex.join(arguments), flush=True)
    if subprocess.run([sys.executable, "-m", "agegen", *arguments]).returncode:
        raise UserError(f"agegen {arguments[0]} failed: see above")
