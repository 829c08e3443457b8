"""Where a training computes, and in which precision."""

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import DistributedDataParallelKwargs, gather_object, parse_flag_from_env
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from agegen.run.errors import UserError
from agegen.run.launcher import require_ours

Precision = Literal["auto", "bf16", "fp16", "float32"]
"""A further one also needs tolerances in `agegen.machine.first_step`, and a peak in
`agegen.benchmark.machine`."""
OF_ACCELERATE: dict[str, Precision] = {"no": "float32", "bf16": "bf16", "fp16": "fp16"}


def default_device() -> torch.device:
    """A GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def make_accelerator(precision: Precision) -> Accelerator:
    """Choose the precision and start Accelerate.

    Its process-wide state is forgotten first: one Python process may train several times, in
    different precisions.

    Args:
        precision: "auto" is what the launcher asks for, else what `native_precision` says.

    Raises:
        UserError: the launcher asks for what would change the training, or the device cannot
            compute in the precision.
    """
    require_ours()
    AcceleratorState._reset_state()
    chosen = choose_precision(precision)
    accelerator = Accelerator(
        mixed_precision="no" if chosen == "float32" else chosen,
        kwargs_handlers=[DistributedDataParallelKwargs(gradient_as_bucket_view=True)],
    )
    if len(found := set(gather_object([chosen]))) > 1:
        raise UserError(
            f"the processes would compute in {' and '.join(sorted(found))}: choose one --precision"
        )
    return accelerator


def leave_buffers(*networks: nn.Module) -> None:
    """Let DDP send no buffers around before each step: our batch norm keeps all processes' alike.

    The flag of its constructor that says so is deprecated since torch 2.14, its successor newer
    than the oldest torch that we take.
    """
    for network in networks:
        if isinstance(network, DistributedDataParallel):
            network.broadcast_buffers = False


def choose_precision(wanted: Precision) -> Precision:
    """What is asked for here, by the launcher, or natively computed; else a UserError."""
    launcher = os.environ.get("ACCELERATE_MIXED_PRECISION", "no").lower()
    if launcher not in OF_ACCELERATE:
        raise UserError(f"the launcher asks for {launcher}: agegen computes in bf16, fp16, float32")
    state = start_processes()
    chosen, whose = wanted, f"--precision {wanted}"
    if wanted != "auto":
        if launcher != "no" and OF_ACCELERATE[launcher] != wanted:
            state.print(f"note: {whose} takes the place of the launcher's {launcher}")
    elif launcher != "no":
        chosen, whose = OF_ACCELERATE[launcher], f"{launcher} (of the launcher)"
    else:
        return native_precision()
    if chosen == "fp16" and state.device.type == "cpu":
        raise UserError(f"{whose} is for GPUs: give --precision float32, or bf16")
    return chosen


def native_precision() -> Precision:
    """The fastest precision that the device computes in natively.

    bf16 on Ampere and later cards and on CPUs that have it: in the same time it trains better
    (docs/results.md); fp16 on cards with tensor cores that lack it (compute capability 7.0 to 7.5:
    V100, T4, RTX 20); float32 on others.
    """
    if start_processes().device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return "bf16"
        return "fp16" if (7, 0) <= torch.cuda.get_device_capability() < (8, 0) else "float32"
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16" if native else "float32"


def start_processes() -> PartialState:
    """Start Accelerate's processes where nothing is trained.

    Its bare state knows several processes on GPUs only, or if told that it is on the CPU.
    """
    forced = parse_flag_from_env("ACCELERATE_USE_CPU")
    return PartialState(cpu=forced or not torch.cuda.is_available())


def precision_of(accelerator: Accelerator) -> Precision:
    """Return "bf16", "fp16" or "float32"."""
    return OF_ACCELERATE[accelerator.mixed_precision]


def scaler_state(accelerator: Accelerator) -> dict | None:
    """What a checkpoint keeps of fp16's loss scale, plain numbers; None in other precisions."""
    return accelerator.scaler.state_dict() if accelerator.scaler else None


def load_scaler(accelerator: Accelerator, state: dict | None) -> None:
    """Restore what `scaler_state` gave: with another scale the next steps have other bits."""
    if accelerator.scaler and state:
        accelerator.scaler.load_state_dict(state)


@contextmanager
def tuned_convolutions() -> Iterator[None]:
    """Let cuDNN try its ways of computing each shape of convolution once, and keep the fastest.

    That pays where shapes are few. It is a setting of the process: it is put back at the end.
    """
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def to_device(x: Tensor, device: torch.device) -> Tensor:
    """Send a tensor of the CPU to a device; a GPU's work does not wait for the copy.

    It is whole first: of a part of a tensor, CUDA would make a copy in memory that is not pinned.
    """
    x = x.contiguous()
    return (x.pin_memory() if device.type == "cuda" else x).to(device, non_blocking=True)


def cores_per_process() -> int:
    """Share this machine's cores among its processes; `accelerate launch` would leave it at one."""
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    allowed = getattr(os, "sched_getaffinity", None)  # Linux only
    cores = len(allowed(0)) if allowed else os.cpu_count() or 1
    return max(cores // local, 1)


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, each as CUDA_VISIBLE_DEVICES names it.

    Numbers, or whatever (UUIDs, parts of a GPU) this process itself was given; none where the CPU
    is asked for.
    """
    if parse_flag_from_env("ACCELERATE_USE_CPU"):
        return []
    count = torch.cuda.device_count()
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [str(i) for i in range(count)] if given is None else given.split(",")
    return [name.strip() for name in names[:count]]  # CUDA stops at the first that is none


def use_threads(state: PartialState, asked: int) -> None:
    """Let torch use so many threads, or all cores of this process; say if others keep them busy.

    Fewer are not taken by themselves: a run's bits depend on how many there are.
    """
    threads = asked or cores_per_process()
    torch.set_num_threads(threads)
    if asked or threads == 1 or state.num_processes > 1 or state.device.type != "cpu":
        return
    busy = busy_cores()
    free = max(threads - round(busy), 1)
    if free < threads:
        keep = f"other processes keep about {busy:.1f} of the cores busy"
        state.print(f"note: {keep}: --threads {free} is faster as long as they do")


def busy_cores(seconds: float = 0.3) -> float:
    """How many of this process's cores are at work while it sleeps; 0 where that is not told."""
    before = core_times()
    time.sleep(seconds)
    after = core_times()
    spent = [(a - b, c - d) for (a, c), (b, d) in zip(after, before, strict=True)]
    return sum(busy / max(all_of_it, 1) for busy, all_of_it in spent)


def core_times() -> list[tuple[int, int]]:
    """Time at work, and all of it, of each core that this process may use (Linux), in ticks."""
    found = []
    with suppress(OSError):
        for line in Path("/proc/stat").read_text().splitlines():
            name, *rest = line.split()
            if re.fullmatch(r"cpu\d+", name) and int(name[3:]) in os.sched_getaffinity(0):
                ticks = [int(ticks) for ticks in rest[:8]]
                idle = sum(ticks[3:5])  # and waiting for a disk
                found.append((sum(ticks) - idle, sum(ticks)))
    return found


def peak_memory(device: torch.device) -> float:
    """Largest memory so far in GiB: allocations on a GPU, else this process's resident set.

    NaN where the system does not tell (Windows).
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    if sys.platform == "win32":
        return float("nan")
    with suppress(OSError):  # Linux, whose getrusage counts the process that started this one too
        status = Path("/proc/self/status").read_text()
        if found := re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE):
            return int(found[1]) / 2**20
    import resource  # POSIX only

    unit = 2**30 if sys.platform == "darwin" else 2**20  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
