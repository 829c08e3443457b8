"""Progress with a time estimate: a bar on a terminal, a plain line now and then in a log."""

import sys
import time

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 20.0


class Progress:
    """Counts units of work towards a total; use as a context manager.

    The `initial` ones, done before (by an earlier run), do not enter the rate; where it is not
    `enabled` it is silent (processes other than the first).
    """

    def __init__(
        self, total: int, label: str, unit: str = "it", initial: int = 0, enabled: bool = True
    ) -> None:
        self.total, self.label, self.unit = total, label, unit
        self.done, self.initial, self.note = initial, initial, ""
        self.enabled = enabled
        self.started = self.last_line = time.monotonic()
        self.printed = initial
        self.bar = None
        if enabled and sys.stderr.isatty():
            self.bar = tqdm(total=total, initial=initial, desc=label, unit=unit, mininterval=0.5)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()
        elif self.enabled and kind is None and self.done > self.printed:
            self.print_line()

    def update(self, n: int = 1, note: str = "") -> None:
        """Count `n` more units; `note` is shown behind the bar (latest loss, say)."""
        self.done += n
        self.note = note or self.note
        if self.bar is not None:
            self.bar.set_postfix_str(self.note, refresh=False)
            self.bar.update(n)
        elif self.enabled and time.monotonic() - self.last_line >= SECONDS_BETWEEN_LINES:
            self.print_line()

    def print_line(self) -> None:
        """Write one line: share done, rate, time left."""
        self.last_line, self.printed = time.monotonic(), self.done
        seconds = max(self.last_line - self.started, 1e-9)
        rate = (self.done - self.initial) / seconds
        digits = 0 if rate >= 10 else 1
        speed = f"{1 / rate:,.1f} s each" if 0 < rate < 1 else f"{rate:,.{digits}f} {self.unit}/s"
        left = (self.total - self.done) / rate if rate else float("inf")
        share = self.done / max(self.total, 1)
        ending = f", about {left:,.0f} s left" if left else f" in {seconds:,.0f} s"
        note = f"  {self.note}" if self.note else ""
        print(
            f"{self.label}: {self.done:,}/{self.total:,} {self.unit} ({share:.0%}), "
            f"{speed}{ending}{note}",
            file=sys.stderr,
            flush=True,
        )
