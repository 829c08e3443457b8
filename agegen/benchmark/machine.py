"""The machine, and the fastest that it multiplies matrices: what the shares of a peak refer to."""

import platform
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import torch

from agegen.run.devices import Precision, cores_per_process, default_device, native_precision

SIZES = {"cpu": (1024, 2048, 4096), "cuda": (4096, 8192, 16384)}
REPEATS = {"cpu": 3, "cuda": 10}
DTYPES: dict[str, torch.dtype] = {
    "float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16
}  # fmt: skip


@dataclass(frozen=True)
class Machine:
    """Where a benchmark ran."""

    cpu: str  # name of the processor
    cores: int  # that this process may use
    threads: int  # that every contestant uses
    gpu: str  # name of the first one, or empty
    gpus: int  # how many there are
    torch: str  # its version
    date: str  # of the run, to the minute
    precisions: tuple[Precision, ...]  # that it computes in; the last is what "auto" chooses
    peaks: dict[str, float]  # of each precision, the highest measured operations per second


def look_at_machine() -> Machine:
    """Describe the machine and measure its peak rates, with the threads of every contestant."""
    torch.set_num_threads(cores_per_process())
    device = default_device()
    # a product may round as convolutions do, which use TF32 on GPUs by default
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32
    native = native_precision()
    precisions: tuple[Precision, ...] = ("float32", *([native] if native != "float32" else []))
    return Machine(
        cpu=processor(),
        cores=cores_per_process(),
        threads=torch.get_num_threads(),
        gpu=torch.cuda.get_device_name() if device.type == "cuda" else "",
        gpus=torch.cuda.device_count(),
        torch=torch.__version__,
        date=datetime.now().astimezone().isoformat(" ", "minutes"),
        precisions=precisions,
        peaks={
            name: max(product_rate(side, DTYPES[name], device) for side in SIZES[device.type])
            for name in precisions
        },
    )


def processor() -> str:
    """Name of the processor, as far as the system tells."""
    table = Path("/proc/cpuinfo")
    lines = table.read_text().splitlines() if table.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def product_rate(side: int, dtype: torch.dtype, device: torch.device) -> float:
    """The best of several products of two (side, side) matrices, in operations per second."""
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    seconds = []
    for _ in range(1 + REPEATS[device.type]):  # the first one chooses a kernel
        synchronise(device)
        started = time.perf_counter()
        a @ b
        synchronise(device)
        seconds.append(time.perf_counter() - started)
    return 2 * side**3 / min(seconds[1:])


def synchronise(device: torch.device) -> None:
    """Wait for a GPU's work."""
    if device.type == "cuda":
        torch.cuda.synchronize()
