"""When a training looks, saves and stops: by steps, by minutes, and at SIGTERM, all together."""

import time
from collections.abc import Callable

from accelerate import Accelerator

from agegen.run.distributed import any_of_all


class Schedule:
    """What is due every so many minutes (if above 0) or steps, and after the last step."""

    def __init__(self, steps: int, minutes: float, last: int) -> None:
        self.steps, self.seconds, self.last = steps, 60 * minutes, last
        self.restart()

    def restart(self) -> None:
        """Count the minutes from now."""
        self.started = time.monotonic()

    def is_late(self) -> bool:
        """True if the minutes are over."""
        return bool(self.seconds) and time.monotonic() - self.started >= self.seconds

    def is_due(self, step: int) -> bool:
        """True if it is due by the number of the step."""
        return step == self.last or (not self.seconds and step % self.steps == 0)


class Council:
    """Asks all processes what one of them may know alone: that it is late, or that SIGTERM came.

    It asks `every` so many steps where asking makes a GPU wait for the others.
    """

    def __init__(self, accelerator: Accelerator, every: int) -> None:
        waits = accelerator.num_processes > 1 and accelerator.device.type != "cpu"
        self.main, self.every = accelerator.is_main_process, every if waits else 1

    def ask(self, step: int, stops: Callable[[], bool], *schedules: Schedule) -> list[bool]:
        """Whether the training stops, then whether each schedule is due after this step.

        The first process's clock counts.
        """
        late = [False] * (1 + len(schedules))
        if step % self.every == 0:
            late = any_of_all(stops(), *(self.main and s.is_late() for s in schedules))
        return [late[0], *(a or s.is_due(step) for a, s in zip(late[1:], schedules, strict=True))]
