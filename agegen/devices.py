"""Where a training computes, and in which precision."""

import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Literal

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import parse_flag_from_env

Precision = Literal["auto", "bf16", "float32"]


def default_device() -> torch.device:
    """A GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def make_accelerator(precision: Precision, accumulate: int = 1) -> Accelerator:
    """Choose the precision and start Accelerate.

    Its process-wide state is forgotten first: one Python process may train several times, in
    different precisions.

    Args:
        precision: "auto" is bf16 on GPUs and CPUs that compute in it, and float32 on others.
        accumulate: backward passes for each optimiser step.
    """
    AcceleratorState._reset_state()
    if precision == "auto":
        precision = "bf16" if pays_in_bf16() else "float32"
    return Accelerator(
        mixed_precision="bf16" if precision == "bf16" else "no",
        gradient_accumulation_steps=accumulate,
    )


def start_processes() -> PartialState:
    """Start Accelerate's processes where nothing is trained.

    Its bare state knows several processes on GPUs only, or if told that it is on the CPU.
    """
    forced = parse_flag_from_env("ACCELERATE_USE_CPU")
    return PartialState(cpu=forced or not torch.cuda.is_available())


def precision_of(accelerator: Accelerator) -> str:
    """Return "bf16" or "float32"."""
    return "bf16" if accelerator.mixed_precision == "bf16" else "float32"


def cores_per_process() -> int:
    """Share this machine's cores among its processes; `accelerate launch` would leave it at one."""
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    allowed = getattr(os, "sched_getaffinity", None)  # Linux only
    cores = len(allowed(0)) if allowed else os.cpu_count() or 1
    return max(cores // local, 1)


def pays_in_bf16() -> bool:
    """True where bf16 is computed natively: in the same time it trains better (docs/results.md)."""
    if start_processes().device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def peak_memory() -> float:
    """Largest memory so far in GiB: the card's allocations, else this process's resident set.

    NaN where the system does not tell (Windows).
    """
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    if sys.platform == "win32":
        return float("nan")
    with suppress(OSError):  # Linux, whose getrusage counts the process that started this one too
        found = re.search(
            r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE
        )
        if found:
            return int(found[1]) / 2**20
    import resource  # POSIX only

    unit = 2**30 if sys.platform == "darwin" else 2**20  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
