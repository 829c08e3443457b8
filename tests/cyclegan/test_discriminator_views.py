"""Differentiable augmentation: what each effect does, and that gradients pass."""

import pytest
import torch
from torch import Tensor

from agegen.cyclegan.discriminator_views import (
    change_tone,
    cut_out,
    diff_augment,
    move_all,
    recolour,
    shift,
)


def faces(n: int = 3, height: int = 32, width: int = 32) -> Tensor:
    return torch.rand(n, 3, height, width, generator=torch.Generator().manual_seed(0)) * 2 - 1


def drawn(n: int, numbers: int = 7) -> Tensor:
    return torch.rand(n, numbers, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("size", [(32, 32), (33, 47)])
def test_the_shape_stays(size: tuple[int, int]) -> None:
    x = faces(4, *size)
    y = diff_augment(x, drawn(4))
    assert y.shape == x.shape
    assert torch.isfinite(y).all()
    assert (y != x).any(dim=(1, 2, 3)).all()


def test_neutral_values_change_nothing() -> None:
    x, half = faces(), torch.full((3, 3), 0.5)
    torch.testing.assert_close(recolour(x, half), x, rtol=0, atol=1e-6)
    assert torch.equal(shift(x, half[:, :2]), x)
    assert torch.equal(cut_out(x, half[:, :2], share=0.0), x)


def test_equal_rows_have_equal_effects() -> None:
    x = faces(1).expand(3, -1, -1, -1)
    u = drawn(2)[[0, 0, 1]]
    y = diff_augment(x, u)
    assert torch.equal(y[0], y[1])
    assert not torch.equal(y[0], y[2])


def test_a_face_does_not_hang_on_the_others() -> None:
    x, u = faces(5), drawn(5)
    alone = torch.cat([diff_augment(x[i, None], u[i, None]) for i in range(5)])
    torch.testing.assert_close(diff_augment(x, u), alone)


def test_gradients_reach_what_is_still_seen_and_nothing_else() -> None:
    """Derivatives by finite differences in float64, effect by effect."""
    x = faces(2, 4, 5).double().requires_grad_()
    u = drawn(2).double()
    assert torch.autograd.gradcheck(lambda x: recolour(x, u[:, :3]), x)
    assert torch.autograd.gradcheck(lambda x: shift(x, u[:, 3:5], share=0.3), x)
    assert torch.autograd.gradcheck(lambda x: cut_out(x, u[:, 5:7]), x)
    whole = faces(2).requires_grad_()
    diff_augment(whole, drawn(2)).square().sum().backward()
    assert (whole.grad != 0).any(dim=(1, 2, 3)).all()


def test_colours_by_hand() -> None:
    x = torch.tensor([0.2, 0.4, 0.6]).reshape(1, 3, 1, 1).repeat(1, 1, 2, 2)
    x[..., 0, :] -= 0.2  # rows of grey 0.2 and 0.4, mean 0.3
    brighter = recolour(x, torch.tensor([[0.9, 0.5, 0.5]]))
    torch.testing.assert_close(brighter, x + 0.4)
    grey = recolour(x, torch.tensor([[0.5, 0.0, 0.5]]))
    torch.testing.assert_close(grey, x.mean(1, keepdim=True).expand_as(x))
    flat = recolour(x, torch.tensor([[0.5, 0.5, 0.0]]))
    torch.testing.assert_close(flat, 0.3 + (x - 0.3) / 2)


@pytest.mark.parametrize("size", [(32, 32), (33, 47)])
def test_shifts_are_whole_pixels_with_grey_coming_in(size: tuple[int, int]) -> None:
    """Each shift from −⌊side/8 + ½⌋ to as many is met, and every one as often."""
    height, width = size
    x = faces(1, height, width)
    for axis, side in ((3, width), (2, height)):
        most = int(side / 8 + 0.5)
        places = 2 * most + 1
        u = torch.full((places, 2), 0.5)
        u[:, 3 - axis] = (torch.arange(places) + 0.5) / places
        for y, by in zip(
            shift(x.expand(places, -1, -1, -1), u), range(-most, most + 1), strict=True
        ):
            expected = x.roll(-by, axis)
            gone = range(side - by, side) if by > 0 else range(-by)
            expected.index_fill_(axis, torch.tensor(list(gone), dtype=torch.long), 0.0)
            assert torch.equal(y, expected[0])


def test_a_square_of_half_the_side_becomes_grey() -> None:
    x = torch.ones(3, 3, 32, 40)
    y = cut_out(x, torch.tensor([[0.5, 0.5], [0.0, 0.5], [0.999, 0.0]]))
    grey = (y == 0).all(dim=1)
    assert ((y == 1) | grey[:, None]).all()
    assert grey[0, 8:24, 10:30].all()
    assert grey.sum(dim=(1, 2)).tolist() == [16 * 20, 8 * 20, 8 * 10]


def test_half_precision_shifts_by_the_same_whole_pixels() -> None:
    x, u = faces(4, 256, 256).bfloat16(), drawn(4, 2)
    y = diff_augment(x, torch.cat([torch.full((4, 3), 0.5), u, torch.zeros(4, 2)], dim=1))
    expected = cut_out(shift(x.float(), u), torch.zeros(4, 2))
    assert y.dtype == torch.float32
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-5)


def test_autocast_moves_no_pixel() -> None:
    """Nor changes it: grids of 256 pixels cannot be told in bf16."""
    x, u = faces(4, 256, 256), drawn(4)
    expected = diff_augment(x, u)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(diff_augment(x, u), expected)


@pytest.mark.parametrize("strength", [0.1, 0.25, 0.6])
def test_tone_changes_a_face_as_a_whole_and_no_more_than_asked(strength: float) -> None:
    x = faces(6)
    u = torch.rand(6, 6, generator=torch.Generator().manual_seed(2))
    y = change_tone(x, u, strength)
    assert y.shape == x.shape
    brightness = (y.mean(dim=(1, 2, 3)) - x.mean(dim=(1, 2, 3))).abs()
    assert brightness.max() <= 0.5 * strength + 0.2 * strength + 1e-5
    for face, changed in zip(x, y, strict=True):  # an affine map of a pixel's three colours
        points = torch.cat([face.flatten(1), torch.ones(1, face[0].numel())]).T
        rest = torch.linalg.lstsq(points, changed.flatten(1).T).residuals
        assert float(rest.sum()) < 1e-3
    torch.testing.assert_close(change_tone(x, torch.full((6, 6), 0.5), strength), x)
    alone = torch.cat([change_tone(x[i, None], u[i, None], strength) for i in range(6)])
    torch.testing.assert_close(y, alone)


@pytest.mark.parametrize(("right", "down"), [(0, 0), (3, 1), (4, 4)])
def test_all_faces_move_by_the_same_whole_pixels(right: int, down: int) -> None:
    x = faces(3)
    y = move_all(x, right, down, 4)
    assert y.shape == (3, 3, x.shape[2] + 4, x.shape[3] + 4)
    assert torch.equal(y[:, :, down : down + x.shape[2], right : right + x.shape[3]], x)
