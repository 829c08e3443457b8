"""The configuration of a check; every field becomes a flag of the recipe."""

from dataclasses import dataclass
from pathlib import Path

from agegen.run.errors import UserError

QUICK = 1.0  # minutes


@dataclass(frozen=True)
class CheckConfig:
    """How long to check this machine, and where to write what was found."""

    minutes: float = 8.0
    """Time in all. What is necessary is computed first, speeds with what is left of it; below one
    minute, narrow networks are computed with and no speeds are measured."""
    out: Path = Path("check_machine.json")
    """JSON file for all that was found."""

    def __post_init__(self) -> None:
        if not self.minutes > 0:
            raise UserError("--minutes must be above 0")
        if self.out.suffix != ".json":
            raise UserError(f"--out {self.out} must end in .json")

    @property
    def quick(self) -> bool:
        """Whether the networks are narrow, and no speeds are measured."""
        return self.minutes < QUICK
