"""The machine in words: versions, driver, memory, and the precision that trainings choose."""

import os
import subprocess

import torch

from agegen.benchmark.machine import processor
from agegen.machine.part import Part
from agegen.run.devices import (
    Precision,
    choose_precision,
    cores_per_process,
    native_precision,
    start_processes,
)
from agegen.run.folder import describe_environment

GIB = 2**30


def describe_machine() -> Part:
    """Describe the machine; a GPU that torch does not see is a problem."""
    gpu, precision = start_processes().device.type == "cuda", choose_precision("auto")
    facts = describe_environment() | {
        "processor name": processor(),
        "cores": cores_per_process(),
        "memory_gib": memory_of_host(),
        "gpu_memory_gib": [
            torch.cuda.get_device_properties(number).total_memory / GIB
            for number in range(torch.cuda.device_count())
        ],
        "driver": driver_version(),
        "computes_on_gpu": gpu,
        "precision": precision,
        "reason": reason_of(gpu, precision),
    }
    return Part(lines=in_words(facts), figures=facts, problems=unseen_gpu(facts))


def reason_of(gpu: bool, precision: Precision) -> str:
    """Why "auto" chooses a precision here."""
    if precision != native_precision():
        return "the launcher asks for it"
    if not gpu:
        native = "has" if precision == "bf16" else "has no"
        return f"the CPU {native} instructions for bf16 (AVX-512 BF16 or AMX)"
    major, minor = torch.cuda.get_device_capability()
    what = {
        "bf16": "the GPU computes in bf16",
        "fp16": "the GPU has tensor cores for fp16, none for bf16",
        "float32": "the GPU has no tensor cores",
    }
    return f"{what.get(precision, '')} (compute capability {major}.{minor})"


def in_words(facts: dict) -> list[str]:
    """A line for each kind of fact."""
    names = ("agegen", "python", "torch", "torchvision", "accelerate", "numpy")
    versions = ", ".join(f"{name} {facts[name] or '–'}" for name in names)
    gpus = [
        f"{name} ({memory:.0f} GiB)"
        for name, memory in zip(facts["gpus"], facts["gpu_memory_gib"], strict=True)
    ]
    memory = f"{facts['memory_gib']:.0f} GiB" if facts["memory_gib"] else "memory unknown"
    tf32 = "with" if facts["tf32"] else "without"
    return [
        versions,
        f"CUDA {facts['cuda'] or '–'}, cuDNN {facts['cudnn'] or '–'} ({tf32} TF32), "
        f"driver {facts['driver'] or '–'}",
        f"{facts['processor name']} ({facts['processor']}), {facts['cores']} core(s), {memory}",
        f"GPU: {', '.join(gpus) or 'none'}",
        f"--precision auto is {facts['precision']}: {facts['reason']}",
    ]


def unseen_gpu(facts: dict) -> list[str]:
    """A sentence if there is a driver for GPUs, and torch sees none."""
    if facts["gpus"] or not facts["driver"]:
        return []
    if not facts["cuda"]:
        return [
            f"nvidia-smi finds a GPU (driver {facts['driver']}), but this torch was built without "
            "CUDA: install another build of it (pytorch.org, Get Started)"
        ]
    return [
        f"nvidia-smi finds a GPU, but torch sees none: is the driver {facts['driver']} too old for "
        f"CUDA {facts['cuda']}, or CUDA_VISIBLE_DEVICES empty?"
    ]


def driver_version() -> str:
    """Version of the first GPU's driver, from nvidia-smi; empty if there is none."""
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return next(iter(done.stdout.split()), "") if done.returncode == 0 else ""


def memory_of_host() -> float:
    """The machine's memory in GiB; 0 where the system does not tell (Windows)."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIB
    except (AttributeError, ValueError, OSError):
        return 0.0
