"""Several processes that compute what one process would: batch norm and gathering.

The arithmetic is that of one process at the same global batch; only the order of float32 additions
differs.
"""

from collections.abc import Callable

import torch
import torch.distributed as dist
import torch.nn.functional as F
from accelerate import PartialState
from accelerate.utils import gather
from einops import reduce
from torch import Tensor, nn

from agegen.faces.batches import share_of


class SumOverProcesses(torch.autograd.Function):
    """All-reduce by addition that gradients pass through (theirs are added likewise)."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        """Add up x over all processes."""
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        """Add up the gradient: every process's sum depends on this process's x."""
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total


class GlobalBatchNorm2d(nn.BatchNorm2d):
    """Batch norm over the global batch, on any device.

    `torch.nn.SyncBatchNorm` refuses CPU tensors; this one runs under gloo and NCCL alike, and takes
    shares of different size. In evaluation it is plain batch norm.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (n, c, h, w) by the mean and variance over all processes' n, h and w."""
        if not self.training:
            return super().forward(x)
        wide = x.float()
        count = torch.full((1,), float(wide.numel() // wide.shape[1]), device=x.device)
        sums = torch.cat([reduce(wide, "n c h w -> c", "sum"), count])
        total = SumOverProcesses.apply(sums)
        n, mean = total[-1], total[:-1] / total[-1]
        # two passes: the mean of squares less the squared mean cancels where mean >> deviation
        centred = wide - mean[:, None, None]
        squares = reduce(centred.square(), "n c h w -> c", "sum")
        variance = SumOverProcesses.apply(squares) / n
        self.update_running(mean.detach(), variance.detach(), n.detach())
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)

    @torch.no_grad()
    def update_running(self, mean: Tensor, variance: Tensor, n: Tensor) -> None:
        """Move the running statistics as nn.BatchNorm2d does, with the unbiased variance."""
        if self.running_mean is None or self.running_var is None:
            return  # track_running_stats=False
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        share = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance * n / (n - 1), share)


def use_global_batch_norm(module: nn.Module) -> nn.Module:
    """Turn every `nn.BatchNorm2d` in a network into `GlobalBatchNorm2d`, in place.

    The class of the layers changes, their parameters and buffers stay.
    """
    for layer in module.modules():
        if type(layer) is nn.BatchNorm2d:
            layer.__class__ = GlobalBatchNorm2d
    return module


def gather_shares(share: Tensor, total: int) -> Tensor:
    """Put together the rows that each process computed of its `share_of` `total` rows.

    Args:
        share: (rows of this process, …), on its device.
        total: rows of all processes.

    Returns:
        (total, …) on every process, in order; nothing is counted twice.
    """
    state = PartialState()
    if state.num_processes == 1:
        return share
    slices = [share_of(total, r, state.num_processes) for r in range(state.num_processes)]
    longest = max(s.stop - s.start for s in slices)
    padded = F.pad(share, [0, 0] * (share.ndim - 1) + [0, longest - len(share)])
    gathered = gather(padded.contiguous()).unflatten(0, (len(slices), longest))
    return torch.cat([rows[: s.stop - s.start] for rows, s in zip(gathered, slices, strict=True)])


def in_shares(compute: Callable[..., Tensor], *rows: Tensor) -> Tensor:
    """Compute the rows of a result in shares, one by each process, and put them together.

    Args:
        compute: the same rows of every argument → rows of the result, of any device.
        rows: tensors of as many rows, at least one, the same on every process.

    Returns:
        All rows of the result, on every process, where `compute` left them.
    """
    state, total = PartialState(), len(rows[0])
    if state.num_processes == 1:
        return compute(*rows)
    mine = share_of(total, state.process_index, state.num_processes)
    length = mine.stop - mine.start
    # an empty share computes a row all the same, for its shape and type, and drops it
    part = compute(*(r[mine] if length else r[:1] for r in rows))[:length]
    return gather_shares(part.to(state.device), total).to(part.device)
