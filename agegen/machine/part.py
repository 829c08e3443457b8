"""What a part of the check found, or why it could not; and the time that is left for others."""

import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from agegen.run.errors import UserError


@dataclass
class Part:
    """What a part of the check found."""

    lines: list[str] = field(default_factory=list)  # for people
    figures: dict = field(default_factory=dict)  # plain JSON types
    problems: list[str] = field(default_factory=list)  # what is not as it should be, in sentences
    advice: list[str] = field(default_factory=list)  # what to do, or worth knowing, in sentences
    seconds: float = 0.0  # that it took
    traceback: str = ""  # of the error that ended it; empty if none did


def attempt(call: Callable[[], Part]) -> Part:
    """Let a part be done; an error ends it alone, whatever was raised."""
    started = time.perf_counter()
    try:
        part = call()
    except Exception as error:
        part = Part(
            problems=[f"failed: {one_line(error)}"],
            traceback="".join(traceback.format_exception(error)),
        )
    part.seconds = time.perf_counter() - started
    return part


def one_line(error: BaseException) -> str:
    """An error's first line; of others than the user's mistakes also its type."""
    said = next(iter(str(error).strip().splitlines()), "")
    return said if isinstance(error, UserError) else f"{type(error).__name__}: {said}"


class Clock:
    """Counts the time that is left, in all `minutes` from now; says it beside what is done."""

    def __init__(self, minutes: float) -> None:
        self.ends = time.monotonic() + 60 * minutes

    def left(self, before: float = 0.0) -> float:
        """Seconds until the end, or until so many before it; never less than 0."""
        return max(self.ends - before - time.monotonic(), 0.0)

    def say(self, what: str) -> None:
        """Print a line to stderr: the report alone goes to stdout."""
        left = self.left()
        said = f"at most {left / 60:.1f} min left" if left else "the time is over"
        print(f"[{said}] {what}", file=sys.stderr, flush=True)
