"""Compare trainings of CycleGANs by what they pay for age: shift against identity, over training.

    python recipes/compare_cyclegans.py runs/gan_a runs/gan_b runs/gan_c --out frontier.svg

The runs must be of the same faces, and have been trained with --judge where the extras photos and
judges are installed. It reads saved files only; runs may still be at work. Runs are named by the
settings in which they differ.
"""

import base64
from dataclasses import dataclass
from pathlib import Path

import tyro

from agegen.report.cyclegan.frontier import compare, draw_frontier, read_runs
from agegen.run.cli import run_recipe
from agegen.run.files import write_text


@dataclass(frozen=True)
class CompareConfig:
    """Which runs, and where to."""

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Folders of the trainings."""
    out: Path = Path("frontier.svg")
    """The figure."""


def main(config: CompareConfig) -> None:
    """Draw the figure, print the table."""
    runs = read_runs(config.runs)
    drawn, table = draw_frontier(runs), compare(runs)
    write_text(config.out, base64.b64decode(drawn.src.split(",", 1)[1]).decode())
    for row in (table.header, ["---"] * len(table.header), *table.rows):
        print("|", " | ".join(row), "|")
    print(f"saved to {config.out}")


if __name__ == "__main__":
    run_recipe(CompareConfig, main, __doc__)
