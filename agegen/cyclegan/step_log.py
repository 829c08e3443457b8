"""The log of a CycleGAN training's steps."""

import time

import numpy as np
import torch
from torch import Tensor, nn

from agegen.cyclegan.objective import Losses
from agegen.cyclegan.training import Training
from agegen.run.devices import peak_memory

LOG_EVERY = 20


class NotFiniteError(Exception):
    """A loss or a weight is NaN or infinite."""

    def __init__(self, what: str, step: int) -> None:
        super().__init__(f"the {what} of step {step} are not finite")


class StepLog:
    """Collects every step's losses and writes them together, so that no step waits for a copy."""

    def __init__(self, training: Training, batch_size: int) -> None:
        self.accelerator, self.run = training.accelerator, training.run
        self.batch_size, self.note = batch_size, ""
        self.names: list[str] = []
        self.values: list[Tensor] = []
        self.records: list[dict] = []
        self.in_steps, self.begun = 0.0, time.perf_counter()
        self.restart_clock()

    def add(self, step: int, rate: float, made: Losses, judged: Losses) -> None:
        """Take one step's losses; every `LOG_EVERY` steps they are written.

        Raises:
            NotFiniteError: a loss since the last writing was not finite.
        """
        both = {"generator": made, "discriminator": judged}
        named = {
            f"{whose}_{name}": value
            for whose, losses in both.items()
            for name, value in {"total": losses.total, **losses.terms}.items()
        }
        self.names = list(named)
        self.values.append(torch.stack(list(named.values())).detach())
        pairs = step * self.batch_size
        self.records.append({"kind": "step", "step": step, "pairs": pairs, "learning_rate": rate})
        if len(self.records) >= LOG_EVERY:
            self.flush()

    def flush(self) -> None:
        """Average the processes' losses, and write; speed is the mean over these steps.

        Raises:
            NotFiniteError: a loss since the last writing was not finite; nothing is written.
        """
        if not self.records:
            return
        values = self.accelerator.reduce(torch.stack(self.values), "mean").tolist()
        now = time.perf_counter()
        seconds = now - self.started
        self.in_steps += seconds
        speed = len(values) * self.batch_size / seconds
        records, self.records, self.values = self.records, [], []
        memory = round(peak_memory(self.accelerator.device), 3)
        for record, row in zip(records, values, strict=True):
            if not np.isfinite(row).all():
                raise NotFiniteError("losses", record["step"])
            record |= dict(zip(self.names, row, strict=True))
            record |= {"pairs_per_second": speed, "peak_gib": memory}
        self.run.log(records)
        mean = dict(zip(self.names, np.mean(values, axis=0), strict=True))
        self.note = (
            f"generators {mean['generator_total']:.3f}, "
            f"discriminators {mean['discriminator_total']:.3f}, "
            f"{speed:,.1f} pairs/s, {self.in_steps / (now - self.begun):.0%} of the time in steps"
        )
        self.restart_clock()

    def restart_clock(self) -> None:
        """Leave what happened since the last writing (pictures, saving) out of the speed."""
        self.started = time.perf_counter()


def require_finite(generators: nn.Module, discriminators: nn.Module, step: int) -> None:
    """Refuse networks that are no longer of use; their losses show it one step later only.

    Raises:
        NotFiniteError: a weight is not finite.
    """
    weights = [*generators.parameters(), *discriminators.parameters()]
    if not torch.stack([w.isfinite().all() for w in weights]).all():
        raise NotFiniteError("weights", step)
