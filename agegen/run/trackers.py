"""Experiment trackers of a training: TensorBoard, Weights & Biases and the others of Accelerate.

They are told what metrics.jsonl is told, and shown the watch's pictures. No training ends because
of one: from where it fails it is left out.
"""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, GeneralTracker, get_available_trackers
from PIL import Image

from agegen.run.configs import to_plain
from agegen.run.errors import UserError
from agegen.run.files import flatten, read_json, write_json

PROJECT = "agegen"


def require_trackers(names: tuple[str, ...]) -> None:
    """Refuse trackers that Accelerate does not know, or that are not installed.

    Raises:
        UserError: it says which ones there are, or what to install.
    """
    for name in names:
        if name not in LOGGER_TYPE_TO_CLASS:
            known = ", ".join(sorted(LOGGER_TYPE_TO_CLASS))
            raise UserError(
                f"--log-with {name}: there is no such tracker; there are {known}; for none, leave "
                "--log-with out"
            )
        if name not in map(str, get_available_trackers()):
            package = "'agegen[trackers]'" if name == "tensorboard" else name
            raise UserError(f"--log-with {name} is not installed: pip install {package}")


class Trackers:
    """The trackers of one training; only its first process has them.

    trackers.json in the run's folder keeps the identity that each knows the run by, so that a
    resumed training goes on in the same run of the tracker.

    Args:
        config: of the training; `log_with` names the trackers, all fields are hyperparameters.
        folder: of the run.
        step: of the checkpoint that the training goes on from; 0 without one.
    """

    def __init__(self, config: Any, folder: Path, step: int) -> None:
        self.names, self.folder = list(dict.fromkeys(config.log_with)), folder
        self.hyperparameters = {
            name: value if isinstance(value, bool | int | float) else str(value)
            for name, value in flatten(to_plain(config)).items()
        }
        self.at_work: dict[str, GeneralTracker] = {}
        self.start(step)

    def start(self, step: int) -> None:
        """Start the trackers, or go on with their runs; what they know of later steps is void."""
        path = self.folder / "trackers.json"
        known = read_json(path) if path.exists() else {}
        for name in list(self.names):
            made, identity = LOGGER_TYPE_TO_CLASS[name], known.get(name, uuid.uuid4().hex)
            where = (name, str(self.folder)) if made.requires_logging_directory else (PROJECT,)
            with self.left_out_on_failure(name):
                if name == "tensorboard":
                    await_next_second(self.folder / name)
                tracker = made(*where, **same_run(name, identity, self.folder, step))
                tracker.start()
                if name not in known:
                    tracker.store_init_configuration(self.hyperparameters)
                self.at_work[name] = tracker
                known[name] = identity
        write_json(path, known)

    def log(self, records: list[dict]) -> None:
        """Tell the numbers of metrics.jsonl's records."""
        for name, tracker in list(self.at_work.items()):
            with self.left_out_on_failure(name):
                for record in records:
                    tracker.log(numbers_of(record), step=record["step"])

    def show(self, title: str, picture: np.ndarray, step: int) -> None:
        """Show a picture, uint8 (h, w, 3), where the tracker takes pictures."""
        for name, tracker in list(self.at_work.items()):
            if hasattr(tracker, "log_images"):
                with self.left_out_on_failure(name):
                    tracker.log_images({title: as_images(name, picture)}, step=step)

    def restart(self, step: int) -> None:
        """Go on after an earlier step than the last one: the training went back to it."""
        self.finish()
        self.start(step)

    def finish(self) -> None:
        """Close the trackers' runs."""
        for name, tracker in list(self.at_work.items()):
            with self.left_out_on_failure(name):
                tracker.finish()
        self.at_work.clear()

    @contextmanager
    def left_out_on_failure(self, name: str) -> Iterator[None]:
        """Let no error of a tracker pass, and have no more to do with it."""
        try:
            yield
        except Exception as error:
            self.names.remove(name)
            self.at_work.pop(name, None)
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            print(f"note: the training goes on without {name}, which failed ({reason})")


def await_next_second(folder: Path) -> None:
    """Wait until no event file of TensorBoard is of this second.

    They are read in the order of their names, which begin with the second and end with a number
    without leading zeros: of one second, the tenth would stand before the second.
    """
    while any(folder.rglob(f"events.out.tfevents.{int(time.time())}.*")):
        time.sleep(0.05)


def same_run(name: str, identity: str, folder: Path, step: int) -> dict:
    """What a tracker is started with to go on with the same run after a step.

    mlflow, aim and clearml choose identities of their own: a resumed training is a new run there.
    """
    known: dict[str, dict] = {
        "tensorboard": {"purge_step": step + 1},
        "wandb": {"id": identity, "resume": "allow", "name": folder.name, "dir": str(folder)},
        "swanlab": {"id": identity, "resume": "allow", "name": folder.name},
        "trackio": {"name": f"{folder.name}-{identity[:8]}", "resume": "allow"},
        "comet_ml": {"experiment_key": identity, "mode": "get_or_create"},
        "dvclive": {"dir": str(folder / name), "resume": True},
    }
    return known.get(name, {})


def numbers_of(record: dict) -> dict[str, float]:
    """The numbers of a record, named after its kind, as step/generator_total."""
    kind = record["kind"]
    if kind == "alarm":  # of which one step may have several
        return {f"alarm/{record['name']}_{record['direction']}": record["value"]}
    return {
        f"{kind}/{name}": value
        for name, value in record.items()
        if isinstance(value, int | float) and name != "step"
    }


def as_images(name: str, picture: np.ndarray) -> Any:
    """A picture as a tracker's `log_images` wants it."""
    if name == "tensorboard":
        return picture.transpose(2, 0, 1)[None]
    if name == "aim":
        return Image.fromarray(picture)
    return picture if name == "clearml" else [picture]
