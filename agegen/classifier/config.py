"""The configuration of a classifier's training; every field becomes a flag of the recipe."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from agegen.classifier.model import ModelConfig
from agegen.faces.views import AugmentConfig, Views
from agegen.run.devices import Precision
from agegen.run.errors import UserError


@dataclass(frozen=True)
class SubsetConfig:
    """Which of a store's faces are trained on; the defaults are its own splits."""

    share: float = 1.0
    """Share of the training faces that is used, drawn by person and class from the seed."""
    swap: bool = False
    """Train on the test faces instead and leave the train faces for testing: a second opinion that
    has no person in common with a classifier trained the usual way."""
    folds: int = 0
    """Cross-validation: divide all faces into so many parts, each person in one of them; 0 keeps
    the store's splits."""
    fold: int = 0
    """The part that is held out as test faces, from 0; of the others a tenth is for validation."""

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise UserError("--subset.share must be above 0 and at most 1")
        if self.folds == 1 or self.folds < 0 or not 0 <= self.fold < max(self.folds, 1):
            raise UserError("--subset.folds must be 0 or at least 2, --subset.fold one of them")
        if self.folds and self.swap:
            raise UserError("--subset.folds makes splits of its own: leave --subset.swap out")


def standardised() -> ModelConfig:
    """The default network: faces of any light look alike to it, and it learns what ages it can."""
    return ModelConfig(standardise=True, ages=True)


def varied_views() -> AugmentConfig:
    """The default, with what photos in the wild differ in (docs/results.md)."""
    return AugmentConfig(sharpness=1.0, grey=0.1)


@dataclass(frozen=True)
class TrainConfig:
    """Train a CNN to tell young faces from old ones."""

    faces: Path
    """Folder of the FaceStore (see prepare_faces.py)."""
    out: Path
    """Folder of the run; made if missing."""
    model: ModelConfig = field(default_factory=standardised)
    """The network."""
    augment: AugmentConfig = field(default_factory=varied_views)
    """Random views of the training faces."""
    subset: SubsetConfig = field(default_factory=SubsetConfig)
    """Which of the faces are trained on."""
    epochs: int = 60
    """Passes over the training faces."""
    early_epochs: float = 0.0
    """Share of the epochs, from the first on, that see the views shrunk, as half the work (Tan and
    Le, 2021, "EfficientNetV2", section 4): for short trainings; in full ones it cost accuracy."""
    early_side: float = 0.67
    """Side of the shrunk views as a share of the crop."""
    batch_size: int = 64
    """Faces per optimiser step, over all processes together."""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    """AdamW, or SGD with Nesterov momentum 0.9, which needs a learning rate of about 0.1 and a
    weight decay of about 0.0005: there it is a penalty on the loss and not decoupled."""
    learning_rate: Annotated[float, tyro.conf.arg(aliases=("--lr",))] = 2e-3
    """Highest learning rate, reached after the warm-up."""
    warmup: float = 0.1
    """Share of the steps in which the rate rises linearly; it falls as a cosine to 0 after that."""
    weight_decay: float = 0.5
    """AdamW's decoupled weight decay, or SGD's penalty; norms and biases are exempt."""
    label_smoothing: float = 0.1
    """Probability mass taken from the label and spread evenly over both classes."""
    age_weight: float = 1.0
    """Weight of the loss of the ages beside that of the classes, where ages are learnt."""
    class_balance: bool = True
    """Weigh the loss so that both classes count the same, whatever their numbers."""
    clip_norm: float = 2.0
    """Largest norm of the gradient; larger ones are scaled down to it. 0 turns clipping off."""
    ema_decay: float = 0.998
    """Decay per step of the averaged weights, which are the ones evaluated and kept."""
    views: Views = "flip"
    """Views that a prediction averages over: centre, flip, five or ten (see views.py)."""
    select_by: Literal["auc", "balanced_accuracy", "nll", "age_error"] = "auc"
    """Validation figure by which the best epoch is kept (age_error where ages are learnt); the
    first of equal ones stays."""
    patience: int = 0
    """Stop after so many epochs without a better one; 0 never stops early."""
    precision: Precision = "auto"
    """Arithmetic of the forward pass; auto is bf16 where the GPU or CPU computes in it, fp16 on
    GPUs that have tensor cores without it (T4, V100), float32 on others (docs/results.md)."""
    channels_last: bool = True
    """Keep channels innermost in memory; faster on CPUs with oneDNN and on GPUs."""
    compile: bool = False
    """Use torch.compile; it did not pay on the CPU (docs/results.md)."""
    threads: int = 0
    """CPU threads of each process; 0 shares this machine's cores among its processes."""
    checkpoint_every: int = 500
    """Steps between checkpoints; one is also written after every epoch."""
    checkpoint_minutes: float = 0.0
    """Minutes between checkpoints instead; 0 counts steps."""
    log_with: tuple[str, ...] = ()
    """Trackers that are told what metrics.jsonl is told: tensorboard (needs the extra trackers),
    wandb, or another one of Accelerate's; left out, there are none."""
    seed: int = 0
    """Decides initial weights, order and views."""
    start_from: Path | None = None
    """Run whose best weights the training starts from instead of random ones, pretrained too: a new
    data set in fewer epochs. The network's settings are then the run's; it is only read."""
    resume: bool = False
    """Go on with the run in --out, from its last checkpoint; without one, begin it."""
    dry_run: bool = False
    """Print config, network and data, and stop."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "learning_rate", "checkpoint_every"):
            if getattr(self, name) <= 0:
                raise UserError(f"--{name.replace('_', '-')} must be above 0")
        for name in ("warmup", "label_smoothing", "ema_decay", "early_epochs"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(f"--{name.replace('_', '-')} must be at least 0 and below 1")
        if not 0 < self.early_side <= 1:
            raise UserError("--early-side must be above 0 and at most 1")
        for name in (
            "weight_decay", "age_weight", "clip_norm", "patience", "threads", "seed",
            "checkpoint_minutes",
        ):  # fmt: skip
            if getattr(self, name) < 0:
                raise UserError(f"--{name.replace('_', '-')} cannot be negative")


def classes_alone(config: TrainConfig) -> TrainConfig:
    """The same training of the two classes, without ages."""
    select_by = "auc" if config.select_by == "age_error" else config.select_by
    return replace(config, model=replace(config.model, ages=False), select_by=select_by)
