"""Every alarm is raised by what it is named after, and by nothing that is sound."""

from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from agegen.drawn.synthetic import draw_pairs
from agegen.evaluation.alarm_limits import LIMITS
from agegen.evaluation.alarms import Symptoms, find_alarms, measure
from agegen.faces.views import to_float

N = 32


class Faces(NamedTuple):
    """Drawn faces: the young, their true old counterparts, other old faces, training faces."""

    young: Tensor
    old: Tensor
    others: Tensor
    known: Tensor


@pytest.fixture(scope="module", params=[48, 64])
def faces(request: pytest.FixtureRequest) -> Faces:
    pairs = draw_pairs(3 * N, seed=1, size=request.param)
    young, old = (to_float(torch.from_numpy(x)) for x in pairs)
    known = to_float(torch.from_numpy(draw_pairs(60, seed=9, size=request.param).old))
    return Faces(young[:N], old[:N], old[N : 2 * N], torch.cat([known, old[2 * N :]]))


def alarms(faces: Faces, fake: Tensor) -> list[str]:
    symptoms = measure(faces.young, fake, faces.others, faces.known)
    return [alarm.name for alarm in find_alarms({"old": symptoms}, 0.8)]


def blurred(x: Tensor, sigma: float) -> Tensor:
    taps = torch.exp(-torch.arange(-8, 9.0).square() / (2 * sigma**2))
    kernel = torch.outer(taps, taps) / taps.sum() ** 2
    padded = F.pad(x, (8, 8, 8, 8), mode="reflect")
    return F.conv2d(padded, kernel.expand(3, 1, 17, 17), groups=3)


def upsampled(x: Tensor, kernel: Tensor) -> Tensor:
    """Twice the size by the transposed convolution of the paper's generator, one kernel for all."""
    weight = kernel.expand(3, 1, 3, 3)
    options = {"stride": 2, "padding": 1, "output_padding": 1, "groups": 3}
    return F.conv_transpose2d(x + 1, weight, **options) - 1


def uneven(strength: float) -> Tensor:
    """Kernel whose overlaps add up unevenly; strength 0 is bilinear and leaves no pattern."""
    taps = torch.tensor([0.5, 1, 0.5])
    return torch.lerp(torch.outer(taps, taps), torch.full((3, 3), 4 / 9), strength)


SOUND = {
    "true counterparts": lambda f: f.old,
    "unrelated faces of the other domain": lambda f: f.others,
    "slightly blurred": lambda f: blurred(f.old, 0.5),
    "blurred": lambda f: blurred(f.old, 1),
    "strongly blurred": lambda f: blurred(f.old, 2),
    "blurred sources": lambda f: blurred(f.young, 1),
    "brighter sources": lambda f: (f.young + 0.1).clamp(-1, 1),
    "less contrast": lambda f: 0.85 * f.old,
    "warmer": lambda f: f.old + 0.08 * torch.tensor([1.0, 0.0, -1.0]).reshape(3, 1, 1),
    "noisy": lambda f: f.old + 0.05 * torch.randn(f.old.shape, generator=torch.Generator()),
    "an invisible pattern": lambda f: f.old + 0.005 * stripes(f.old, 2),
}


def stripes(x: Tensor, period: int) -> Tensor:
    return torch.cos(2 * torch.pi / period * torch.arange(x.shape[-1]))


@pytest.mark.parametrize("name", SOUND)
def test_nothing_sound_raises_an_alarm(faces: Faces, name: str) -> None:
    assert alarms(faces, SOUND[name](faces)) == []


BROKEN = {
    "one face for all": (lambda f: f.old[:1].expand_as(f.old).clone(), "diversity"),
    "nearly one face": (lambda f: 0.7 * f.old[:1] + 0.3 * f.old, "diversity"),
    "negatives": (lambda f: -f.young, "luminance_correlation"),
    "pale negatives": (lambda f: 0.6 - 0.6 * f.old, "luminance_correlation"),
    "period 2": (lambda f: upsampled(F.avg_pool2d(f.old, 2), uneven(0.3)), "checkerboard"),
    "period 4": (
        lambda f: upsampled(upsampled(F.avg_pool2d(f.old, 4), uneven(0.5)), uneven(0)),
        "checkerboard",
    ),
    "stripes of period 2": (lambda f: f.old + 0.05 * stripes(f.old, 2), "checkerboard"),
    "stripes of period 4": (lambda f: f.old + 0.08 * stripes(f.old, 4), "checkerboard"),
    "a pattern on a blur": (lambda f: blurred(f.old, 2) + 0.05 * stripes(f.old, 2), "checkerboard"),
    "the sources": (lambda f: f.young, "change"),
    "nearly the sources": (lambda f: 0.99 * f.young, "change"),
    "training faces": (lambda f: f.known[:N], "copies"),
    "some near-copies": (lambda f: torch.cat([f.old[8:], blurred(f.known[:8], 0.5)]), "copies"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_raises_its_alarm_and_no_other(faces: Faces, name: str) -> None:
    break_it, expected = BROKEN[name]
    assert alarms(faces, break_it(faces)) == [expected]


def test_bilinear_upsampling_has_no_checkerboard(faces: Faces) -> None:
    """The control of the transposed convolutions above: the same, with even overlaps."""
    assert alarms(faces, upsampled(F.avg_pool2d(faces.old, 2), uneven(0))) == []


GOOD = Symptoms(1.0, 0.8, 1.0, 0.2, 0.0)


def test_discriminators_that_know_everything_raise_an_alarm_of_both_directions() -> None:
    (alarm,) = find_alarms({"old": GOOD, "young": GOOD}, 0.995)
    assert (alarm.name, alarm.direction, alarm.value) == ("discriminator_accuracy", "both", 0.995)
    assert find_alarms({"old": GOOD, "young": GOOD}, 0.9) == []


def test_an_alarm_names_its_direction_its_figures_and_a_remedy() -> None:
    collapsed = GOOD._replace(diversity=0.1)
    (alarm,) = find_alarms({"old": GOOD, "young": collapsed}, 0.5)
    assert (alarm.name, alarm.direction) == ("diversity", "young")
    assert (alarm.value, alarm.limit) == (0.1, LIMITS["diversity"])
    assert "generated young faces" in alarm.message
    assert "Remedy: " in alarm.message
    assert "--learning-rate" in alarm.message


def test_a_single_face_is_measured_without_nan(faces: Faces) -> None:
    figures = measure(faces.young[:1], faces.old[:1], faces.others[:1], faces.known)
    assert torch.tensor(figures).isfinite().all()
