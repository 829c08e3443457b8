"""The log of a training's steps."""

import time

import numpy as np
import torch
from torch import Tensor

from agegen.classifier.training import Training
from agegen.faces.batches import Batch
from agegen.run.devices import peak_memory
from agegen.run.errors import UserError

LOG_EVERY = 20


class StepLog:
    """Collects every step's figures and writes them together, so that no step waits for a copy."""

    def __init__(self, training: Training) -> None:
        self.accelerator, self.run = training.accelerator, training.run
        self.losses: list[Tensor] = []
        self.records: list[dict] = []
        self.waited, self.faces, self.note = 0.0, 0, ""
        self.started = time.perf_counter()

    def add(
        self, step: int, epoch: int, loss: Tensor, rate: float, faces: int, batch: Batch
    ) -> None:
        """Take one step's figures; every `LOG_EVERY` steps they are written."""
        self.losses.append(loss)
        self.records.append({"kind": "step", "step": step, "epoch": epoch, "learning_rate": rate})
        self.faces += faces
        self.waited += batch.waited
        if len(self.records) >= LOG_EVERY:
            self.flush()

    def flush(self) -> None:
        """Add up the processes' losses, and write; speed is the mean over these steps."""
        if not self.records:
            return
        losses = self.accelerator.reduce(torch.stack(self.losses), "sum").tolist()
        seconds = time.perf_counter() - self.started
        speed, waiting = self.faces / seconds, self.waited / seconds
        memory = round(peak_memory(self.accelerator.device), 3)
        pace = {"images_per_second": speed, "waiting": waiting, "peak_gib": memory}
        for record, loss in zip(self.records, losses, strict=True):
            record |= {"loss": loss, **pace}
        self.run.log(self.records)
        self.note = f"loss {np.mean(losses):.3f}, {speed:,.0f} faces/s"
        self.losses, self.records, self.faces, self.waited = [], [], 0, 0.0
        self.restart_clock()
        if not np.isfinite(losses).all():
            raise UserError(
                f"the loss is no longer finite in {self.run.folder}: "
                "begin another one (--out) with a lower --learning-rate or --precision float32"
            )

    def restart_clock(self) -> None:
        """Leave what happened since the last flush (validation, saving) out of the speed."""
        self.started = time.perf_counter()
