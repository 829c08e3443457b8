"""What a process and its terminal do to each other: readable output, and signals that stop it."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from types import FrameType
from typing import Any, TextIO, cast

# Those of the terminal (C0, C1), and those that turn the direction of text or break lines; not
# tabulator and newline. A file's name may hold any of them.
CONTROLS = {
    code: chr(code).encode("unicode_escape").decode()
    for first, last in (
        (0x00, 0x08), (0x0B, 0x1F), (0x7F, 0x9F), (0x061C, 0x061C), (0x200E, 0x200F),
        (0x2028, 0x202E), (0x2066, 0x2069),
    )
    for code in range(first, last + 1)
}  # fmt: skip


def readable(text: str) -> str:
    """Write control characters as escapes, such as ``\\x1b``."""
    return text.translate(CONTROLS)


class ReadableStream:
    """A text stream that is written to without control characters.

    Args:
        stream: where the text goes.
        bars: let a text begin with the carriage return of progress bars. Without bars it is no
            terminal for those who ask, since libraries send colours to one.
    """

    def __init__(self, stream: TextIO, bars: bool) -> None:
        self.stream, self.bars = stream, bars

    def write(self, text: str) -> int:
        """Write a text; returns the length of what was written."""
        start = "\r" if self.bars and text.startswith("\r") else ""
        return self.stream.write(start + readable(text[len(start) :]))

    def isatty(self) -> bool:
        """True if what reads it can show bars."""
        return self.bars and self.stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def readable_streams() -> Iterator[None]:
    """Keep control characters from the terminal, whoever prints them."""
    out = cast(TextIO, ReadableStream(sys.stdout, bars=False))
    errors = cast(TextIO, ReadableStream(sys.stderr, bars=True))
    with redirect_stdout(out), redirect_stderr(errors):
        yield


class Terminated(KeyboardInterrupt):
    """SIGTERM came; what handles Ctrl-C handles it."""


@contextmanager
def sigterm_handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Let a function handle SIGTERM, as the main thread may; it is put back at the end."""
    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


@contextmanager
def sigterm_noted() -> Iterator[Callable[[], bool]]:
    """Note SIGTERM and go on: a training ends at its next step, with a checkpoint.

    Yields what tells whether it came, or ended the launcher: `accelerate launch` of one process
    passes no signal on. In other threads than the main one nothing is noted.
    """
    came: list[int] = []
    launched = launcher()
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    with sigterm_handled(lambda number, frame: came.append(number)):
        yield lambda: bool(came) or (launched > 0 and os.getppid() != launched)


def launcher() -> int:
    """The process of `accelerate launch` that started this one; 0 if another did (not on Linux)."""
    parent = os.getppid()
    with suppress(OSError):
        called = Path(f"/proc/{parent}/cmdline").read_bytes().decode(errors="replace")
        if any(Path(part).name.startswith("accelerate") for part in called.split("\0")[:3]):
            return parent
    return 0


@contextmanager
def stopped_by_sigterm() -> Iterator[None]:
    """Let SIGTERM unwind the stack as Ctrl-C does, so that what is being written is finished.

    It ends one of several processes at once, as ever: while it waits for the others inside a
    library, no Python code would run. Trainings note it instead (`sigterm_noted`).
    """

    def raise_terminated(number: int, frame: FrameType | None) -> None:
        raise Terminated

    alone = os.environ.get("WORLD_SIZE", "1") == "1"
    in_main = threading.current_thread() is threading.main_thread()
    with sigterm_handled(raise_terminated) if alone and in_main else nullcontext():
        yield
