"""Averaged weights: what is evaluated and kept instead of the last step's."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Groups = dict[tuple[torch.device, torch.dtype], tuple[list[Tensor], list[Tensor]]]


class Average(AveragedModel):
    """EMA of a network's weights, updated without waiting for the device.

    Its decay rises from 0.1 to `decay`, so that the first weights are soon forgotten. torch's own
    update sends its count to the device and back, and looks for all weights in every step.

    Args:
        model: whose weights are averaged; its parameters must stay the same objects.
        decay: per step, at least 0 and below 1.
        use_buffers: average its buffers too, but for whole numbers; otherwise they are copied.
    """

    def __init__(self, model: nn.Module, decay: float, use_buffers: bool = False) -> None:
        super().__init__(model, use_buffers=use_buffers)
        self.decay = decay
        self.weights = grouped(self.module.parameters(), model.parameters())

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """Move the average towards the model's weights; the first time it becomes them."""
        k = int(self.n_averaged)  # which is kept on the CPU
        share = 1 - min(self.decay, (1 + k) / (10 + k)) if k else 1.0
        buffers = grouped(self.module.buffers(), model.buffers())
        for groups, averages in ((self.weights, True), (buffers, self.use_buffers)):
            for averaged, current in groups.values():
                if averages and k and averaged[0].is_floating_point():
                    torch._foreach_lerp_(averaged, current, share)
                else:
                    torch._foreach_copy_(averaged, current)
        self.n_averaged += 1


def grouped(averaged: Iterable[Tensor], current: Iterable[Tensor]) -> Groups:
    """Pairs of tensors by device and type, as torch's foreach operations want them."""
    groups: Groups = {}
    for a, c in zip(averaged, current, strict=True):
        group = groups.setdefault((a.device, a.dtype), ([], []))
        group[0].append(a)
        group[1].append(c)  # itself, as what it holds may be moved to other memory
    return groups
