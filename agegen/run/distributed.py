"""Several processes that compute what one process would: batch norm and gathering.

The arithmetic is that of one process at the same global batch; only the order of float32 additions
differs.
"""

import time
from collections.abc import Callable

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from accelerate import PartialState
from accelerate.utils import broadcast_object_list, gather, gather_object, reduce
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from agegen.run.errors import UserError
from agegen.run.folder import Checkpoint, Run

SEES = "sees the checkpoints in {}: share its disk"
SECONDS_OF_CACHE = 60.0  # for which NFS may not show a new folder


class NormaliseOverProcesses(torch.autograd.Function):
    """Batch norm's arithmetic over all processes, one exchange in each pass.

    PyTorch's own kernels do the passes over x; what is exchanged are a few numbers a channel.
    """

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx, x: Tensor, weight: Tensor, bias: Tensor,
        eps: float,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
        """Normalised x, then mean, biased variance and number of all processes' values."""
        mean, variance, n = statistics_of_all(x, torch.zeros_like(weight))
        ctx.save_for_backward(x, weight, mean, variance, n)
        ctx.eps = eps  # type: ignore[attr-defined]
        ctx.mark_non_differentiable(mean, variance, n)
        return F.batch_norm(x, mean, variance, weight, bias, eps=eps), mean, variance, n

    @staticmethod
    @once_differentiable
    def backward(
        ctx: torch.autograd.function.FunctionCtx, gradient: Tensor, *_: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, None]:
        """Ioffe and Szegedy (2015), section 3, with the sums over all processes."""
        x, weight, mean, variance, n = ctx.saved_tensors  # type: ignore[attr-defined]
        eps: float = ctx.eps  # type: ignore[attr-defined]
        inverse = torch.rsqrt(variance + eps)
        of_x, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradient, x, weight, None, None, mean, inverse, True, eps, [True, True, True]
        )
        mine = torch.cat([of_weight, of_bias])
        total = mine.clone()
        dist.all_reduce(total)
        # the kernel took off this process's means; all processes' differ by little: bf16 will do
        differs = (total / n - mine / (x.numel() / x.shape[1])).view(2, -1) * weight * inverse
        rest = F.batch_norm(x, mean, variance, differs[0], differs[1], eps=eps)
        return of_x.sub_(rest), of_weight, of_bias, None


def statistics_of_all(x: Tensor, zeros: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, biased variance (c,) of all processes' x (n, c, h, w), in zeros' type; their number."""
    # Chan, Golub and LeVeque (1979): the mean of squares less the squared mean would cancel
    mean, variance = torch.batch_norm_update_stats(x, zeros, zeros.clone(), 0.0)
    count = zeros.new_full((1,), x.numel() / x.shape[1])
    mine = torch.cat([mean, variance, count])
    each = mine.new_empty(dist.get_world_size(), len(mine))
    dist.all_gather(list(each), mine)
    means, variances, counts = each.split([len(mean), len(mean), 1], dim=1)
    n = counts.sum()
    mean = (counts * means).sum(dim=0) / n
    return mean, (counts * (variances + (means - mean).square())).sum(dim=0) / n, n


class GlobalBatchNorm2d(nn.BatchNorm2d):
    """Batch norm over the global batch, on any device.

    `torch.nn.SyncBatchNorm` refuses CPU tensors; this one runs under gloo and NCCL alike, and takes
    shares of different size. In evaluation it is plain batch norm.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (n, c, h, w) by the mean and variance over all processes' n, h and w."""
        if not self.training:
            return super().forward(x)
        ones = torch.ones(x.shape[1], device=x.device)
        affine = (self.weight, self.bias) if self.affine else (ones, torch.zeros_like(ones))
        normalised, mean, variance, n = NormaliseOverProcesses.apply(x, *affine, self.eps)
        self.update_running(mean, variance, n)
        return normalised

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


def share_of(length: int, rank: int, processes: int) -> slice:
    """Return which rows of a global batch process `rank` takes; shares differ by one at most."""
    bounds = np.linspace(0, length, processes + 1).round().astype(int)
    return slice(int(bounds[rank]), int(bounds[rank + 1]))


def gather_shares(share: Tensor, total: int) -> Tensor:
    """Put together the rows that each process computed, on its device, of its `share_of` `total`.

    The result, (total, …), is the same on every process, in order; nothing is counted twice.
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


def open_together(run: Run, start: Callable[[], None]) -> Checkpoint | None:
    """Let the first process open a run; all then go on from the same checkpoint, or from none.

    What `start`, which opens its folder, refuses, all refuse, or that not all see its disk.
    """
    problem = [""]
    if run.main:
        try:
            start()
        except UserError as error:
            problem = [str(error)]
    if broadcast_object_list(problem)[0]:
        raise UserError(problem[0])
    checkpoint = run.latest_checkpoint()
    # Gathering also makes the first process wait: the others must not see the one it writes next.
    if len(set(gather_object([checkpoint.step if checkpoint else None]))) > 1:
        raise UserError(f"not every process {SEES.format(run.folder)}")
    return checkpoint


def require_shared(run: Run) -> None:
    """Refuse hosts that do not see the first checkpoint, which was just written.

    A training of theirs would go on to its first rollback or resume, and then fall apart.
    """
    PartialState().wait_for_everyone()
    last = time.monotonic() + SECONDS_OF_CACHE
    while not run.checkpoints() and time.monotonic() < last:
        time.sleep(0.2)
    if not all(gather_object([bool(run.checkpoints())])):
        raise UserError(f"not every process {SEES.format(run.folder)}")


@torch.no_grad()
def average_buffers(module: torch.nn.Module) -> None:
    """Let a module's own floating buffers be the mean of all processes', on each of them."""
    if PartialState().num_processes > 1:
        for buffer in module.buffers(recurse=False):
            if buffer.is_floating_point():
                buffer.copy_(reduce(buffer, "mean"))


def any_of_all(*mine: bool) -> list[bool]:
    """For each question, whether any process says yes: the same answers on every process."""
    state = PartialState()
    if state.num_processes == 1:
        return list(mine)
    votes = torch.tensor(mine, dtype=torch.float32, device=state.device)
    return [votes > 0 for votes in reduce(votes, "sum").tolist()]
