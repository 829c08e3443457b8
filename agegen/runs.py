"""The run folder: config.json, environment.json, metrics.jsonl, checkpoints, results.

A killed run resumes to the same result: checkpoints are folders written under a temporary name and
renamed when whole, and metrics after the checkpoint are cut off before they are written again.
Weights and optimiser states are safetensors; nothing that is read back can hold code.
"""

import json
import platform
import shutil
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any, NamedTuple

import torch

from agegen.configs import defaults_of, to_plain
from agegen.errors import UserError
from agegen.files import (
    explained_write_errors,
    flatten,
    read_json,
    read_metrics,
    write_json,
    written_whole,
)
from agegen.tensor_files import Tensors, load_tensors, save_tensors

if sys.platform != "win32":
    import fcntl

KEPT_CHECKPOINTS = 2
NOT_COMPARED = (
    "faces", "out", "resume", "dry_run", "checkpoint_every", "keep_checkpoints", "watch_every",
)  # fmt: skip
PACKAGES = ("agegen", "torch", "torchvision", "accelerate", "numpy", "pillow", "safetensors")


class Checkpoint(NamedTuple):
    """A point to resume from: `tensors` by file name, and `state`, plain JSON."""

    step: int
    tensors: dict[str, Tensors]
    state: dict


class Run:
    """A run folder. Only the first process (`main`) writes; all may read."""

    def __init__(self, folder: Path, main: bool = True, kept: int = KEPT_CHECKPOINTS) -> None:
        self.folder, self.main, self.kept = folder, main, kept
        self.metrics_path = folder / "metrics.jsonl"
        self.started = time.perf_counter()
        self.lock: IO | None = None

    def claim(self) -> None:
        """Keep other trainings out of the folder until `release` or the end of this process.

        Raises:
            UserError: one is at work there.
        """
        if sys.platform == "win32":  # it has no fcntl
            return
        with explained_write_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self.lock = (self.folder / ".lock").open("w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.release()
            raise UserError(f"another training is at work in {self.folder}") from None

    def release(self) -> None:
        """Let other trainings use the folder."""
        if self.lock:
            self.lock.close()
            self.lock = None

    def start(self, config: Any, facts: dict, resume: bool, **environment: Any) -> None:
        """Make the folder, or come back to it and drop what is behind its last checkpoint.

        Only the first process calls this; `latest_checkpoint` then gives the point to go on from.

        Args:
            config: the dataclass that decides the run.
            facts: what else must be the same to resume (the data's checksum), plain JSON.
            resume: go on with the run that is there; without one, begin it.
            environment: what else to state in environment.json (processes, precision).

        Raises:
            UserError: the folder holds a run and `resume` was not asked for, it was made with
                another config or other data, or another training is at work in it.
        """
        self.claim()
        wanted = {"config": to_plain(config), **facts}
        if (self.folder / "config.json").exists():
            if not resume:
                raise UserError(
                    f"{self.folder} already holds a run: add --resume to go on with it, "
                    "or choose another --out"
                )
            found = read_json(self.folder / "config.json")
            require_same(self.folder, found, wanted, config)
        else:
            write_json(self.folder / "config.json", wanted)
            if resume:
                print(f"{self.folder} holds no run yet: one begins")
        self.write_environment(describe_environment() | environment)
        steps = [int(path.name.removeprefix("step_")) for path in self.checkpoints()]
        self.cut_metrics(steps[-1] if steps else 0)
        self.remove_unfinished()

    def write_environment(self, now: dict) -> None:
        """Write environment.json; say where it differs from that of the run's earlier part."""
        path = self.folder / "environment.json"
        before = read_json(path) if path.exists() else now
        for name in now.keys() & before.keys():
            if now[name] != before[name]:
                print(f"note: {name} was {before[name]}, is {now[name]}: the bits may differ")
        write_json(path, now)

    def log(self, records: list[dict]) -> None:
        """Append lines to metrics.jsonl; each record has a "kind" and a "step"."""
        if not self.main or not records:
            return
        with explained_write_errors(self.metrics_path), self.metrics_path.open("a") as file:
            file.write("".join(json.dumps(record) + "\n" for record in records))

    def metrics(self) -> list[dict]:
        """Read metrics.jsonl; a last line cut short by a kill is left out."""
        return read_metrics(self.metrics_path)

    def cut_metrics(self, step: int) -> None:
        """Drop the metrics of later steps than `step`; they will be written again."""
        kept = [record for record in self.metrics() if record["step"] <= step]
        with written_whole(self.metrics_path) as temporary:
            temporary.write_text("".join(json.dumps(record) + "\n" for record in kept))

    def checkpoints(self) -> list[Path]:
        """Return the whole checkpoints, oldest first."""
        return sorted((self.folder / "checkpoints").glob("step_*"))

    def remove_unfinished(self) -> None:
        """Delete the checkpoint that a kill left half-written."""
        for folder in (self.folder / "checkpoints").glob(".step_*"):
            shutil.rmtree(folder)

    def save_checkpoint(self, step: int, tensors: dict[str, Tensors], state: dict) -> None:
        """Write a checkpoint whole and delete all but the last `kept`."""
        if not self.main:
            return
        final = self.folder / "checkpoints" / f"step_{step:09d}"
        temporary = final.with_name(f".{final.name}")
        with explained_write_errors(final):
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            for name, content in tensors.items():
                save_tensors(temporary / f"{name}.safetensors", content)
            write_json(temporary / "state.json", {"step": step, **state})
            if final.exists():
                shutil.rmtree(final)
            temporary.rename(final)
        for old in self.checkpoints()[: -self.kept]:
            shutil.rmtree(old)

    def latest_checkpoint(self) -> Checkpoint | None:
        """Read the newest checkpoint, or None if there is none yet."""
        folders = self.checkpoints()
        if not folders:
            return None
        state = read_json(folders[-1] / "state.json")
        tensors = {path.stem: load_tensors(path) for path in folders[-1].glob("*.safetensors")}
        return Checkpoint(state["step"], tensors, state)


def require_same(folder: Path, found: dict, wanted: dict, config: Any) -> None:
    """Refuse to resume a run under another config or on other data.

    Args:
        folder: of the run.
        found: what its config.json holds.
        wanted: what it would hold now.
        config: the dataclass, whose defaults say what a field meant before there was one.
    """
    differs = [name for name in wanted if name != "config" and found.get(name) != wanted[name]]
    new, defaults = flatten(wanted["config"]), flatten(defaults_of(config))
    old = {name: defaults.get(name) for name in new} | flatten(found.get("config", {}))
    differs += [
        f"{name} ({old.get(name)} then, {new.get(name)} now)"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name) and name not in NOT_COMPARED
    ]
    if differs:
        raise UserError(
            f"{folder} was begun with another {', '.join(differs)}: "
            "resume it as it was begun, or choose another --out"
        )


def describe_environment() -> dict:
    """Return the versions and the machine that a result depends on."""
    versions: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return {
        "python": platform.python_version(),
        **versions,
        "platform": platform.platform(),
        "processor": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
    }
