"""How well classify_photos finds, aligns and classifies faces, on scenes made of held-out faces.

    python recipes/benchmark_photos.py --run runs/utkface --out photos_benchmark
    python recipes/benchmark_photos.py --run runs/utkface --out runs/found --backgrounds landscapes/
    python recipes/benchmark_photos.py --run runs/utkface --out runs/found --photos party/

Each scene has one to six faces of the test split, tilted, of several sizes, on drawn backgrounds
and on photos without people (--backgrounds); every fourth is saved as by a turned camera. Real
photos (--photos) come with marks.csv (photo,x,y,width,view,age): the faces that a person sees in
them. Needs the extra photos.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from agegen.classifier.training_faces import open_faces
from agegen.faces.decode import BadImageError
from agegen.photos.benchmark import Placed, measure_scenes
from agegen.photos.classify import load_photo_classifier
from agegen.photos.crop import decode_photo, list_photos
from agegen.photos.figures import describe_figure, real_figures, scene_figures
from agegen.photos.real_photos import FalseFind, RealFace, measure_real_photos
from agegen.photos.scenes import SceneConfig
from agegen.run.cli import run_recipe
from agegen.run.errors import UserError
from agegen.run.files import write_json, write_rows


@dataclass(frozen=True)
class PhotoBenchmarkConfig:
    """What to measure."""

    run: Path
    """Folder of the trained classifier."""
    out: Path
    """Folder for the scenes, the tables and results.json."""
    faces: Path | None = None
    """Folder of its FaceStore, if it was moved; the source photos must exist."""
    backgrounds: Path | None = None
    """Folder of photos without people, behind every second scene."""
    photos: Path | None = None
    """Folder of real photos with marks.csv."""
    scenes: int = 60
    """Scenes to make; 0 makes none."""
    scene: SceneConfig = field(default_factory=SceneConfig)
    """Sides and tilts of the pasted faces."""
    seed: int = 0
    """Of everything random."""

    def __post_init__(self) -> None:
        if self.scenes < 0 or self.seed < 0:
            raise UserError("--scenes and --seed must not be negative")
        if not self.scenes and not self.photos:
            raise UserError("nothing to measure: give --photos or some --scenes")


def main(config: PhotoBenchmarkConfig) -> None:
    """Classify scenes and real photos, print and save the tables."""
    loaded = load_photo_classifier(config.run, config.faces)
    rows = []
    if config.scenes:
        store, folder = open_faces(loaded.classifier.config, config.faces), config.out / "scenes"
        backgrounds = read_backgrounds(config.backgrounds)
        made = measure_scenes(
            loaded, store, folder, config.scenes, config.scene, backgrounds, config.seed
        )
        write_rows(config.out / "faces.csv", Placed._fields, made.faces)
        rows += scene_figures(made)
    if config.photos:
        measured = measure_real_photos(loaded, config.photos)
        write_rows(config.out / "real_faces.csv", RealFace._fields, measured.faces)
        write_rows(config.out / "false_finds.csv", FalseFind._fields, measured.false_finds)
        rows += real_figures(measured)
    settings = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(config).items()}
    write_json(config.out / "results.json", {"config": settings, "rows": rows})
    for row in rows:
        print(describe_figure(row))


def read_backgrounds(folder: Path | None) -> list[np.ndarray]:
    """Decode the photos of a folder."""
    paths, rejected = list_photos([folder]) if folder else ([], [])
    if folder and not paths:
        raise UserError(f"{rejected[0].path}: {rejected[0].reason}")
    try:
        return [decode_photo(path) for path in paths]
    except BadImageError as error:
        raise UserError(f"a photo of {folder} cannot be used: {error}") from None


if __name__ == "__main__":
    run_recipe(PhotoBenchmarkConfig, main, __doc__)
