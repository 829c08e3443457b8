"""Pack a trained classifier or trained generators to hand them on: half precision, no store needed.

    python recipes/pack_run.py --run runs/utkface --out packed/classifier
    python recipes/pack_run.py --run runs/cyclegan --out packed/cyclegan --faces data/utkface

The folder can be named as --run and --judge wherever the run could, but has no record of the
training and no faces. A class of your own is not packed: hand on its file too. This is how
agegen/pretrained is made. Write a model card, README.md, beside it: which data and terms, which
figures, which limits.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agegen.photos.pack import pack_classifier, pack_cyclegan
from agegen.run.cli import run_recipe
from agegen.run.files import read_json
from agegen.run.own_class import is_own


@dataclass(frozen=True)
class PackConfig:
    """Which run, and where to."""

    run: Path
    """Folder of a trained classifier, or of a CycleGAN's training."""
    out: Path
    """Folder for the packed run; one that holds a run is refused."""
    faces: Path | None = None
    """Folder of the FaceStore that it was trained on, if it was moved."""
    weights: Literal["best", "generators"] | None = None
    """Which generators: those that a judge chose, or the last ones; by default the best if any."""


def main(config: PackConfig) -> None:
    """Pack, and say what it is."""
    saved = read_json(config.run / "config.json").get("config", {})
    if "generator" in saved:
        print(f"weights: {pack_cyclegan(config.run, config.out, config.faces, config.weights)}")
    else:
        print(pack_classifier(config.run, config.out, config.faces).describe())
    size = sum(path.stat().st_size for path in config.out.iterdir() if path.is_file())
    print(f"saved to {config.out} ({size / 1e6:.1f} MB)")
    own = saved.get("generator", saved.get("model", {})).get("name", "")
    if is_own(own):
        print(f"warning: {own} is a class of your own and is not in it: hand on its file too")


if __name__ == "__main__":
    run_recipe(PackConfig, main, __doc__)
