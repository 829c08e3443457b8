"""The configuration of a benchmark; every field becomes a flag of the recipe."""

from dataclasses import dataclass
from pathlib import Path

from agegen.run.errors import UserError


@dataclass(frozen=True)
class BenchmarkConfig:
    """What to measure, and how long."""

    faces: Path | None = None
    """Folder of a FaceStore whose source photos still exist; without one, faces are drawn."""
    drawn: int = 2000
    """How many faces are drawn where there is no --faces."""
    batch_sizes: tuple[int, ...] = (1,)
    """Pairs per step of the CycleGAN, one set of rows for each."""
    size: int = 0
    """Side in pixels of the CycleGAN's faces; 0 is that of cyclegan_small.json on a CPU, of the
    defaults on a GPU."""
    width: int = 0
    """Width of the CycleGAN's networks; 0 as for --size."""
    blocks: int = 0
    """Residual blocks of the generators; 0 as for --size."""
    rounds: int = 3
    """Turns that each contestant takes; the table has medians over them."""
    steps: int = 15
    """Timed steps of a turn, after about a third as many untimed ones."""
    processes: tuple[int, ...] = ()
    """Numbers of processes to compare; not given: 1 and the number of GPUs, or of a CPU's cores.
    1 alone leaves the comparison out."""
    out: Path | None = None
    """JSON file for all measurements."""

    def __post_init__(self) -> None:
        for name in ("drawn", "rounds", "steps"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name} must be above 0")
        for name in ("size", "width", "blocks"):
            if getattr(self, name) < 0:
                raise UserError(f"--{name} cannot be negative")
        for name in ("batch_sizes", "processes"):
            if any(value < 1 for value in getattr(self, name)):
                raise UserError(f"--{name.replace('_', '-')} must be above 0")
        if not self.batch_sizes:
            raise UserError("--batch-sizes needs a number of pairs")
        if self.drawn < 100:
            raise UserError(
                "--drawn must be 100 or more, so that both classes have validation faces"
            )

    @property
    def warm_up(self) -> int:
        """Steps of a turn that are not timed; every so many write a log line and a checkpoint."""
        return max(self.steps // 3, min(self.steps, 5))
