"""Pack a trained classifier or trained generators to hand them on: half precision, no store needed.

    python recipes/pack_run.py --run runs/utkface --out packed/classifier
    python recipes/pack_run.py --run runs/cyclegan --out packed/cyclegan --faces data/utkface
    python recipes/pack_run.py --run runs/utkface --out packed/mine --card --license cc-by-nc-4.0

The folder can be named as --run and --judge wherever the run could, but has no record of the
training and no faces. A class of your own is not packed: hand on its file too. This is how
agegen/pretrained is made. --card writes a model card, README.md, beside it, as the Hugging Face Hub
reads it: training, figures of the run's evaluation.json, limits. Read it, and add what you know:
which data and whose, which groups of people, what it gets wrong.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agegen.run.cli import run_recipe
from agegen.run.errors import UserError
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
    card: bool = False
    """Write a model card."""
    license: str | None = None
    """Its licence, as the Hub names it (cc-by-nc-4.0, mit, other …): heed the terms of the data."""
    datasets: tuple[str, ...] = ()
    """What the run was trained on, by the names on the Hub, for the card."""

    def __post_init__(self) -> None:
        if self.card and not self.license:
            raise UserError("--card needs --license: there is no licence to guess")
        if not self.card and (self.license or self.datasets):
            raise UserError("--license and --datasets are for the model card: add --card")


def main(config: PackConfig) -> None:
    """Pack, and say what it is."""
    saved = read_json(config.run / "config.json").get("config", {})
    # PyTorch takes seconds, for which mistakes need not wait
    from agegen.photos.card import make_card
    from agegen.photos.pack import pack_classifier, pack_cyclegan

    card = None
    if config.license:  # made before anything is packed, so that its mistakes leave nothing
        name = config.out.absolute().name
        card = make_card(config.run, name, config.license, config.datasets, config.weights)
    if "generator" in saved:
        packed = pack_cyclegan(config.run, config.out, config.faces, config.weights, card)
        print(f"weights: {packed}")
    else:
        print(pack_classifier(config.run, config.out, config.faces, card).describe())
    size = sum(path.stat().st_size for path in config.out.iterdir() if path.is_file())
    print(f"saved to {config.out} ({size / 1e6:.1f} MB)")
    own = saved.get("generator", saved.get("model", {})).get("name", "")
    if is_own(own):
        print(f"warning: {own} is a class of your own and is not in it: hand on its file too")


if __name__ == "__main__":
    run_recipe(PackConfig, main, __doc__)
