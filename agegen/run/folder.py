"""The run folder: config.json, environment.json, metrics.jsonl, checkpoints, results.

| file | who writes it |
|---|---|
| config.json, environment.json, metrics.jsonl, checkpoints/step_…/ | this module |
| best.safetensors, best.json | `agegen.classifier.train`, `agegen.cyclegan.watch` |
| generators.safetensors, checkpoints/frozen.safetensors | `agegen.cyclegan.checkpoints` |
| watch/ | `agegen.cyclegan.watch` |
| strength.json, strength.png | `agegen.cyclegan.strength` |
| pairing.json | `agegen.cyclegan.pairing` |
| evaluation.json, predictions.csv | `evaluate_run` of the classifier, `evaluate` of CycleGAN |
| analysis/ | `agegen.analysis.analyze` |
| geometry.json, training_faces.json, familiarity | what photos need: `agegen.photos.needs` |

A killed run resumes to the same result: checkpoints are folders written under a temporary name and
renamed when whole, and metrics after the checkpoint are cut off before they are written again.
Weights and optimiser states are safetensors; nothing that is read back can hold code.
"""

import json
import platform
import re
import shutil
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import torch

from agegen.run.commands import to_flags
from agegen.run.configs import defaults_of, to_plain
from agegen.run.errors import UserError
from agegen.run.files import (
    explained_damage,
    explained_write_errors,
    flatten,
    lock,
    read_json,
    read_metrics,
    write_json,
    written_whole,
)
from agegen.run.outputs import is_store
from agegen.run.tensor_files import Tensors, load_tensors, save_tensors

if TYPE_CHECKING:  # Accelerate's trackers are for trainings only
    from agegen.run.trackers import Trackers

KEPT_CHECKPOINTS = 2
WRITTEN = (
    "*.safetensors", "environment.json", "metrics.jsonl", "best.json", "checkpoints", "watch",
    "trackers.json", "pairing.json", "strength.json", "strength.png",
)  # fmt: skip
CHECKPOINT = re.compile(r"step_\d{9,}")
NOT_COMPARED = (
    "faces", "out", "resume", "dry_run", "checkpoint_every", "checkpoint_minutes",
    "keep_checkpoints", "watch_every", "watch_minutes", "log_with",
    "discriminator.trunk",  # what it is of is compared: `agegen.cyclegan.features.name_trunk`
)  # fmt: skip
DRIVER = Path("/proc/driver/nvidia/version")
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
        self.trackers: Trackers | None = None

    def claim(self) -> None:
        """Keep other trainings out of the folder until `release`; a UserError if one is there."""
        self.release()
        self.lock = lock(self.folder, f"another training is at work in {self.folder}")

    def release(self) -> None:
        """Let other trainings use the folder, and close the trackers."""
        if self.trackers:
            self.trackers.finish()
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
        if is_store(self.folder):
            raise UserError(f"{self.folder} holds a FaceStore: choose another --out for the run")
        self.claim()
        wanted = {"config": to_plain(config), **facts}
        if (self.folder / "config.json").exists():
            if not resume:
                raise UserError(
                    f"{self.folder} already holds a run: add --resume to go on with it, "
                    "or choose another --out"
                )
            found = read_json(self.folder / "config.json")
            with explained_damage(self.folder / "config.json"):
                require_same(self.folder, found, wanted, config)
            self.require_checkpoint()
        else:
            self.require_nothing_else()
            write_json(self.folder / "config.json", wanted)
            if resume:
                print(f"{self.folder} holds no run yet: one begins")
        step = self.set_aside_damaged()
        self.write_environment(describe_environment() | environment)
        self.cut_metrics(step)
        self.remove_unfinished()

    def require_nothing_else(self) -> None:
        """Refuse to begin where files are that a training writes, but no config.json."""
        there = [path for pattern in WRITTEN for path in sorted(self.folder.glob(pattern))]
        if there:
            raise UserError(
                f"{there[0]} is in the way, and no config.json says that it is of a run: put it "
                "back, or choose another --out"
            )

    def require_checkpoint(self) -> None:
        """Refuse to begin a run anew that has results, as they would be replaced."""
        weights = sorted(path.name for path in self.folder.glob("*.safetensors"))
        there = weights + (["metrics.jsonl"] if self.metrics() else [])
        if there and not self.checkpoints():
            raise UserError(
                f"{self.folder} holds {there[0]}, but no checkpoint to go on from: put back what "
                "was in checkpoints/, or choose another --out"
            )

    def set_aside_damaged(self) -> int:
        """Rename damaged checkpoints that are newer than the last whole one; return its step."""
        found, damaged = self.checkpoints(), []
        while found and (fault := fault_of(found[-1])):
            damaged.append((found.pop(), fault))
        if damaged and not found:
            raise UserError(f"no checkpoint in {self.folder} is whole ({damaged[0][1]})")
        for folder, fault in damaged:
            aside = folder.with_name(f"damaged_{folder.name}")
            print(f"note: {fault}: going on from {found[-1].name}; it is kept as {aside.name}")
            with explained_write_errors(aside):
                shutil.rmtree(aside, ignore_errors=True)
                folder.rename(aside)
        return step_of(found[-1]) if found else 0

    def write_environment(self, now: dict) -> None:
        """Write environment.json; say where it differs from that of the run's earlier part."""
        path = self.folder / "environment.json"
        before = now
        with suppress(UserError), explained_damage(path):  # it says nothing that a resume needs
            before = dict(read_json(path))
        for name in now:
            if name in before and now[name] != before[name]:
                print(f"note: {name} was {before[name]}, is {now[name]}: the bits may differ")
        write_json(path, now)

    def log(self, records: list[dict]) -> None:
        """Append lines to metrics.jsonl; each record has a "kind" and a "step"."""
        if not self.main or not records:
            return
        with explained_write_errors(self.metrics_path), self.metrics_path.open("a") as file:
            file.write("".join(json.dumps(record) + "\n" for record in records))
        if self.trackers:
            self.trackers.log(records)

    def metrics(self) -> list[dict]:
        """Read metrics.jsonl; a last line cut short by a kill is left out."""
        return read_metrics(self.metrics_path)

    def cut_metrics(self, step: int) -> None:
        """Drop the metrics of later steps than `step`; they will be written again."""
        kept = [record for record in self.metrics() if record["step"] <= step]
        with written_whole(self.metrics_path) as temporary:
            temporary.write_text("".join(json.dumps(record) + "\n" for record in kept))
        if self.trackers:
            self.trackers.restart(step)

    def checkpoints(self) -> list[Path]:
        """Return the whole checkpoints, oldest first."""
        found = (self.folder / "checkpoints").glob("step_*")
        whole = (path for path in found if CHECKPOINT.fullmatch(path.name) and path.is_dir())
        return sorted(whole, key=step_of)

    def remove_unfinished(self) -> None:
        """Delete the checkpoint and the files that a kill left half-written."""
        for folder in (self.folder / "checkpoints").glob(".step_*"):
            shutil.rmtree(folder)
        for file in self.folder.glob(".*.safetensors.*.tmp"):
            file.unlink(missing_ok=True)

    def save_checkpoint(self, step: int, tensors: dict[str, Tensors], state: dict) -> None:
        """Write a checkpoint whole, delete all but the last `kept`, and log how long it took."""
        if not self.main:
            return
        started = time.perf_counter()
        final = self.folder / "checkpoints" / f"step_{step:09d}"
        temporary = final.with_name(f".{final.name}")
        with explained_write_errors(final):
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            for name, content in tensors.items():
                save_tensors(temporary / f"{name}.safetensors", content)
            sizes = {path.name: path.stat().st_size for path in temporary.iterdir()}
            write_json(temporary / "state.json", {"step": step, **state, "bytes": sizes})
            if final.exists():
                shutil.rmtree(final)
            temporary.rename(final)
        for old in self.checkpoints()[: -self.kept]:
            shutil.rmtree(old)
        seconds = time.perf_counter() - started
        self.log([{"kind": "checkpoint", "step": step, "seconds": seconds}])

    def latest_checkpoint(self) -> Checkpoint | None:
        """Read the newest checkpoint, or None if there is none yet."""
        folders = self.checkpoints()
        if not folders:
            return None
        state = read_state(folders[-1])
        tensors = {path.stem: load_tensors(path) for path in folders[-1].glob("*.safetensors")}
        return Checkpoint(state["step"], tensors, state)


def step_of(checkpoint: Path) -> int:
    """The step that a checkpoint's folder is named after."""
    return int(checkpoint.name.removeprefix("step_"))


def read_state(checkpoint: Path) -> dict:
    """Read a checkpoint's state.json."""
    path = checkpoint / "state.json"
    state = read_json(path)
    with explained_damage(path):
        if state["step"] != step_of(checkpoint):
            raise ValueError(f"step {state['step']}")
    return state


def fault_of(checkpoint: Path) -> str:
    """Why a checkpoint cannot be gone on from, naming the file; empty if it is whole."""
    try:
        sizes = read_state(checkpoint).get("bytes", {})  # of older versions' there are none
        names = {path.name for path in checkpoint.glob("*.safetensors")} | set(sizes)
        for name in names or {"*.safetensors"}:
            load_tensors(checkpoint / name)
            if (checkpoint / name).stat().st_size != sizes.get(name, -1) and sizes:
                raise UserError(f"{checkpoint / name} has not the size it was written with")
    except UserError as error:
        return str(error)
    return ""


def require_same(folder: Path, found: dict, wanted: dict, config: Any) -> None:
    """Refuse to resume a run whose config.json holds something else than is wanted now.

    The defaults of `config` say what a field meant before there was one.
    """
    differs = [name for name in wanted if name != "config" and found.get(name) != wanted[name]]
    new, defaults = flatten(wanted["config"]), flatten(defaults_of(config))
    old = {name: defaults.get(name) for name in new} | flatten(found.get("config", {}))
    settings = [
        name
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name) and name not in NOT_COMPARED
    ]
    differs += [f"{name} ({old.get(name)} then, {new.get(name)} now)" for name in settings]
    if differs:
        flags = " ".join(flag for name in settings for flag in to_flags(name, old.get(name)))
        raise UserError(
            f"{folder} was begun with another {', '.join(differs)}: resume it as it was begun"
            f"{f' ({flags})' if flags else ''}, or choose another --out"
        )


def driver_version() -> str | None:
    """Version of NVIDIA's driver; None where there is none, or the system is not Linux."""
    with suppress(OSError):
        found = re.search(r"\s(\d+(\.\d+)+)\s", DRIVER.read_text())
        return found[1] if found else None
    return None


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
        "driver": driver_version(),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "tf32": torch.backends.cudnn.allow_tf32,  # of convolutions, which "float32" then are
    }
