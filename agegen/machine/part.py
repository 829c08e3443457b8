"""What a part of the check found, or why it could not."""

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from agegen.run.errors import UserError


@dataclass
class Part:
    """What a part of the check found.

    Attributes:
        lines: for people.
        figures: plain JSON types.
        problems: what is not as it should be, a sentence each.
        advice: what to do, or worth knowing, a sentence each.
        seconds: that it took.
        traceback: of the error that ended it; empty if none did.
    """

    lines: list[str] = field(default_factory=list)
    figures: dict = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    seconds: float = 0.0
    traceback: str = ""

    @property
    def failed(self) -> bool:
        """Whether an error ended it: nothing is known then."""
        return bool(self.traceback)


def attempt(call: Callable[[], Part]) -> Part:
    """Let a part be done; an error ends it alone, whatever was raised."""
    started = time.perf_counter()
    try:
        part = call()
    except Exception as error:
        part = Part(problems=[f"failed: {one_line(error)}"], traceback=text_of(error))
    part.seconds = time.perf_counter() - started
    return part


def one_line(error: BaseException) -> str:
    """An error's first line; of others than the user's mistakes also its type."""
    said = next(iter(str(error).strip().splitlines()), "")
    return said if isinstance(error, UserError) else f"{type(error).__name__}: {said}"


def text_of(error: BaseException) -> str:
    """The traceback."""
    return "".join(traceback.format_exception(error))
