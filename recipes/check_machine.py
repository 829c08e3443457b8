"""Check a new machine before anything else: does it compute as it should, and how fast?

    python recipes/check_machine.py
    python recipes/check_machine.py --minutes 20 --out machine.json
    python recipes/check_machine.py --minutes 0.5       # what is necessary, in narrow networks

It needs no data: it draws faces. The first steps of both trainings are compared with the CPU's,
trainings are resumed and sent back, waits for the GPU are listed, all is done once from training to
photos, and speeds are measured in the time that is left. The verdict stands above and below what
was found; status 1 says that something is not as it should be. docs/benchmark.md explains it.
"""

import sys
from pathlib import Path

from agegen.cyclegan.config import CycleGANConfig
from agegen.machine.check import check
from agegen.machine.config import CheckConfig
from agegen.run.cli import run_recipe
from agegen.run.configs import from_plain
from agegen.run.files import read_json

CPU_SETTINGS = Path(__file__).parent / "configs" / "cyclegan_small.json"


def main(config: CheckConfig) -> None:
    """Check, print and write; end with status 1 if something is not as it should be."""
    content = {"faces": "", "out": "", **read_json(CPU_SETTINGS)}
    if not check(config, from_plain(CycleGANConfig, content, CPU_SETTINGS)).ok:
        sys.exit(1)


if __name__ == "__main__":
    run_recipe(CheckConfig, main, __doc__)
