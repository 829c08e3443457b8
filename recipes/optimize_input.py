"""Make images that a trained classifier takes for young or old: from noise, or from a face.

    python recipes/optimize_input.py --run runs/utkface
    python recipes/optimize_input.py --run runs/utkface --target young --start face
    python recipes/optimize_input.py --run runs/utkface --target old --start face --face 12
    python recipes/optimize_input.py --run runs/utkface --start photo --photo cropped.jpg
    python recipes/optimize_input.py --run runs/utkface --method.parameters pixel \\
        --method.no-decorrelate --method.shift 0 --method.rotation 0 --method.scale 0 \\
        --method.total-variation 0 --method.l2 0 --method.blur 0     # no regulariser: adversarial

Writes RUN/inputs: the images, enlarged; before_after.png; curve.svg; figures.json. A second
classifier says whether it is convinced too: --judge, or the one that the analysis of the run has
trained (recipes/analyze_classifier.py --chapters transfer), which also compares the regularisers.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from agegen.analysis.inputs.image_parameters import colour_covariance, decorrelated_colours
from agegen.analysis.inputs.optimize import OptimizeConfig, Start, centre_crops, optimize
from agegen.analysis.inputs.save import describe, require_same_faces, save_inputs
from agegen.analysis.inputs.second_classifier import KINDS, folder_of
from agegen.classifier.predict import Classifier, load_classifier, require_size
from agegen.classifier.training_faces import open_faces
from agegen.faces.decode import BadImageError, decode_face
from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import FaceStore
from agegen.report.classifier.transfer_pictures import write_curve
from agegen.run.cli import run_recipe
from agegen.run.devices import cores_per_process
from agegen.run.errors import UserError
from agegen.run.pretrained import results_of
from agegen.run.progress import Progress


@dataclass(frozen=True)
class InputConfig:
    """Which images to make, for which classifier."""

    run: Path
    """Folder of the trained classifier."""
    target: Literal["young", "old"] = "old"
    """What the classifier shall say."""
    start: Literal["noise", "face", "photo"] = "noise"
    """What to start from."""
    face: int | None = None
    """Number of the face in the store; by default validation faces of the other class are drawn:
    neither the run nor the second classifier of its analysis was trained on those."""
    photo: Path | None = None
    """A photo that is cropped like the faces of the store."""
    count: int = 4
    """How many noises or drawn faces."""
    method: OptimizeConfig = field(default_factory=OptimizeConfig)
    """How to optimise."""
    judge: Path | None = None
    """Run folder of another classifier; by default that of the run's analysis."""
    faces: Path | None = None
    """Folder of the FaceStore that the classifier was trained on, if it was moved."""
    out: Path | None = None
    """Folder for the results; by default inputs in the run."""

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UserError("--count must be above 0")
        if self.face is not None and self.start != "face":
            raise UserError("--face needs --start face")
        if (self.photo is None) == (self.start == "photo"):
            raise UserError("--start photo and --photo FILE need each other")


def main(config: InputConfig) -> None:
    """Optimise, judge, save, print a line an image."""
    torch.set_num_threads(cores_per_process())
    classifier = load_classifier(config.run)
    store = open_faces(classifier.config, config.faces)
    require_size(classifier, store)
    starts = choose_starts(config, store, classifier)
    judge = load_judge(config, classifier)
    colours = decorrelated_colours(colour_covariance(store))
    with Progress(config.method.steps * len(starts), "optimisation", "image steps") as progress:
        images = optimize(classifier, list(starts.values()), config.method, colours, progress)
    out, target = config.out or results_of(config.run) / "inputs", CLASS_NAMES.index(config.target)
    figures = save_inputs(out, target, list(starts), images, config.method, judge)
    write_curve(out / "curve.svg", figures)
    print(describe(figures))
    print(f"saved to {out}: images, before_after.png, curve.svg, figures.json")


def choose_starts(config: InputConfig, store: FaceStore, classifier: Classifier) -> dict:
    """Names of the images → their starts."""
    target = CLASS_NAMES.index(config.target)
    if config.start == "noise":
        seeds = range(config.method.seed, config.method.seed + config.count)
        return {f"{config.target}_from_noise_{s}": Start(target, seed=s) for s in seeds}
    if config.photo:
        name, images = f"photo_{config.photo.stem}", read_photo(config.photo, store.size)[None]
        (crop,) = centre_crops(images, classifier.crop)
        return {f"{config.target}_from_{name}": Start(target, crop)}
    indices = choose_faces(config, store, target)
    crops = centre_crops(store.images[indices], classifier.crop)
    return {
        f"{config.target}_from_face_{i}": Start(target, crop)
        for i, crop in zip(indices, crops, strict=True)
    }


def choose_faces(config: InputConfig, store: FaceStore, target: int) -> np.ndarray:
    """The face that was asked for, or validation faces of the other class."""
    if config.face is None:
        held_out = store.indices("val")
        others = held_out[store.labels[held_out] != target]
        return np.random.default_rng(config.method.seed).permutation(others)[: config.count]
    if not 0 <= config.face < len(store):
        raise UserError(f"--face {config.face}: {store.folder} has faces 0 to {len(store) - 1}")
    return np.array([config.face])


def read_photo(path: Path, size: int) -> np.ndarray:
    """Decode a photo like a face of the store, uint8 (size, size, 3)."""
    if not path.is_file():
        raise UserError(f"--photo {path} is not a file")
    try:
        return decode_face(path, size)
    except BadImageError as error:
        raise UserError(f"--photo {path}: {error}") from None


def load_judge(config: InputConfig, classifier: Classifier) -> Classifier | None:
    """Load the second classifier; None if the run has none yet."""
    folder = config.judge or folder_of(config.run, KINDS[0])
    if config.judge is None and not (config.run / "analysis" / "transfer.json").exists():
        print("note: no second classifier is there to judge the images; see --help")
        return None
    judge = load_classifier(folder)
    require_same_faces(classifier, judge, folder)
    return judge


if __name__ == "__main__":
    run_recipe(InputConfig, main, __doc__)
