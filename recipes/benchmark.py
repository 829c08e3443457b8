"""How fast this machine trains, against the plain loops: one table, from one run.

    python recipes/benchmark.py
    python recipes/benchmark.py --faces data/utkface --out benchmark.json
    python recipes/benchmark.py --batch-sizes 1 8 --rounds 5 --steps 40
    python recipes/benchmark.py --processes 1

Without --faces it draws faces, so that it needs no data. The contestants take turns, each turn in
a process of its own, so that a busy machine disturbs all of them alike. docs/benchmark.md explains
the columns.
"""

from pathlib import Path

from agegen.benchmark.benchmark import benchmark
from agegen.benchmark.config import BenchmarkConfig
from agegen.cyclegan.config import CycleGANConfig
from agegen.run.cli import run_recipe
from agegen.run.configs import from_plain
from agegen.run.files import read_json

CPU_SETTINGS = Path(__file__).parent / "configs" / "cyclegan_small.json"


def main(config: BenchmarkConfig) -> None:
    """Measure, and print the table."""
    content = {"faces": "", "out": "", **read_json(CPU_SETTINGS)}
    print("\n" + benchmark(config, from_plain(CycleGANConfig, content, CPU_SETTINGS)))


if __name__ == "__main__":
    run_recipe(BenchmarkConfig, main, __doc__)
