"""Changes that age nobody, before the same judges: how far does each move them?

A generator whose shift is within the range of these is no evidence of ageing. Every control is a
function of faces, float (n, 3, h, w) in [−1, 1] → the same; those that are drawn have a seed.
"""

import io
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from agegen.evaluation.evaluate import Made, judge_made, moves_of, scores_of
from agegen.evaluation.frozen_classifier import FrozenClassifier
from agegen.evaluation.held_out import HeldOut
from agegen.evaluation.judges import Judge
from agegen.evaluation.panel import Panel
from agegen.evaluation.shifts import judge_shift
from agegen.faces.pixels import GREY_LEVELS
from agegen.faces.records import age_sign
from agegen.faces.views import to_float, to_uint8

Control = Callable[[Tensor], Tensor]


def jpeg(x: Tensor, quality: int) -> Tensor:
    """Compress and decompress."""
    decoded = []
    for image in to_uint8(x).cpu().numpy():
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "jpeg", quality=quality)
        decoded.append(np.asarray(Image.open(buffer)))
    return to_float(torch.from_numpy(np.stack(decoded))).to(x.device)


def blur(x: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of so many pixels."""
    from torchvision.transforms.v2.functional import gaussian_blur  # takes seconds

    return gaussian_blur(x, [2 * int(3 * sigma) + 1] * 2, [sigma] * 2)


def sharpen(x: Tensor, amount: float) -> Tensor:
    """Unsharp mask of one pixel."""
    return (x + amount * (x - blur(x, 1.0))).clamp(-1, 1)


def noise(x: Tensor, deviation: float) -> Tensor:
    """Add Gaussian noise of this standard deviation, in units of [−1, 1]; always the same."""
    drawn = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    return (x + deviation * drawn.to(x)).clamp(-1, 1)


def contrast(x: Tensor, factor: float) -> Tensor:
    """Scale around each face's mean."""
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    return (mean + factor * (x - mean)).clamp(-1, 1)


def brightness(x: Tensor, by: float) -> Tensor:
    """Add a constant, in units of [−1, 1]."""
    return (x + by).clamp(-1, 1)


def saturation(x: Tensor, factor: float) -> Tensor:
    """0 is grey, 1 the face itself."""
    from torchvision.transforms.v2.functional import adjust_saturation

    return adjust_saturation((x + 1) / 2, factor) * 2 - 1


def smaller(x: Tensor, side: int) -> Tensor:
    """Shrink to so many pixels and enlarge again."""
    shrunk = F.interpolate(x, (side, side), mode="bilinear", antialias=True)
    return F.interpolate(shrunk, x.shape[-2:], mode="bicubic").clamp(-1, 1)


CONTROLS: dict[str, Control] = {
    "no change": lambda x: x,
    "mirror image": lambda x: x.flip(3),
    "JPEG, quality 30": partial(jpeg, quality=30),
    "blur, 1 pixel": partial(blur, sigma=1.0),
    "resolution halved": lambda x: smaller(x, x.shape[-1] // 2),
    "sharpened": partial(sharpen, amount=1.0),
    "noise, 5 %": partial(noise, deviation=0.1),
    "contrast × 0.7": partial(contrast, factor=0.7),
    "contrast × 1.4": partial(contrast, factor=1.4),
    "darker": partial(brightness, by=-0.2),
    "brighter": partial(brightness, by=0.2),
    "grey": partial(saturation, factor=0.0),
    "colours × 1.5": partial(saturation, factor=1.5),
}


def in_batches(control: Control, faces: Tensor) -> Tensor:
    """A control's change of faces, a batch at a time."""
    return torch.cat([control(batch) for batch in faces.split(64)])


def adversarial(x: Tensor, judge: FrozenClassifier, to: str, strength: float, steps: int) -> Tensor:
    """Move every value by at most `strength`, in units of [−1, 1], so that the judge sees `to`.

    Projected gradient ascent (Madry et al., 2018, section 2.1) on the classifier's log-odds, in
    steps of strength · 2 / steps.
    """
    changed = x.clone()
    for _ in range(steps):
        changed.requires_grad_(True)
        with torch.enable_grad():
            judged = age_sign(to) * judge.log_odds(changed).sum()
        (gradient,) = torch.autograd.grad(judged, changed)
        moved = changed.detach() + 2 * strength / steps * gradient.sign()
        changed = (x + (moved - x).clamp(-strength, strength)).clamp(-1, 1)
    return changed


def judge_beside_controls(
    made: dict[str, Made], real: HeldOut | None, known: dict[str, Tensor], panel: Panel
) -> dict:
    """See `judge_made`; and, under ``controls``, `evaluate_controls` before the same judges."""
    first = panel.judges[0]
    fooled = first if isinstance(first, FrozenClassifier) else None
    found = judge_made(made, real, known, panel)
    return {**found, "controls": evaluate_controls(made, real, panel.judges, fooled)}


def evaluate_controls(
    made: dict[str, Made],
    real: HeldOut | None,
    judges: Sequence[Judge],
    fooled: FrozenClassifier | None = None,
) -> dict:
    """Judge every control as if it were a generator.

    Args:
        made: the faces, by the class aimed at.
        real: real faces of both classes; see `agegen.evaluation.evaluate.judge_made`.
        judges: whose scores rise with age.
        fooled: the classifier that adversarial noise is made against; None leaves it out.

    Returns:
        ``{control: {class aimed at: {judge: {score: figures}}}}`` as `judge_shift` gives them.
    """
    scores = scores_of(judges, real)
    found: dict[str, dict] = {}
    for to, mine in made.items():
        controls = dict(CONTROLS)
        if fooled:
            controls["adversarial noise, 3 levels"] = partial(
                adversarial, judge=fooled, to=to, strength=3 / GREY_LEVELS, steps=8
            )
        for name, control in controls.items():
            changed = in_batches(control, mine.faces)
            found.setdefault(name, {})[to] = {
                judge.name: {
                    score: judge_shift(move, mine.persons)
                    for score, move in moves_of(
                        judge, mine, changed, to, scores.get(judge.name, {}), real
                    ).items()
                }
                for judge in judges
            }
    return found
