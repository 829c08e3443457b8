"""Draw synthetic faces, young and old, as JPEG files in CACD's naming: no download needed.

python recipes/draw_faces.py --out data/drawn/photos --faces 4000
python recipes/prepare_faces.py --source data/drawn/photos --out data/drawn/faces
"""

from dataclasses import dataclass
from pathlib import Path

from agegen.allocator import keep_freed_memory
from agegen.cli import run_recipe
from agegen.errors import UserError
from agegen.faces.synthetic import write_faces


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
    if config.faces < 2 or config.faces_per_identity < 1 or config.size < 32:
        raise UserError("--faces must be 2 or more, --faces-per-identity 1, --size 32")
    if config.out.exists() and any(config.out.iterdir()):
        print(f"{config.out} already holds photos: nothing drawn")
        return
    keep_freed_memory()  # halves the time: drawing allocates many large arrays
    write_faces(
        config.out,
        config.faces,
        config.seed,
        faces_per_identity=config.faces_per_identity,
        size=config.size,
    )
    print(f"{config.faces:,} faces drawn in {config.out}")


if __name__ == "__main__":
    run_recipe(DrawConfig, main, __doc__)
