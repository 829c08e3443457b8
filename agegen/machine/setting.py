"""Where the parts of the check compute, and with what."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from agegen.benchmark.config import BenchmarkConfig
from agegen.benchmark.cyclegan_loops import papers_objective
from agegen.classifier.config import TrainConfig
from agegen.classifier.model import ModelConfig
from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.model import DiscriminatorConfig, GeneratorConfig
from agegen.devices import Precision, choose_precision, start_processes

PAIRS = 2
NARROW = CycleGANConfig(
    Path(), Path(), size=32,
    generator=GeneratorConfig(width=4, blocks=1),
    discriminator=DiscriminatorConfig(width=4, receptive_field=16),
)  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """Where the parts of the check compute, and with what.

    Attributes:
        gpu: whether trainings compute on one.
        precision: that "auto" chooses.
        faces: folder of a FaceStore of drawn faces.
        shipped: the CycleGAN's settings for this kind of machine.
        cyclegan: the paper's objective on its networks, `PAIRS` pairs a step.
        classifier: its defaults.
    """

    gpu: bool
    precision: Precision
    faces: Path
    shipped: CycleGANConfig
    cyclegan: CycleGANConfig
    classifier: TrainConfig


def precision_here() -> tuple[bool, Precision]:
    """Whether trainings compute on a GPU here, and the precision that "auto" chooses."""
    return start_processes().device.type == "cuda", choose_precision("auto")


def settle(
    gpu: bool, precision: Precision, faces: Path, cpu_settings: CycleGANConfig, quick: bool
) -> Setting:
    """Choose networks: of the defaults on a GPU, of the settings for CPUs on a CPU, or narrow."""
    shipped = NARROW if quick else CycleGANConfig(Path(), Path()) if gpu else cpu_settings
    shipped = replace(shipped, faces=faces)
    classifier = TrainConfig(faces, Path())
    cyclegan = papers_objective(shipped, BenchmarkConfig(), PAIRS)
    if quick:  # narrow networks gain nothing by several threads
        cyclegan = replace(cyclegan, threads=1)
        classifier = replace(classifier, model=ModelConfig(widths=(8, 16)), threads=1)
    return Setting(gpu, precision, faces, shipped, cyclegan, classifier)


def reason_of(gpu: bool, precision: Precision) -> str:
    """Why "auto" chooses a precision here."""
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
