"""A trained classifier as a small folder that needs no store: to hand on, or for the package."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from agegen import metrics
from agegen.classifier.config import TrainConfig
from agegen.classifier.evaluate import Predictions
from agegen.classifier.evaluate_run import trained_on
from agegen.classifier.predict import load_classifier
from agegen.classifier.predict_split import predict_split
from agegen.classifier.training_faces import open_faces
from agegen.photos.needs import needs_of
from agegen.run.configs import to_plain
from agegen.run.errors import UserError
from agegen.run.files import explained_write_errors, read_json, write_json
from agegen.run.outputs import require_replaceable
from agegen.run.pretrained import PRETRAINED
from agegen.run.tensor_files import in_half, load_tensors, save_tensors

CONFIG = "config.json"


class HalfPrecision(NamedTuple):
    """What half precision changes on the n test faces; figures before and after."""

    n: int
    balanced_accuracy: tuple[float, float]
    roc_auc: tuple[float, float]
    largest_change: float  # of p(old)

    def describe(self) -> str:
        """Say it in a line."""
        balanced, auc = self.balanced_accuracy, self.roc_auc
        return (
            f"{self.n:,} test faces, as trained and in half precision: balanced accuracy "
            f"{balanced[0]:.4f} and {balanced[1]:.4f}, AUC {auc[0]:.5f} and {auc[1]:.5f}; "
            f"p(old) changes by at most {self.largest_change:.5f}"
        )


def pack_classifier(run: Path, out: Path, faces: Path | None = None) -> HalfPrecision:
    """Write the best weights in half precision, with all that photos need, to their own folder.

    It can be named as `--run` and as `--judge`, and names no path of this machine.

    Args:
        run: folder of the trained classifier.
        out: where to; a model card that is there stays.
        faces: folder of its FaceStore, if it is no longer where it was trained.

    Raises:
        UserError: the run or its store is missing or damaged, the store is another one, or `out`
            holds a run.
    """
    if (out / CONFIG).exists():
        raise UserError(f"{out} already holds a run: choose another --out")
    before = load_classifier(run)
    store = open_faces(before.config, faces)
    if not trained_on(run, store):
        raise UserError(f"{run} was not trained on the faces of {store.folder}")
    with explained_write_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out) as folder:
            made = Path(folder)
            write_packed(run, made, before.config)
            needs_of(made, store.folder)
            after = load_classifier(made)
            change = compare(
                predict_split(before, store, "test"), predict_split(after, store, "test")
            )
            # config.json, which makes a folder a run, comes last
            paths = [path for path in made.iterdir() if not path.name.startswith(".")]
            for path in paths:
                require_replaceable(out / path.name)
            for path in sorted(paths, key=lambda path: path.name == CONFIG):
                path.replace(out / path.name)
    return change


def write_packed(run: Path, folder: Path, config: TrainConfig) -> None:
    """Write what makes a run of the best weights: them, their temperature and the config."""
    save_tensors(folder / "best.safetensors", in_half(load_tensors(run / "best.safetensors")))
    write_json(folder / "best.json", read_json(run / "best.json"))
    write_json(folder / CONFIG, portable(config, read_json(run / CONFIG)))


def portable(config: TrainConfig, saved: dict) -> dict:
    """The content of config.json without the paths of this machine."""
    start = PRETRAINED if config.start_from == PRETRAINED else None  # a path of this machine
    moved = replace(config, faces=PRETRAINED, out=PRETRAINED, resume=False, start_from=start)
    return {**saved, "config": to_plain(moved)}


def compare(before: Predictions, after: Predictions) -> HalfPrecision:
    """Compare predictions for the same faces."""

    def of_both(score: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> tuple[float, float]:
        return float(score(before.labels, before.p)), float(score(after.labels, after.p))

    return HalfPrecision(
        len(before.labels),
        of_both(metrics.balanced_accuracy),
        of_both(metrics.roc_auc),
        float(np.abs(after.p - before.p).max()),
    )
