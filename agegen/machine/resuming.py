"""Does a stopped training go on to the same result here, and back from a loss that is NaN?"""

import math
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from agegen.classifier.config import TrainConfig
from agegen.classifier.train import train as train_classifier
from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.losses import GanLoss, least_squares_discriminator, least_squares_generator
from agegen.cyclegan.train import train as train_cyclegan
from agegen.machine.part import Part
from agegen.machine.setting import PAIRS, Setting
from agegen.run.folder import Run

Config = TypeVar("Config", CycleGANConfig, TrainConfig)

HALF = 5  # of a CycleGAN's steps
AGAIN = 10.0  # times as far apart as two resumed runs: on a GPU no two runs have the same bits
NEAR = 1e-5  # relative difference of weights that says nothing


class FailsOnce:
    """Least squares, whose loss is NaN in one call after others."""

    def __init__(self) -> None:
        self.left = 0

    def __call__(self, fake: Tensor) -> Tensor:
        """Logits of generated faces → what the generator minimises."""
        self.left -= 1
        return least_squares_generator(fake) * (float("nan") if self.left == 0 else 1.0)


fails_once = FailsOnce()
LOSS = GanLoss(fails_once, least_squares_discriminator, 0.5)


def check_resuming(setting: Setting) -> Part:
    """Resume both trainings, and let the CycleGAN's go back."""
    part = Part()
    with tempfile.TemporaryDirectory() as folder:
        cyclegan = short_cyclegan(setting, Path(folder, "cyclegan"))
        classifier = replace(setting.classifier, out=Path(folder, "classifier"), epochs=2)
        resume(part, setting, "CycleGAN", train_cyclegan, cyclegan)
        resume(part, setting, "classifier", train_classifier, classifier)
        go_back(part, short_cyclegan(setting, Path(folder, "back")))
    return part


def short_cyclegan(setting: Setting, out: Path) -> CycleGANConfig:
    """Twice `HALF` steps, with a checkpoint after each half."""
    return replace(setting.short_cyclegan(out, 2 * HALF), checkpoint_every=HALF * PAIRS)


def resume(
    part: Part, setting: Setting, title: str, train: Callable[[Config], object], config: Config
) -> None:
    """Add to a part how far a training in two halves is from one at once."""
    train(config)
    halves = [resumed_copy(config, train, i) for i in range(1 + setting.gpu)]
    apart, by_itself = parted(config.out, halves[0]), parted(halves[0], halves[-1])
    part.figures[title] = {"apart": apart, "two_resumed_apart": by_itself}
    if apart == 0:
        part.lines.append(f"{title}: resumed half-way, it ends in the same bits")
        return
    said = f"{title}: resumed half-way, its end differs by {apart:.1e}"
    if not setting.gpu:
        part.problems.append(f"{said}; on a CPU it should have the same bits")
    elif math.isinf(apart) or apart > max(AGAIN * by_itself, NEAR):
        part.problems.append(f"{said}, two resumed ones by {by_itself:.1e}")
    part.lines.append(f"{said} (two resumed ones, by {by_itself:.1e})")


def resumed_copy(config: Config, train: Callable[[Config], object], number: int) -> Path:
    """A copy of a run without its last checkpoint, gone on with to the end."""
    out = config.out.with_name(f"{config.out.name}_{number}")
    shutil.copytree(config.out, out)
    shutil.rmtree(Run(out).checkpoints()[-1])
    train(replace(config, out=out, resume=True))
    return out


def parted(one: Path, other: Path) -> float:
    """Relative difference ‖a − b‖ / ‖b‖ of two runs' last checkpoints, the largest of its files.

    0 if all bits are the same, infinite if there are no numbers to compare.
    """
    a, b = Run(one).latest_checkpoint(), Run(other).latest_checkpoint()
    assert a is not None
    assert b is not None
    if one == other or all(
        torch.equal(x, b.tensors[name][key])
        for name, tensors in a.tensors.items()
        for key, x in tensors.items()
    ):
        return 0.0
    apart = torch.stack([distance(a.tensors[name], b.tensors[name]) for name in a.tensors]).max()
    return float(apart.nan_to_num(float("inf")))


def distance(a: dict[str, Tensor], b: dict[str, Tensor]) -> Tensor:
    """‖a − b‖ / ‖b‖ over all tensors, a scalar."""
    if not a:  # a pool that is empty still
        return torch.zeros((), dtype=torch.float64)
    mine, theirs = (torch.cat([x[k].double().flatten() for k in a]) for x in (a, b))
    return (mine - theirs).norm() / theirs.norm()


def go_back(part: Part, config: CycleGANConfig) -> None:
    """Add to a part whether a training went back to its checkpoint from a loss that was NaN."""
    fails_once.left = 3 * HALF  # two calls a step, and some before the first: in the second half
    train_cyclegan(replace(config, gan_loss=f"{__name__}:LOSS"))
    rates = [r["learning_rate"] for r in Run(config.out).metrics() if r["kind"] == "step"]
    expected = [config.learning_rate] * HALF + [config.learning_rate / 2] * HALF
    part.figures["rollback"] = {"learning_rates": rates}
    if rates == expected:
        part.lines.append("CycleGAN: after a loss that was NaN it went back, and on to the end")
    else:
        part.problems.append("a loss that was NaN did not send the CycleGAN's training back")
