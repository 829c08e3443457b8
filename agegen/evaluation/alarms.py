"""What goes wrong with CycleGANs, recognised on held-out faces, and what helps.

Each symptom is a pure function of images; `find_alarms` puts them together. Images are float
(n, 3, h, w) in [−1, 1]; luminance is that of ITU-R BT.601.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from agegen.evaluation.alarm_limits import LIMITS, is_alarming
from agegen.faces.pixels import LUMINANCE

KNOWN = 1000  # training faces of each class at most that others are compared with
THUMBNAIL = 24  # side in pixels at which faces are compared with training faces
FAINT = 0.005  # amplitude below which a pattern counts for nothing: about half a level of 255


class Symptoms(NamedTuple):
    """The figures of one direction, young → old or old → young.

    Attributes:
        diversity: mean distance between outputs over that between inputs; 0 is collapse.
        luminance_correlation: between input and output, mean over faces; negative is inversion,
            and unrelated faces have about 0.
        checkerboard: spectral peak at the upsampling's frequencies over that of real faces.
        change: mean |output − input|; 0 is doing nothing.
        copies: share of the outputs that are closer to a training face than real faces are.
    """

    diversity: float
    luminance_correlation: float
    checkerboard: float
    change: float
    copies: float


class Alarm(NamedTuple):
    """Something that is going wrong.

    Attributes:
        name: field of `Symptoms`, or "discriminator_accuracy".
        direction: "old" (young → old), "young", or "both".
        value: what was measured.
        limit: beyond which it is an alarm.
        message: what it means, and a remedy, in plain language.
    """

    name: str
    direction: str
    value: float
    limit: float
    message: str


MESSAGES = {
    "diversity": (
        "collapse: the generated {direction} faces resemble each other more than their sources do. "
        "Remedy: go back to an earlier checkpoint with a lower --learning-rate, or "
        "more --cycle-weight"
    ),
    "luminance_correlation": (
        "colour inversion: the generated {direction} faces are dark where their sources are light. "
        "Remedy: --identity-weight 0.5 or more, or begin again with another --seed"
    ),
    "checkerboard": (
        "checkerboard: the generated {direction} faces have a regular pattern of 2 or 4 pixels. "
        "Remedy: --generator.upsampling nearest"
    ),
    "change": (
        "doing nothing: the generated {direction} faces hardly differ from their sources. Remedy: "
        "less --identity-weight or --cycle-weight, or more pairs"
    ),
    "copies": (
        "copying: generated {direction} faces are near-copies of training faces. Remedy: "
        "a narrower --generator.width, or more training faces"
    ),
    "discriminator_accuracy": (
        "the discriminators tell nearly all faces apart, so that the generators learn little from "
        "them. Remedy: a narrower --discriminator.width, or more training faces"
    ),
}


def measure(real: Tensor, fake: Tensor, target: Tensor, training: Tensor) -> Symptoms:
    """Measure the symptoms of one direction.

    Args:
        real: held-out faces (n, 3, h, w).
        fake: what the generator made of them, of the same shape.
        target: held-out real faces of the domain it aims at, (m, 3, h, w).
        training: training faces of that domain, (k, 3, h, w).
    """
    return Symptoms(
        diversity=float(diversity(fake) / diversity(real)),
        luminance_correlation=float(luminance_correlation(real, fake)),
        checkerboard=float(checkerboard(fake, torch.cat([real, target]))),
        change=float((fake - real).abs().mean()),
        copies=float(share_of_copies(fake, target, training)),
    )


def diversity(x: Tensor) -> Tensor:
    """Root mean squared distance of two faces drawn at random, per value; at least 1e-6."""
    flat = x.flatten(1)
    return (2 * flat.var(dim=0, correction=0).mean()).sqrt().clamp_min(1e-6)


def luminance(x: Tensor) -> Tensor:
    """Weighted sum of the channels: (n, 3, h, w) → (n, h, w)."""
    return torch.einsum("nchw,c->nhw", x, torch.tensor(LUMINANCE, device=x.device, dtype=x.dtype))


def luminance_correlation(real: Tensor, fake: Tensor) -> Tensor:
    """Pearson's correlation over a face's pixels, mean over faces; that of a flat face is 0."""
    a, b = (luminance(x).flatten(1) for x in (real, fake))
    a, b = a - a.mean(dim=1, keepdim=True), b - b.mean(dim=1, keepdim=True)
    return ((a * b).sum(dim=1) / (a.norm(dim=1) * b.norm(dim=1)).clamp_min(1e-6)).mean()


def checkerboard(fake: Tensor, real: Tensor) -> Tensor:
    """Largest peak of the generated faces' spectrum at periods of 2 or 4 pixels.

    Upsampling twice by strided layers favours these frequencies (Odena et al., 2016,
    "Deconvolution and checkerboard artifacts"). A peak is measured against its surroundings in the
    spectrum of generated or of real faces, whichever are stronger: noise is no pattern, and the
    steep spectrum of a blurred face none either. The result is relative to real faces' peaks.
    """
    peaks, around = peaks_and_surroundings(fake)
    real_peaks, real_around = peaks_and_surroundings(real)
    usual = (real_peaks / real_around).max().clamp_min(1)
    return (peaks / torch.maximum(around, real_around)).max() / usual


def peaks_and_surroundings(x: Tensor) -> tuple[Tensor, Tensor]:
    """Power of the upsampling's frequencies, and around them (at least that of `FAINT`), (8,) each.

    The largest within a bin of each frequency, and the median of those 2 and 3 bins away.
    """
    grey = luminance(x)
    grey = grey - grey.mean(dim=(1, 2), keepdim=True)
    height, width = grey.shape[-2:]
    window = torch.outer(torch.hann_window(height), torch.hann_window(width)).to(grey)
    power = torch.fft.fft2(grey * window).abs().square().mean(dim=0)
    row, column = torch.cartesian_prod(torch.arange(3), torch.arange(3))[1:].T.to(power.device)
    around = torch.arange(-3, 4, device=power.device)
    rows, columns = (row * height // 4)[:, None] + around, (column * width // 4)[:, None] + around
    cells = power[rows[:, :, None] % height, columns[:, None] % width]  # (8, 7, 7)
    ring = (around[:, None].abs() > 1) | (around.abs() > 1)
    surroundings = cells[:, ring].median(dim=1).values
    return cells[:, ~ring].amax(dim=1), surroundings.clamp_min((FAINT * window.sum()) ** 2)


def share_of_copies(fake: Tensor, target: Tensor, training: Tensor) -> Tensor:
    """Share of outputs whose nearest training face is closer than half of the usual distance.

    The usual distance is the median one of held-out real faces to their nearest training face.
    """
    known = thumbnails(training)
    usual = torch.cdist(thumbnails(target), known).amin(dim=1).median()
    return (torch.cdist(thumbnails(fake), known).amin(dim=1) < usual / 2).float().mean()


def thumbnails(x: Tensor) -> Tensor:
    """Shrink and flatten faces for comparison: (n, 3, h, w) → (n, 3 · THUMBNAIL²)."""
    return F.interpolate(x.float(), (THUMBNAIL, THUMBNAIL), mode="area").flatten(1)


def find_alarms(symptoms: dict[str, Symptoms], discriminator_accuracy: float) -> list[Alarm]:
    """Compare all figures with their limits.

    Args:
        symptoms: of each direction, by the name of the class aimed at.
        discriminator_accuracy: share of training patches judged rightly since the last look.
    """
    measured = [
        (name, direction, value)
        for direction, figures in symptoms.items()
        for name, value in figures._asdict().items()
    ]
    return [
        Alarm(name, direction, value, LIMITS[name], MESSAGES[name].format(direction=direction))
        for name, direction, value in (
            *measured, ("discriminator_accuracy", "both", discriminator_accuracy)
        )
        if is_alarming(name, value)
    ]  # fmt: skip
