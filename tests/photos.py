"""Small photos drawn from seeded noise, and the recipes as a user starts them."""

import io
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image

REPOSITORY = Path(__file__).parents[1]
NAMES = ("Ann_Lee", "Bob_Ray", "Cid_Fox", "Dot_Kay", "Eva_Orr", "Fay_Poe", "Gus_Ito", "Hal_Roy")


def picture(seed: int, size: int = 64) -> np.ndarray:
    """Draw a smooth random picture, uint8 (size, size, 3): coarse noise, a gradient, fine noise."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    field = np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC), dtype=np.float32)
    slope = np.linspace(0, 40, size, dtype=np.float32)[None, :, None] * rng.uniform(-1, 1)
    noise = rng.normal(0, 3, field.shape).astype(np.float32)
    return np.clip(field + slope + noise, 0, 255).astype(np.uint8)


def save(path: Path, seed: int, size: int = 64, **options) -> Path:
    """Save `picture(seed)` under `path`, in the format of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(seed, size)).save(path, **options)
    return path


def fill_cacd(folder: Path, faces: int, first_seed: int = 0, size: int = 64) -> Path:
    """Fill a folder with CACD-named JPEGs: two faces an identity, half of them young."""
    for i in range(faces):
        age = 20 + i % 5 if i // 2 % 2 == 0 else 55 + i % 5
        name = f"{NAMES[i // 2 % len(NAMES)]}{i // 2}"
        save(folder / f"{age}_{name}_{i:04d}.jpg", first_seed + i, size)
    return folder


def command(name: str, *arguments: object) -> list[str]:
    """Return the command line of a recipe."""
    return [sys.executable, f"recipes/{name}.py", *map(str, arguments)]


def environment(**changes: str) -> dict[str, str]:
    """Return the environment of a recipe's process: one thread."""
    return {**os.environ, "OMP_NUM_THREADS": "1", **changes}


def recipe(name: str, *arguments: object, **changes: str) -> subprocess.CompletedProcess:
    """Run a recipe as a user does; returns the finished process with its output as text."""
    return subprocess.run(
        command(name, *arguments),
        cwd=REPOSITORY,
        env=environment(**changes),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=120,
    )


def recipe_here(name: str, *arguments: object) -> subprocess.CompletedProcess:
    """Run a recipe in this process, which saves the seconds of importing PyTorch.

    For runs that end before anything of the process but its threads has changed: help and
    mistakes. An exception that would be a traceback for the user comes through.
    """
    out, err, threads = io.StringIO(), io.StringIO(), torch.get_num_threads()
    parts = [f"recipes/{name}.py", *map(str, arguments)]
    with (
        patch.object(sys, "argv", parts), chdir(REPOSITORY), redirect_stdout(out),
        redirect_stderr(err),
    ):  # fmt: skip
        try:
            runpy.run_path(parts[0], run_name="__main__")
            status = 0
        except SystemExit as stopped:
            status = stopped.code or 0
        finally:
            torch.set_num_threads(threads)
    return subprocess.CompletedProcess(parts, status, out.getvalue(), err.getvalue())


def run_to_its_end(*parts: object, **changes: str) -> subprocess.CompletedProcess:
    """Run a command of any kind, such as torchrun; it must succeed."""
    done = subprocess.run(
        [str(part) for part in parts],
        cwd=REPOSITORY,
        env={**os.environ, **changes},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def kill_when(arguments: list[str], condition: Callable[[], bool]) -> None:
    """Start a command and SIGKILL it as soon as `condition()` holds."""
    process = subprocess.Popen(
        arguments, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        while not condition():
            assert process.poll() is None, process.stdout.read().decode()
            time.sleep(0.0005)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
