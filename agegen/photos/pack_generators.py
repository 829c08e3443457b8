"""Trained generators as a small folder that needs no store: to hand on, or for the package."""

from dataclasses import replace
from pathlib import Path

from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.translate import LAST
from agegen.faces.geometry import write_geometry
from agegen.faces.records import CLASS_NAMES
from agegen.photos.translate import load_photo_translator
from agegen.run.configs import to_plain
from agegen.run.errors import UserError
from agegen.run.files import read_json, write_json
from agegen.run.pretrained import PRETRAINED
from agegen.run.tensor_files import in_half, load_tensors, save_tensors


def pack_cyclegan(
    run: Path, out: Path, faces: Path | None = None, weights: str | None = None
) -> str:
    """Write generators in half precision.

    Args:
        run: folder of the CycleGAN's training.
        out: where to; a model card that is there stays.
        faces: folder of its FaceStore, if the run does not know how its faces are cropped and the
            store was moved.
        weights: "best" or "generators", the last ones; None takes the best if any were chosen.

    Returns:
        Which weights they are: "best" or "generators".

    Raises:
        UserError: the run is missing or damaged, does not know how faces are cropped, or `out`
            holds a run.
    """
    if (out / "config.json").exists():
        raise UserError(f"{out} already holds a run: choose another --out")
    loaded = load_photo_translator(run, CLASS_NAMES[1], faces, weights=weights)
    weights = loaded.translator.weights
    half = in_half(load_tensors(run / f"{weights}.safetensors"))
    save_tensors(out / f"{LAST}.safetensors", half)
    if loaded.geometry:
        write_geometry(out, loaded.geometry)
    saved = read_json(run / "config.json")
    write_json(out / "config.json", {**saved, "config": portable(loaded.translator.config)})
    return weights


def portable(config: CycleGANConfig) -> dict:
    """The config without the paths of this machine."""
    start = PRETRAINED if config.start_from == PRETRAINED else None  # a path of this machine
    moved = replace(config, faces=PRETRAINED, out=PRETRAINED, judge=None, resume=False)
    return to_plain(replace(moved, start_from=start))
