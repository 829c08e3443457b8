"""The time that a check may take, and what it says meanwhile."""

import sys
import time


class Clock:
    """Counts the time that is left, and says it beside what is being done.

    Args:
        minutes: in all, from now.
    """

    def __init__(self, minutes: float) -> None:
        self.ends = time.monotonic() + 60 * minutes

    def left(self) -> float:
        """Seconds until the end; never less than 0."""
        return max(self.ends - time.monotonic(), 0.0)

    def say(self, what: str) -> None:
        """Print a line to stderr: the report alone goes to stdout."""
        left = self.left()
        said = f"at most {left / 60:.1f} min left" if left else "the time is over"
        print(f"[{said}] {what}", file=sys.stderr, flush=True)
