"""A trained classifier, or generators, as a small folder that needs no store: to hand on."""

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
from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.features import ALEXNET
from agegen.cyclegan.translate import LAST, Translator, read_strength, write_strength
from agegen.faces.geometry import write_geometry
from agegen.faces.records import CLASS_NAMES
from agegen.photos.card import FILE as CARD
from agegen.photos.needs import needs_of
from agegen.photos.translate import load_photo_translator
from agegen.run.configs import to_plain
from agegen.run.errors import UserError
from agegen.run.files import explained_write_errors, read_json, write_json, write_text
from agegen.run.outputs import note_written, require_replaceable
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


def pack_classifier(
    run: Path, out: Path, faces: Path | None = None, card: str | None = None
) -> HalfPrecision:
    """Write the best weights in half precision, with all that photos need, to their own folder.

    It can be named as `--run` and as `--judge`, and names no path of this machine.

    Args:
        run: folder of the trained classifier.
        out: where to; a model card that is there stays.
        faces: folder of its FaceStore, if it is no longer where it was trained.
        card: text of a model card to go along.

    Raises:
        UserError: the run or its store is missing or damaged, the store is another one, or `out`
            holds a run, or another card than the one to go along.
    """
    require_free(out, card)
    before = load_classifier(run)
    store = open_faces(before.config, faces)
    if not trained_on(run, store):
        raise UserError(f"{run} was not trained on the faces of {store.folder}")
    with explained_write_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out) as folder:
            made = Path(folder)
            half = in_half(load_tensors(run / "best.safetensors"))
            save_tensors(made / "best.safetensors", half)
            write_json(made / "best.json", read_json(run / "best.json"))
            write_portable(made, before.config, run)
            needs_of(made, store.folder)
            if card:
                write_text(made / CARD, card)
            change = compare(
                predict_split(before, store, "test"),
                predict_split(load_classifier(made), store, "test"),
            )
            # config.json, which makes a folder a run, comes last
            paths = [path for path in made.iterdir() if not path.name.startswith(".")]
            for path in paths:
                require_replaceable(out / path.name)
            for path in sorted(paths, key=lambda path: path.name == CONFIG):
                note_written(out / path.name)  # so that a killed command may be given again
                path.replace(out / path.name)
    return change


def pack_cyclegan(
    run: Path,
    out: Path,
    faces: Path | None = None,
    weights: str | None = None,
    card: str | None = None,
) -> str:
    """Write generators in half precision.

    Args:
        run: folder of the CycleGAN's training.
        out: where to; a model card that is there stays.
        faces: folder of its FaceStore, if the run does not know how its faces are cropped and the
            store was moved.
        weights: "best" or "generators", the last ones; None takes the best if any were chosen.
        card: text of a model card to go along.

    Returns:
        Which weights they are: "best" or "generators".

    Raises:
        UserError: the run is missing or damaged, does not know how faces are cropped, or `out`
            holds a run, or another card than the one to go along.
    """
    require_free(out, card)
    loaded = load_photo_translator(run, CLASS_NAMES[1], faces, weights=weights)
    weights = loaded.translator.weights
    half = in_half(load_tensors(run / f"{weights}.safetensors"))
    save_tensors(out / f"{LAST}.safetensors", half)
    if loaded.geometry:
        write_geometry(out, loaded.geometry)
    chosen = {to: {"strength": s} for to, s in read_strength(run, weights).items()}
    write_strength(out, LAST, chosen)
    if card:
        write_text(out / CARD, card)
    write_portable(out, without_paths(loaded.translator), run)
    return weights


def without_paths(translator: Translator) -> CycleGANConfig:
    """The config without judge, and with names only of a trunk and of tables."""
    config, trunk = translator.config, translator.config.discriminator.trunk
    named = ALEXNET if translator.trunk in ("", str(ALEXNET)) else Path(trunk.name)
    return replace(
        config,
        judge=None,
        discriminator=replace(config.discriminator, trunk=named),
        balance=tuple(Path(name).name for name in config.balance),
    )


def require_free(out: Path, card: str | None) -> None:
    """Refuse a folder that holds a run, or another model card where one is to be written.

    The same card is what a killed command has left.
    """
    if (out / CONFIG).exists():
        raise UserError(f"{out} already holds a run: choose another --out")
    path = out / CARD
    if card and path.is_file() and path.read_text(encoding="utf-8", errors="replace") != card:
        raise UserError(f"{path} is there already: leave --card out, or move it")


def write_portable(out: Path, config: TrainConfig | CycleGANConfig, run: Path) -> None:
    """Write a run's config.json without the paths of this machine, of which a start is one."""
    start = PRETRAINED if config.start_from == PRETRAINED else None
    moved = replace(config, faces=PRETRAINED, out=PRETRAINED, resume=False, start_from=start)
    write_json(out / CONFIG, {**read_json(run / CONFIG), "config": to_plain(moved)})


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
