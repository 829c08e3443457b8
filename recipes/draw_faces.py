"""Draw synthetic faces, young and old, as JPEG files in CACD's naming: no download needed.

python recipes/draw_faces.py --out data/drawn/photos --faces 4000
python recipes/prepare_faces.py --source data/drawn/photos --out data/drawn/faces
"""

from dataclasses import asdict, dataclass
from pathlib import Path

from agegen.drawn.synthetic import write_faces
from agegen.run.allocator import keep_freed_memory
from agegen.run.cli import run_recipe
from agegen.run.errors import UserError
from agegen.run.files import explained_write_errors, read_json, write_json

DRAWN = ".drawn.json"  # what the photos beside it were drawn from


@dataclass(frozen=True)
class DrawConfig:
    """How many faces to draw, and where."""

    out: Path
    """Folder for the photos; made if missing."""
    faces: int = 4000
    """Number of photos, half of them young, half old."""
    faces_per_identity: int = 2
    """Photos of each person; they differ in age, pose, light and background."""
    size: int = 100
    """Side of the photos in pixels."""
    seed: int = 0
    """Decides everything that is drawn."""


def main(config: DrawConfig) -> None:
    """Draw the photos unless they are there."""
    if config.faces < 2 or config.faces_per_identity < 1 or config.size < 32 or config.seed < 0:
        raise UserError("--faces must be 2 or more, --faces-per-identity 1, --size 32, --seed 0")
    request = {name: value for name, value in asdict(config).items() if name != "out"}
    with explained_write_errors(config.out):
        if config.out.exists() and any(config.out.iterdir()):
            if not (config.out / DRAWN).exists() or read_json(config.out / DRAWN) != request:
                what = f"{config.out} holds something else"
                raise UserError(f"{what}: choose another --out, or empty it")
            print(f"{config.out} already holds these photos: nothing drawn")
            return
        keep_freed_memory()  # halves the time: drawing allocates many large arrays
        write_faces(
            config.out, config.faces, config.seed,
            faces_per_identity=config.faces_per_identity, size=config.size,
        )  # fmt: skip
        write_json(config.out / DRAWN, request)
    print(f"{config.faces:,} faces drawn in {config.out}")


if __name__ == "__main__":
    run_recipe(DrawConfig, main, __doc__)
