"""Averaged weights: what is evaluated and kept instead of the last step's."""

from collections.abc import Callable

import torch
from torch import Tensor

Tensors = tuple[Tensor, ...] | list[Tensor]


def warmed_average(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """EMA whose decay rises from 0.1 to `decay`, so that the first weights are soon forgotten."""

    @torch.no_grad()
    def update(averaged: Tensors, current: Tensors, count: Tensor | int) -> None:
        k = int(count)
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(averaged, current, 1 - min(decay, (1 + k) / (10 + k)))
        else:
            torch._foreach_copy_(averaged, current)

    return update
