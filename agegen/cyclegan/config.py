"""The configuration of a CycleGAN's training; every field becomes a flag of the recipe."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from agegen.cyclegan.model import DiscriminatorConfig, GeneratorConfig
from agegen.faces.views import AugmentConfig
from agegen.run.devices import Precision
from agegen.run.errors import UserError


def gentle_views() -> AugmentConfig:
    """The paper's augmentation at the size of faces: small shifts and mirror images."""
    return AugmentConfig(shift=2.0, scale=0.0, rotation=0.0, colour=0.0, erase=0.0)


@dataclass(frozen=True)
class CycleGANConfig:
    """Train CycleGAN generators between young and old faces."""

    faces: Path
    """Folder of the FaceStore (see prepare_faces.py)."""
    out: Path
    """Folder of the run; made if missing."""
    size: int = 0
    """Side in pixels that faces are trained at; 0 is 96 % of the store's, in multiples of 4."""
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    """Both generators."""
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    """Both discriminators."""
    augment: AugmentConfig = field(default_factory=gentle_views)
    """Random views of the training faces."""
    sharpest: float = 1.0
    """Share of the training faces of each class that is used, the sharpest: where old photos are
    blurred, blur is not to be learnt as age."""
    balance: tuple[str, ...] = ()
    """What both faces of a pair have in common, so that it is not learnt as age: gender (where the
    store knows it), spectacles (looked for; needs the extra photos), or tables (CSV) with the
    columns path and group."""
    diff_augment: bool = False
    """Differentiable augmentation of what the discriminators see, real and generated alike (Zhao
    et al., 2020). Its authors call its gain on CycleGAN limited; in a short training it cost most
    of the ageing (docs/results.md)."""
    tone_jitter: float = 0.0
    """Random changes of contrast, brightness, saturation and tint of what discriminators see, each
    face's own (0.25 is moderate): they are not to tell ages by the tone of a photo."""
    grid_jitter: int = 0
    """Largest shift in pixels of all that discriminators see in a step: no grid that a generator
    paints lies on one that they look along."""
    batch_size: int = 4
    """Faces of each domain per step, over all processes together."""
    discriminator_batch: int = 0
    """Faces of each kind that a discriminator sees per step, if more than --batch-size (0: as
    many): further real ones, and earlier generated ones of the pool. A discriminator's pass costs
    a small part of a generator's, and generators learn no faster than discriminators do."""
    accumulate: int = 1
    """Parts that a step's batch is divided into, one after the other, to save memory."""
    constant_pairs: int = 60_000
    """Young–old pairs seen at the full learning rate."""
    decay_pairs: int = 60_000
    """Pairs seen after that, while the rate falls linearly to 0."""
    head_start: int = 0
    """Pairs, the first ones, in which only the discriminators learn. Generators that were trained
    before (--start-from) lose much of it to discriminators that were not (docs/results.md)."""
    learning_rate: Annotated[float, tyro.conf.arg(aliases=("--lr",))] = 2e-4
    """Adam's learning rate, of generators and discriminators."""
    discriminator_rate: float = 1.0
    """Discriminators' learning rate as a multiple of it: heads on frozen features learn fast."""
    betas: tuple[float, float] = (0.5, 0.999)
    """Adam's decay rates of the first and second moment."""
    objective: str = "cyclegan"
    """cyclegan, or your own Objective as package.module:Class (docs/extending.md)."""
    gan_loss: str = "least_squares"
    """least_squares, vanilla, hinge, or your own GanLoss as package.module:name."""
    cycle_weight: float = 10.0
    """λ of the cycle loss."""
    cycle_every: int = 1
    """Steps between cycle losses, whose weight is multiplied by as much (lazy regularisation,
    Karras et al., 2020): 2 saves a quarter of the generators' passes."""
    change_weight: float = 0.0
    """Weight of the mean absolute difference between a face and its translation, which keeps
    changes to where they pay: the background, the clothes and the colours stay."""
    coarse_change_weight: float = 0.0
    """The same of means over 8×8 pixels: fine lines stay free, tones and shapes are kept."""
    identity_weight: float = 0.5
    """Weight of the identity loss as a share of λ; 0 leaves it out."""
    identity_every: int = 1
    """Steps between identity losses, likewise: 4 saves a quarter of the generators' passes."""
    other_age: float = 0.0
    """Real faces of the other age as a share of what a discriminator learns to refuse: it learns
    what is old, not only what is real."""
    pool_size: int = 50
    """Generated faces of each domain that are kept to be shown to the discriminators later
    (Shrivastava et al., 2017); 0 shows the newest only."""
    ema_decay: float = 0.999
    """Decay per step of the averaged generators, which are the ones shown and kept."""
    precision: Precision = "auto"
    """Arithmetic of the forward passes; auto is bf16 where the GPU or CPU computes in it, fp16 on
    GPUs that have tensor cores without it (T4, V100), float32 on others."""
    channels_last: bool = False
    """Keep channels innermost in memory; whether it pays depends on the machine."""
    compile: bool = False
    """Use torch.compile: worth its minute of compiling on GPUs, whose host is the slower part."""
    threads: int = 0
    """CPU threads of each process; 0 shares this machine's cores among its processes."""
    judge: Path | None = None
    """Run folder of a trained classifier, which then judges the held-out faces at every look and
    chooses the best generators; it is no part of any loss."""
    verified: float = 0.95
    """Share of the held-out faces that must be verified as the same person (at 0.1 % false accepts)
    for generators to be the best, at the largest strength that does it; 0 does not ask. Needs the
    extras photos and judges."""
    watch_every: int = 2_000
    """Pairs between pictures of held-out faces and the checks of the alarms."""
    watch_minutes: float = 0.0
    """Minutes between them instead, where steps are fast and judges slow; 0 counts pairs."""
    checkpoint_every: int = 2_000
    """Pairs between checkpoints."""
    checkpoint_minutes: float = 0.0
    """Minutes between checkpoints instead; 0 counts pairs."""
    keep_checkpoints: int = 2
    """How many of the last checkpoints are kept."""
    log_with: tuple[str, ...] = ()
    """Trackers that are told what metrics.jsonl is told, and shown the pictures of held-out faces:
    tensorboard (needs the extra trackers), wandb, or another one of Accelerate's; left out, there
    are none."""
    seed: int = 0
    """Decides initial weights, order, views and the pool."""
    start_from: Path | None = None
    """Run whose generators the training starts from instead of random ones, pretrained too, and
    whose discriminators if it has them: a new data set in fewer pairs. Size and networks are then
    the run's, unless flags say otherwise; it is only read."""
    resume: bool = False
    """Go on with the run in --out, from its last checkpoint; without one, begin it."""
    dry_run: bool = False
    """Print config, networks and data, and stop."""

    def __post_init__(self) -> None:
        for name in (
            "batch_size", "accumulate", "constant_pairs", "learning_rate", "discriminator_rate",
            "cycle_every", "identity_every", "watch_every", "checkpoint_every", "keep_checkpoints",
        ):  # fmt: skip
            if not getattr(self, name) > 0:  # NaN neither
                raise UserError(f"--{name.replace('_', '-')} must be above 0")
        for name in (
            "discriminator_batch", "decay_pairs", "head_start", "cycle_weight", "change_weight",
            "coarse_change_weight", "identity_weight", "tone_jitter", "grid_jitter",
            "other_age", "pool_size", "threads", "watch_minutes", "checkpoint_minutes",
            "seed",
        ):  # fmt: skip
            if not getattr(self, name) >= 0:
                raise UserError(f"--{name.replace('_', '-')} cannot be negative")
        if self.size and self.size < 32:
            raise UserError("--size is below 32 pixels, the smallest that the networks take")
        if self.batch_size % self.accumulate or self.shown % self.accumulate:
            raise UserError("--accumulate must divide --batch-size and --discriminator-batch")
        if self.discriminator_batch and self.discriminator_batch < self.batch_size:
            raise UserError("--discriminator-batch must be at least --batch-size, or 0")
        if self.shown > self.batch_size and not self.pool_size:
            raise UserError("--discriminator-batch needs earlier generated faces: --pool-size")
        if not 0 < self.sharpest <= 1:
            raise UserError("--sharpest must be above 0, and at most 1")
        if self.other_age >= 1:
            raise UserError("--other-age must be below 1")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise UserError("--betas must be at least 0 and below 1")
        if not 0 <= self.verified <= 1:
            raise UserError("--verified must be between 0 and 1")
        if not 0 <= self.ema_decay < 1:
            raise UserError("--ema-decay must be at least 0 and below 1")

    @property
    def shown(self) -> int:
        """Faces of each kind that a discriminator sees per step, over all processes together."""
        return self.discriminator_batch or self.batch_size

    @property
    def total_steps(self) -> int:
        """Optimiser steps of the whole training."""
        return -(-(self.constant_pairs + self.decay_pairs) // self.batch_size)
