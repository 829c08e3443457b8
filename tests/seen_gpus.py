"""A network that notes which GPUs the process that builds it sees."""

import os
from pathlib import Path

import torch
from torch import nn


class SeenGpus(nn.Linear):
    """Writes a file named after the process into the folder of the variable SEEN_GPUS."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__(1, 1)
        seen, started = os.environ.get("CUDA_VISIBLE_DEVICES"), torch.cuda.is_initialized()
        (Path(os.environ["SEEN_GPUS"]) / str(os.getpid())).write_text(f"{seen}, {started}")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Two logits a face."""
        return super().forward(x.mean(dim=(1, 2, 3))[:, None]).expand(-1, 2)
