"""A training's first step in several ways: of the same weights and faces, so the same numbers.

The first way is the reference: float32 on the CPU. Others differ by the order of their additions,
or by a shorter arithmetic.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import patch_environment
from torch import Tensor

from agegen.classifier import training as classifier_training
from agegen.classifier.config import TrainConfig
from agegen.classifier.train import share_of_loss
from agegen.cyclegan import training as cyclegan_training
from agegen.cyclegan.batches import PairDrawer, fetch_pairs
from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.pairing import pairable
from agegen.cyclegan.train import discriminator_phase, generator_phase, make_views
from agegen.faces.batches import epoch_batches, fetch_batches
from agegen.faces.store import FaceStore
from agegen.faces.views import draw_view_parameters, random_views
from agegen.machine.part import Part
from agegen.machine.setting import Setting
from agegen.run.devices import (
    Precision,
    cores_per_process,
    load_scaler,
    make_accelerator,
    scaler_state,
)

LOSS_TOLERANCE: dict[Precision, float] = {"float32": 1e-3, "bf16": 0.03, "fp16": 0.01}
GRADIENT_TOLERANCE: dict[Precision, float] = {"float32": 0.1, "bf16": 0.7, "fp16": 0.3}
"""Relative differences that are still rounding. The largest on a CPU (docs/benchmark.md): float32
on one thread against two, losses 9e-7, gradients 2e-6 (CycleGAN) and 0.012 (classifier, as far as
from float64's); bf16, losses 0.007, gradients 0.43 and 0.25. A gradient that has nothing to do with
the reference differs by 1 or more."""
SCALE = 2.0**10  # of fp16's losses: its first one, 2¹⁶, may overflow, and the step be skipped


class Way(NamedTuple):
    """How a step is computed."""

    device: str  # "cpu" or "cuda"
    precision: Precision  # of the forward pass
    threads: int  # of the CPU

    def __str__(self) -> str:
        on = f"CPU, {self.threads} thread(s)" if self.device == "cpu" else "GPU"
        return f"{self.precision}, {on}"


class Step(NamedTuple):
    """What a step gave."""

    losses: dict[str, float]  # by name; those that were left out are not in it
    gradients: dict[str, Tensor]  # of each group of networks, all, float32 (n,) on the CPU


class Difference(NamedTuple):
    """How far a step is from the reference, each relative to the reference."""

    loss: float  # the largest of its losses
    gradient: dict[str, float]  # ‖g − r‖ / ‖r‖, of each group of networks
    norm: dict[str, float]  # ‖g‖ / ‖r‖ − 1
    cosine: dict[str, float]  # of the angle between g and r

    def __str__(self) -> str:
        gradients = ", ".join(
            f"{name} {apart:.1e} (norm {self.norm[name]:+.1e}, cosine {self.cosine[name]:.4f})"
            for name, apart in self.gradient.items()
        )
        return f"losses differ by {self.loss:.1e}, gradients: {gradients}"


def check_first_step(setting: Setting) -> Part:
    """Compare the ways of computing a first step, of both trainings."""
    store, part = FaceStore.open(setting.faces), Part()
    gan, classifier = setting.cyclegan, setting.classifier
    compare(part, "CycleGAN", setting, lambda way: cyclegan_step(gan, store, way))
    compare(part, "classifier", setting, lambda way: classifier_step(classifier, store, way))
    return part


def compare(part: Part, title: str, setting: Setting, compute: Callable[[Way], Step]) -> None:
    """Add to a part how far one training's first step is from the reference, in every other way."""
    reference, *others = ways_to_compute(setting)
    expected = compute(reference)
    part.lines.append(f"{title}, against {reference}:")
    for way in others:
        found = difference(compute(way), expected)
        wrong = faults(found, way.precision)
        part.lines.append(f"  {way}: {found}{': WRONG' if wrong else ''}")
        part.figures[f"{title}, {way}"] = found._asdict()
        if wrong:
            part.problems.append(f"{title} computes wrongly in {way}: {', '.join(wrong)}")
            part.advice = part.advice or [remedy_of(way)]  # float32's, if that is wrong


def remedy_of(way: Way) -> str:
    """What to do where a way computes wrongly."""
    if way.precision != "float32":
        return f"train with --precision float32 as long as {way.precision} computes wrongly here"
    if way.device == "cuda":
        return "update the GPU's driver and torch; until then CUDA_VISIBLE_DEVICES= trains on CPUs"
    return "train with --threads 1, and install another version of torch"


def ways_to_compute(setting: Setting) -> list[Way]:
    """The reference first, the way in which trainings compute here last."""
    threads, first, device = cores_per_process(), cores_per_process(), "cuda"
    if not setting.gpu:  # of one core two threads: else nothing would be compared
        threads, first, device = max(threads, 2), 1, "cpu"
    ways = [Way("cpu", "float32", first), Way(device, "float32", threads)]
    return list(dict.fromkeys([*ways, Way(device, setting.precision, threads)]))


@contextmanager
def computing(way: Way) -> Iterator[Accelerator]:
    """Start Accelerate on a device, without TF32; afterwards all is as it was, and it has ended."""
    threads, tf32 = torch.get_num_threads(), torch.backends.cudnn.allow_tf32
    AcceleratorState._reset_state(reset_partial_state=True)
    torch.backends.cudnn.allow_tf32 = False
    try:
        with patch_environment(accelerate_use_cpu=way.device == "cpu"):
            accelerator = make_accelerator(way.precision)
            torch.set_num_threads(way.threads)
            yield accelerator
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)
        torch.backends.cudnn.allow_tf32 = tf32
        torch.set_num_threads(threads)


def cyclegan_step(config: CycleGANConfig, store: FaceStore, way: Way) -> Step:
    """Both phases of the CycleGAN's first step, by the training's own functions."""
    config, rows = cyclegan_training.fitted_to(config, store), np.arange(config.batch_size)
    with computing(way) as accelerator:
        training = cyclegan_training.set_up(config, accelerator, store)
        lower_scale(accelerator)
        drawer = PairDrawer(pairable(store), config.batch_size, config.seed)
        [pairs] = fetch_pairs(store, drawer, range(1), rows, accelerator.device)
        young, old = make_views(pairs, config, 0, rows)
        fake_old, fake_young, made = generator_phase(training, config, young, old, 0, rows)
        judged = discriminator_phase(training, config, (old, fake_old, young, fake_young), 0, rows)
        terms = {"total": made.total, **made.terms}
        losses = {f"generators' {name}": loss.item() for name, loss in terms.items()}
        terms = {"total": judged.total, "old": judged.terms["old"], "young": judged.terms["young"]}
        losses |= {f"discriminators' {name}": loss.item() for name, loss in terms.items()}
        gradients = {
            "generators": gradient_of(training.generator_optimizer),
            "discriminators": gradient_of(training.discriminator_optimizer),
        }
        return Step({name: loss for name, loss in losses.items() if loss}, gradients)


def classifier_step(config: TrainConfig, store: FaceStore, way: Way) -> Step:
    """The classifier's first step."""
    config = classifier_training.fitted_to(config, store)
    with computing(way) as accelerator:
        training = classifier_training.set_up(config, accelerator, store)
        lower_scale(accelerator)
        faces = epoch_batches(store.indices("train"), config.batch_size, config.seed, 0)[:1]
        [batch] = fetch_batches(store, faces, accelerator.device)
        parameters = draw_view_parameters(len(batch.labels), config.seed, 0)
        views = random_views(batch.images, parameters, config.augment)
        training.model.train()
        loss = share_of_loss(training.model(views), batch, training.class_weights, config)
        accelerator.backward(loss)
        training.optimizer.step()
        return Step({"loss": loss.item()}, {"network": gradient_of(training.optimizer)})


def lower_scale(accelerator: Accelerator) -> None:
    """Let fp16's first step not overflow."""
    state = scaler_state(accelerator)
    load_scaler(accelerator, state and state | {"scale": SCALE})


def gradient_of(optimizer: torch.optim.Optimizer) -> Tensor:
    """The gradient that Adam's first step took, whatever the losses were scaled by."""
    parts = [
        optimizer.state[weight]["exp_avg"].flatten().float().cpu() / (1 - group["betas"][0])
        for group in optimizer.param_groups
        for weight in group["params"]
    ]
    return torch.cat(parts)


def difference(found: Step, expected: Step) -> Difference:
    """How far a step is from the reference."""
    losses = [abs(found.losses[name] - loss) / abs(loss) for name, loss in expected.losses.items()]
    gradients = {
        name: (found.gradients[name].double(), reference.double())
        for name, reference in expected.gradients.items()
    }
    return Difference(
        float(np.max(losses)),  # NaN if one of them is
        {name: float((g - r).norm() / r.norm()) for name, (g, r) in gradients.items()},
        {name: float(g.norm() / r.norm()) - 1 for name, (g, r) in gradients.items()},
        {name: float(g @ r / (g.norm() * r.norm())) for name, (g, r) in gradients.items()},
    )


def faults(found: Difference, precision: Precision) -> list[str]:
    """What is farther from the reference than rounding takes it."""
    most, apart = LOSS_TOLERANCE[precision], GRADIENT_TOLERANCE[precision]
    wrong = []
    if not found.loss <= most:  # NaN neither
        wrong.append(f"its first losses differ by {found.loss:.1e} (by rounding, up to {most})")
    for name, gradient in found.gradient.items():
        if not gradient <= apart:
            wrong.append(f"the gradient of its {name} by {gradient:.1e} (up to {apart})")
    return wrong
