import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agegen.faces.views import (
    AugmentConfig,
    ViewParameters,
    draw_view_parameters,
    evaluation_views,
    random_views,
    sharpen,
    stream_seed,
    to_float,
    to_uint8,
)
from agegen.run.distributed import share_of
from agegen.run.errors import UserError

STILL = {
    "shift": 0.0, "scale": 0.0, "rotation": 0.0, "flip": False, "colour": 0.0, "sharpness": 0.0,
    "grey": 0.0, "erase": 0.0,
}  # fmt: skip


def faces(n=3, height=40, width=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, height, width, 3), dtype=torch.uint8, generator=generator)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 4), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_to_uint8_inverts_to_float(n, height, width, seed):
    images = faces(n, height, width, seed)
    assert torch.equal(to_uint8(to_float(images)), images)


def test_every_byte_survives_and_the_range_is_that_of_tanh():
    images = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16, 1).expand(1, 16, 16, 3)
    x = to_float(images)
    assert (x.min(), x.max()) == (-1, 1)
    assert torch.equal(to_uint8(x), images)
    assert to_uint8(torch.full((1, 3, 1, 1), 7.0)).max() == 255


@pytest.mark.parametrize("crop", [32, 36, 40])
def test_without_effects_a_random_view_is_the_centre_crop(crop):
    images = faces()
    parameters = draw_view_parameters(3, seed=5, step=1)
    views = random_views(images, parameters, AugmentConfig(crop=crop, **STILL))
    torch.testing.assert_close(views, evaluation_views(images, crop)[0], atol=2e-3, rtol=0)


@pytest.mark.parametrize(
    "effect",
    [
        {"shift": 4.0},
        {"scale": 0.2},
        {"rotation": 20.0},
        {"colour": 0.3},
        {"erase": 0.4, "erase_probability": 1.0},
        {"flip": True},
        {"sharpness": 0.5},
        {"grey": 0.5},
    ],
    ids=lambda effect: next(iter(effect)),
)
def test_every_effect_changes_the_view(effect):
    images, parameters = faces(16), draw_view_parameters(16, seed=5, step=1)
    still = random_views(images, parameters, AugmentConfig(crop=32, **STILL))
    changed = random_views(images, parameters, AugmentConfig(crop=32, **{**STILL, **effect}))
    assert changed.shape == still.shape == (16, 3, 32, 32)
    assert (changed - still).abs().max() > 0.1
    assert torch.isfinite(changed).all()


def test_flip_mirrors_about_half_of_the_faces_and_does_nothing_else():
    images, parameters = faces(400, 32, 32), draw_view_parameters(400, seed=5, step=1)
    views = random_views(images, parameters, AugmentConfig(crop=32, **{**STILL, "flip": True}))
    x = to_float(images)
    same = (views - x).abs().amax(dim=(1, 2, 3)) < 2e-3
    mirrored = (views - x.flip(3)).abs().amax(dim=(1, 2, 3)) < 2e-3
    assert torch.all(same ^ mirrored)
    assert 150 < mirrored.sum() < 250


def test_a_shift_moves_the_picture_by_no_more_than_asked():
    images = torch.zeros(64, 64, 64, 3, dtype=torch.uint8)
    images[:, 30:34, 30:34] = 255
    config = AugmentConfig(crop=64, **{**STILL, "shift": 6.0})
    views = random_views(images, draw_view_parameters(64, 0, 0), config) + 1
    axis = torch.arange(64.0)
    moved = (views.sum(dim=(1, 2)) * axis).sum(1) / views.sum(dim=(1, 2, 3)) - 31.5
    assert 4 < moved.abs().max() < 6.01


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(-1, 1))
def test_sharpness_changes_detail_and_neither_even_colour_nor_mean(seed, amount):
    flat = torch.full((1, 3, 16, 16), 0.3)
    torch.testing.assert_close(sharpen(flat, torch.tensor([amount])), flat)
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(seed))
    changed = sharpen(x, torch.tensor([amount]))
    detail = (x - sharpen(x, torch.tensor([-1.0]))).std()
    gained = (changed - sharpen(x, torch.tensor([-1.0]))).std()
    assert gained.item() == pytest.approx((1 + amount) * detail.item(), rel=1e-3, abs=1e-6)
    assert changed.mean().item() == pytest.approx(x.mean().item(), abs=0.02)


def test_the_share_asked_for_is_grey_and_the_others_are_as_they_were():
    images, parameters = faces(400, 32, 32), draw_view_parameters(400, seed=5, step=1)
    views = random_views(images, parameters, AugmentConfig(crop=32, **{**STILL, "grey": 0.25}))
    grey = (views - views[:, :1]).abs().amax(dim=(1, 2, 3)) == 0
    assert 70 < grey.sum() < 130
    same = (views - to_float(images)).abs().amax(dim=(1, 2, 3)) < 2e-3
    assert torch.all(same ^ grey)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 20), st.integers(1, 5), st.integers(0, 2**31), st.integers(0, 10**6))
def test_any_number_of_processes_draws_the_same_views(n, processes, seed, step):
    images = faces(n, 32, 32)
    config = AugmentConfig(crop=32, colour=0.2, erase=0.3, sharpness=0.5, grey=0.3)
    whole = draw_view_parameters(n, seed, step)
    alone = random_views(images, whole, config)
    shares = [share_of(n, rank, processes) for rank in range(processes)]
    parts = [
        random_views(images[s], draw_view_parameters(n, seed, step).rows(s), config)
        for s in shares
        if s.stop > s.start
    ]
    torch.testing.assert_close(torch.cat(parts), alone, atol=1e-5, rtol=0)


def test_parameters_depend_on_seed_and_step():
    drawn = [draw_view_parameters(4, *key).uniform for key in ((0, 0), (0, 1), (1, 0))]
    assert torch.equal(drawn[0], draw_view_parameters(4, 0, 0).uniform)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert not torch.equal(drawn[a], drawn[b])


def test_stream_seeds_are_distinct_and_fit_torch():
    seeds = {stream_seed(seed, step) for seed in range(30) for step in range(100)}
    assert len(seeds) == 3000
    assert all(0 <= seed < 2**63 for seed in seeds)


@pytest.mark.parametrize(("views", "count"), [("centre", 1), ("flip", 2), ("five", 5), ("ten", 10)])
def test_evaluation_views_count_and_content(views, count):
    images = faces(2, 40, 44)
    cut = evaluation_views(images, 32, views)
    assert cut.shape == (count, 2, 3, 32, 32)
    x = to_float(images)
    assert torch.equal(cut[0], x[:, :, 4:36, 6:38])
    if views in ("five", "ten"):
        assert torch.equal(cut[1], x[:, :, :32, :32])
        assert torch.equal(cut[4], x[:, :, -32:, -32:])
    if views in ("flip", "ten"):
        half = count // 2
        assert torch.equal(cut[half:], cut[:half].flip(4))
    assert len({view.numpy().tobytes() for view in cut}) == count


def test_a_crop_larger_than_the_faces_is_refused():
    with pytest.raises(UserError, match="a crop of 48 pixels does not fit into faces of 40"):
        evaluation_views(faces(), 48)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"crop": 16}, "below 32"),
        ({"shift": -1.0}, "cannot be negative"),
        ({"erase_probability": 1.5}, "between 0 and 1"),
    ],
)
def test_impossible_settings_are_refused(wrong, sentence):
    with pytest.raises(UserError, match=sentence):
        AugmentConfig(**wrong)


def test_erased_rectangles_are_grey_and_of_the_size_asked():
    images, parameters = faces(200, 32, 32), draw_view_parameters(200, 0, 0)
    config = AugmentConfig(crop=32, **{**STILL, "erase": 0.5}, erase_probability=0.5)
    erased = np.asarray((random_views(images, parameters, config) == 0).all(dim=1))
    share = erased.mean(axis=(1, 2))
    assert 0.35 < np.mean(share > 0.01) < 0.6
    assert share.max() < 0.75**2 + 0.05


@pytest.mark.parametrize("flip", [False, True])
def test_a_quarter_turn_is_a_rotation(flip):
    x = to_float(faces(2, 36, 36))
    uniform = torch.full((2, 14), 0.5)
    uniform[:, 0] = 1.0  # the largest rotation
    uniform[:, 2] = 0.0  # mirrored, if that is allowed
    config = AugmentConfig(crop=36, **{**STILL, "rotation": 90.0, "flip": flip})
    views = random_views(faces(2, 36, 36), ViewParameters(uniform), config)
    turned = torch.rot90(x.flip(3) if flip else x, 1, (2, 3))
    opposite = torch.rot90(turned, 2, (2, 3))
    assert min((views - turned).abs().max(), (views - opposite).abs().max()) < 2e-3


@settings(max_examples=20, deadline=None)
@given(st.integers(32, 40), st.integers(40, 45), st.floats(0.0, 4.0), st.integers(0, 99))
def test_shifted_faces_keep_every_pixel_where_nothing_else_is_resampled(crop, size, shift, seed):
    images = faces(4, size, size, seed)
    config = AugmentConfig(**{**STILL, "shift": shift, "crop": crop, "flip": True})
    views = to_uint8(random_views(images, draw_view_parameters(4, seed, 0), config))
    for image, view in zip(images, views, strict=True):
        places = [
            image[top : top + crop, left : left + crop]
            for top in range(size - crop + 1)
            for left in range(size - crop + 1)
        ]
        inside = any(torch.equal(view, p) or torch.equal(view, p.flip(1)) for p in places)
        assert inside or shift > (size - crop) / 2 - 0.5  # beyond the border it is mirrored
