"""Images that make a frozen classifier say "young" or "old": gradient ascent on the input.

The image is tanh(anchor + change), so that its values are always in [−1, 1]; a clamp would stop
the gradient of every pixel that reaches the border. The anchor is a face, or mid-grey when the
image is made from noise. The ascent is on the calibrated log-odds of the target, which has the same
maximum as p; p itself hardly pulls once the network is convinced, and a network may call plain grey
old to begin with.

Regularisers: penalties on what differs from the anchor (squared size; total variation, Mahendran
and Vedaldi, 2015), blurring that difference every few steps (Yosinski et al., 2015), showing the
network a randomly shifted, turned and scaled copy at every step ("jitter"; Mordvintsev et al.,
2015; Athalye et al., 2018), and the choice of coordinates (see image_parameters.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from einops import reduce
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from agegen.analysis.inputs.image_parameters import Canvas, Parameters, make_canvas
from agegen.classifier.predict import Classifier
from agegen.faces.views import (
    AugmentConfig,
    draw_view_parameters,
    evaluation_views,
    geometric_views,
    stream_seed,
    to_float,
    to_uint8,
)
from agegen.metrics import sigmoid
from agegen.run.errors import UserError
from agegen.run.progress import Progress

LARGEST_ANCHOR = 0.99  # tanh reaches ±1 nowhere; this moves a pixel by at most 1.3 of 255 levels


@dataclass(frozen=True)
class OptimizeConfig:
    """How an image is optimised; 0 turns a regulariser off."""

    parameters: Parameters = "fourier"
    """Coordinates of the ascent: pixel, or fourier (a spectrum scaled by 1/frequency)."""
    decorrelate: bool = True
    """Step along decorrelated colours, estimated from the training faces, instead of R, G and B."""
    shift: float = 4.0
    """Jitter: largest shift of the copy shown to the network at a step, in pixels, each way."""
    rotation: float = 5.0
    """Jitter: largest rotation of that copy, in degrees, each way."""
    scale: float = 0.05
    """Jitter: largest change of its scale, as a natural logarithm: 0.05 is about ±5 %."""
    total_variation: float = 10.0
    """Weight of the mean |difference of neighbouring pixels| in the change from grey or the face;
    1 outweighs one unit of log-odds."""
    l2: float = 5.0
    """Weight of the mean square of the change: pulls towards grey, or back to the face."""
    blur: float = 0.5
    """Standard deviation in pixels of a Gaussian blur of the change."""
    blur_every: int = 4
    """Steps between two blurs."""
    steps: int = 64
    """Steps of Adam (Kingma and Ba, 2015)."""
    learning_rate: float = 0.02
    """Of the first step, about the change of a pixel (of 2) in it; falls linearly to 0."""
    noise: float = 0.1
    """Standard deviation of the noise that an image without a face starts from, around grey."""
    seed: int = 0
    """Of the jitter."""

    def __post_init__(self) -> None:
        for name in ("shift", "rotation", "scale", "total_variation", "l2", "blur", "noise"):
            if getattr(self, name) < 0:
                raise UserError(f"--method.{name.replace('_', '-')} cannot be negative")
        for name in ("steps", "learning_rate", "blur_every"):
            if getattr(self, name) <= 0:
                raise UserError(f"--method.{name.replace('_', '-')} must be above 0")
        if self.seed < 0:
            raise UserError("--method.seed cannot be negative")


class Start(NamedTuple):
    """What one image starts from, and where to.

    Attributes:
        target: 0 young, 1 old.
        face: uint8 (crop, crop, 3); None starts from noise around grey.
        seed: of that noise.
    """

    target: int
    face: np.ndarray | None = None
    seed: int = 0


class Optimized(NamedTuple):
    """Images before and after; arrays have an entry for every start.

    Attributes:
        before: uint8 (n, crop, crop, 3).
        after: uint8 (n, crop, crop, 3).
        log_odds_before: float64 (n,), log p(old) − log p(young) before temperature scaling, with
            the classifier's own views, of the rounded images.
        log_odds_after: float64 (n,), the same.
        p_before: float64 (n,), calibrated p(old).
        p_after: float64 (n,), the same.
        history: float32 (steps, n), calibrated log-odds of the target of what each step showed.
    """

    before: np.ndarray
    after: np.ndarray
    log_odds_before: np.ndarray
    log_odds_after: np.ndarray
    p_before: np.ndarray
    p_after: np.ndarray
    history: np.ndarray


def optimize(
    classifier: Classifier,
    starts: Sequence[Start],
    config: OptimizeConfig,
    colours: Tensor | None = None,
    progress: Progress | None = None,
) -> Optimized:
    """Optimise several images at once; no image's result depends on the others.

    Args:
        classifier: frozen; it stays as it is.
        starts: of the images.
        config: the same for all.
        colours: of `decorrelated_colours`, needed where the config decorrelates.
        progress: counts images times steps.

    Raises:
        ValueError: decorrelation is wanted and there are no colours.
    """
    if config.decorrelate and colours is None:
        raise ValueError("decorrelated colours are needed: see decorrelated_colours")
    device = classifier.device
    canvas = make_canvas(
        classifier.crop, config.parameters, colours if config.decorrelate else None, device
    )
    anchors = stack_anchors(starts, classifier.crop).to(device)
    targets = torch.tensor([start.target for start in starts], device=device)
    change = first_change(canvas, starts, config.noise).requires_grad_()
    before = to_uint8(paint(canvas, anchors, change.detach())).cpu().numpy()
    history = ascend(classifier, canvas, anchors, targets, change, config, progress)
    after = to_uint8(paint(canvas, anchors, change.detach())).cpu().numpy()
    z_before, z_after = classifier.log_odds(before), classifier.log_odds(after)
    p_before, p_after = (sigmoid(z / classifier.temperature) for z in (z_before, z_after))
    return Optimized(before, after, z_before, z_after, p_before, p_after, history)


def centre_crops(images: np.ndarray, crop: int) -> np.ndarray:
    """Cut what the network sees of faces: uint8 (n, h, w, 3) → (n, crop, crop, 3)."""
    return to_uint8(evaluation_views(torch.tensor(images), crop)[0]).numpy()


def stack_anchors(starts: Sequence[Start], crop: int) -> Tensor:
    """Stack the faces, or grey, as float32 (n, 3, crop, crop) before the tanh."""
    grey = torch.zeros(1, 3, crop, crop)
    faces = [grey if s.face is None else to_float(torch.from_numpy(s.face)[None]) for s in starts]
    return torch.cat(faces).clamp(-LARGEST_ANCHOR, LARGEST_ANCHOR).atanh()


def first_change(canvas: Canvas, starts: Sequence[Start], noise: float) -> Tensor:
    """Coefficients at the start: 0 for faces, Gaussian noise from its seed for the others."""
    first = torch.zeros(canvas.shape(len(starts)))
    for row, start in zip(first, starts, strict=True):
        if start.face is None:
            generator = torch.Generator().manual_seed(stream_seed(start.seed, 0))
            row.normal_(0, noise, generator=generator)
    return first.to(canvas.colours.device)


def paint(canvas: Canvas, anchors: Tensor, change: Tensor) -> Tensor:
    """Images in [−1, 1], float32 (n, 3, side, side)."""
    return torch.tanh(anchors + canvas.pixels(change))


def ascend(
    classifier: Classifier,
    canvas: Canvas,
    anchors: Tensor,
    targets: Tensor,
    change: Tensor,
    config: OptimizeConfig,
    progress: Progress | None,
) -> np.ndarray:
    """Move the coefficients in place; returns the history of `Optimized`."""
    optimizer = torch.optim.Adam([change], lr=config.learning_rate)
    sign, unchanged, history = 2 * targets - 1, anchors.tanh(), []
    for step in range(config.steps):
        images = paint(canvas, anchors, change)
        logits = classifier.model(jitter(images, config, step)).float()
        odds = sign * (logits[:, 1] - logits[:, 0]) / classifier.temperature
        losses = penalty(images - unchanged, config) - odds
        optimizer.zero_grad()
        losses.sum().backward()  # a sum: an image's gradient is its own, whatever the batch
        optimizer.param_groups[0]["lr"] = config.learning_rate * (1 - step / config.steps)
        optimizer.step()
        if config.blur and (step + 1) % config.blur_every == 0:
            blur_change(canvas, change, config.blur)
        history.append(odds.detach().cpu().numpy())
        if progress:
            progress.update(len(images))
    return np.stack(history)


def jitter(images: Tensor, config: OptimizeConfig, step: int) -> Tensor:
    """Shift, turn and scale each image at random, as training does; mirrored beyond the border."""
    if max(config.shift, config.rotation, config.scale) > 0:
        side = images.shape[-1]
        extents = AugmentConfig(
            crop=side, shift=config.shift, rotation=config.rotation, scale=config.scale, flip=False
        )
        u = draw_view_parameters(len(images), config.seed, step).uniform.to(images.device)
        images = geometric_views(images, u, 2 * u - 1, extents, side)
    return images.contiguous(memory_format=torch.channels_last)


def penalty(change: Tensor, config: OptimizeConfig) -> Tensor:
    """Weighted mean square and total variation of each image's change (n, 3, h, w), as (n,)."""
    square = reduce(change**2, "n c h w -> n", "mean")
    steps = (change.diff(dim=2).abs(), change.diff(dim=3).abs())
    variation = sum(reduce(step, "n c h w -> n", "mean") for step in steps)
    return config.l2 * square + config.total_variation * variation


@torch.no_grad()
def blur_change(canvas: Canvas, change: Tensor, deviation: float) -> None:
    """Blur the change in place; blurring planes is blurring colours, as both mixtures commute."""
    kernel = 2 * max(round(3 * deviation), 1) + 1
    blurred = gaussian_blur(canvas.planes(change), [kernel, kernel], [deviation, deviation])
    change.copy_(canvas.coefficients(blurred))
