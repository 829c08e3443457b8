"""Where the parts of the check compute, and with what."""

from dataclasses import dataclass, replace
from pathlib import Path

from agegen.benchmark.config import BenchmarkConfig
from agegen.benchmark.cyclegan_loops import papers_objective
from agegen.classifier.config import TrainConfig
from agegen.classifier.model import ModelConfig
from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.model import DiscriminatorConfig, GeneratorConfig
from agegen.run.devices import Precision

PAIRS = 2
NARROW = CycleGANConfig(
    Path(), Path(), size=32,
    generator=GeneratorConfig(width=4, blocks=1),
    discriminator=DiscriminatorConfig(width=4, receptive_field=16),
)  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """Where the parts of the check compute, and with what."""

    gpu: bool  # do trainings compute on one?
    precision: Precision  # that "auto" chooses
    faces: Path  # folder of a FaceStore of drawn faces
    shipped: CycleGANConfig  # the settings for this kind of machine
    cyclegan: CycleGANConfig  # the paper's objective on its networks, `PAIRS` pairs a step
    classifier: TrainConfig  # its defaults

    def short_cyclegan(self, out: Path, steps: int) -> CycleGANConfig:
        """The CycleGAN's training of some steps; its only look and checkpoint end it."""
        pairs = steps * PAIRS
        return replace(
            self.cyclegan, out=out, constant_pairs=pairs, decay_pairs=0, watch_every=pairs,
            checkpoint_every=pairs,
        )  # fmt: skip


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
