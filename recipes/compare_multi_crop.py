"""Compare flips, five, ten and random crops with the centre crop, over several trained runs.

    python recipes/compare_multi_crop.py --runs runs/seed0 runs/seed1 runs/seed2
    python recipes/compare_multi_crop.py --runs runs/seed0 --faces data/utkface --out crops.json

Prints the mean gain in accuracy and AUC with 95 % intervals, and exact McNemar tests: of each run,
pooled over the runs, and counting every face once.
"""

from dataclasses import dataclass
from pathlib import Path

from agegen.analysis.compare_multi_crop import compare_schemes, describe
from agegen.run.cli import run_recipe
from agegen.run.errors import UserError
from agegen.run.files import write_json


@dataclass(frozen=True)
class CompareConfig:
    """Which runs."""

    runs: tuple[Path, ...]
    """Folders of classifiers trained on the same faces."""
    faces: Path | None = None
    """Folder of their FaceStore, if it is no longer where they were trained."""
    out: Path | None = None
    """File for all the figures, as JSON."""
    seed: int = 0
    """Seed of the random crops and the bootstrap."""

    def __post_init__(self) -> None:
        if not self.runs or self.seed < 0:
            raise UserError("--runs needs a folder or more, --seed cannot be negative")


def main(config: CompareConfig) -> None:
    """Compare, print, save."""
    comparison = compare_schemes(list(config.runs), config.faces, config.seed)
    print(describe(comparison))
    if config.out:
        write_json(config.out, comparison)
        print(f"saved to {config.out}")


if __name__ == "__main__":
    run_recipe(CompareConfig, main, __doc__)
