"""Changes are added where they belong, and nowhere else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from photos import picture

from agegen.faces.alignment import Similarity, outline, sample_face, similarity
from agegen.photos import paste
from agegen.photos.paste import FEATHER, Box, Change, add_changes, add_everywhere, fade, mask

SIDE = 96
PLACES = [
    (1.0, 0.0), (0.3, 0.0), (0.25, 31.0), (0.4, -120.0), (1.7, 20.0), (2.6, 75.0),
]  # fmt: skip


def placed(scale, degrees, centre=(200.3, 151.8)):
    """A square of 96 pixels around a point of the photo; below 1 the photo is the finer one."""
    return similarity(scale, degrees, centre, (SIDE / 2, SIDE / 2))


def noise(seed=0, side=SIDE, strength=60):
    return np.random.default_rng(seed).normal(0, strength, (side, side, 3)).astype(np.float32)


@settings(max_examples=15, deadline=None)
@given(st.floats(0.1, 4), st.floats(-179, 179), st.floats(-50, 450), st.floats(-50, 350))
def test_no_change_leaves_every_byte(scale, degrees, x, y):
    photo = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    none = Change(np.zeros((SIDE, SIDE, 3), np.float32), placed(scale, degrees, (x, y)))
    assert add_changes(photo, [none, none]).tobytes() == photo.tobytes()
    assert add_everywhere(photo, none.levels).tobytes() == photo.tobytes()


@pytest.mark.parametrize(("scale", "degrees"), PLACES)
@pytest.mark.parametrize("at", [(48.0, 48.0), (30.0, 60.0), (66.5, 25.5)])
def test_a_spot_comes_out_where_it_belongs(scale, degrees, at):
    to_square = placed(scale, degrees)
    y, x = np.indices((SIDE, SIDE)) + 0.5
    spot = 90 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / 18)
    levels = np.repeat(spot[..., None], 3, axis=2).astype(np.float32)
    photo = np.full((300, 400, 3), 100, np.uint8)
    added = add_changes(photo, [Change(levels, to_square)])[..., 1].astype(float) - 100
    y, x = np.indices(added.shape) + 0.5
    found = np.array([np.sum(x * added), np.sum(y * added)]) / added.sum()
    expected = to_square.inverse().apply(at)
    assert np.hypot(*(found - expected)) < 0.5
    # the same light in all: neither lost nor gained by enlarging or shrinking
    assert added.sum() == pytest.approx(spot.sum() / scale**2, rel=0.15)


@pytest.mark.parametrize(("scale", "degrees"), PLACES)
def test_a_change_is_found_again_when_the_face_is_cut_out(scale, degrees):
    """Cutting out and pasting back are each other's inverse, up to what resampling blurs."""
    to_square, photo = placed(scale, degrees), np.full((400, 500, 3), 128, np.uint8)
    levels = picture(3, SIDE).astype(np.float32) / 4 - 32
    again = sample_face(add_changes(photo, [Change(levels, to_square)]), to_square, SIDE) - 128.0
    inner = slice(round(FEATHER * SIDE) + 3, -round(FEATHER * SIDE) - 3)
    off = np.abs(again - levels)[inner, inner].mean()
    for axis in (0, 1):
        for pixels in (-2, 2):
            moved = np.roll(levels, pixels, axis)
            assert off < 0.5 * np.abs(again - moved)[inner, inner].mean()


@settings(max_examples=15, deadline=None)
@given(st.floats(0.15, 3), st.floats(-179, 179), st.floats(-30, 430), st.floats(-30, 330))
def test_nothing_outside_the_square_changes(scale, degrees, x, y):
    photo = np.random.default_rng(1).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    change = Change(noise(), placed(scale, degrees, (x, y)))
    rows, columns = np.indices((300, 400)) + 0.5
    at = change.to_square.apply(np.stack([columns, rows], axis=-1))
    outside = ((at <= 0) | (at >= SIDE)).any(axis=-1)
    changed = (add_changes(photo, [change]) != photo).any(axis=-1)
    assert not changed[outside].any()
    if (~outside).sum() > 200:
        assert changed.any()


def test_the_photo_keeps_its_own_sharpness():
    """A constant change moves all levels by as much: the finest structure is the photo's."""
    photo = np.random.default_rng(2).integers(50, 200, (300, 400, 3), dtype=np.uint8)
    change = Change(np.full((SIDE, SIDE, 3), 20, np.float32), placed(0.4, 10))
    corners = outline(change.to_square, SIDE)
    middle = tuple(corners.mean(axis=0).astype(int))
    result = add_changes(photo, [change])
    np.testing.assert_array_equal(
        result[middle[1] - 40 : middle[1] + 40, middle[0] - 40 : middle[0] + 40],
        photo[middle[1] - 40 : middle[1] + 40, middle[0] - 40 : middle[0] + 40] + 20,
    )


def test_there_is_no_seam():
    """Along any line into the square the change rises by small steps."""
    photo = np.full((300, 400, 3), 100, np.uint8)
    change = Change(np.full((SIDE, SIDE, 3), 100, np.float32), placed(0.5, 0))
    row = add_changes(photo, [change])[152, :, 0].astype(int)
    assert row.max() == 200
    steepest = 1.5 * 100 / (FEATHER * SIDE / 0.5)  # the slope of 3t² − 2t³ in the middle
    assert np.abs(np.diff(row)).max() <= steepest + 1


def test_faces_that_overlap_share_what_is_added():
    photo = np.full((300, 400, 3), 100, np.uint8)
    levels = np.full((SIDE, SIDE, 3), 40, np.float32)
    changes = [Change(levels, placed(0.5, 0, (x, 150))) for x in (150, 210, 230)]
    result = add_changes(photo, changes)
    assert result.max() <= 142  # not 40 for each of them; each is rounded
    assert result[150, 190, 0] in (139, 140, 141)
    # in any order the same, but for the rounding
    assert np.abs(add_changes(photo, changes[::-1]).astype(int) - result).max() <= 2


def test_large_faces_are_worked_on_in_bands_with_the_same_result(monkeypatch):
    photo, change = picture(4, 400), Change(noise(3), placed(0.3, 25))
    whole = add_changes(photo, [change])
    monkeypatch.setattr(paste, "BAND_PIXELS", 3_000)
    assert len(list(paste.bands(change, 400, 400))) > 10
    np.testing.assert_array_equal(add_changes(photo, [change]), whole)


def test_the_mask_is_0_at_the_border_and_1_within():
    box = Box(0, 0, SIDE, SIDE)
    weights = mask(box, Change(noise(), Similarity(np.eye(2, 3))))
    assert weights[0].max() < 0.01
    assert weights[SIDE // 2, SIDE // 2] == 1
    np.testing.assert_allclose(weights, weights[::-1, ::-1])
    np.testing.assert_allclose(fade(np.array([-1, 0, FEATHER / 2, FEATHER, 1])), [0, 0, 0.5, 1, 1])


@pytest.mark.parametrize("shape", [(300, 200), (40, 50), (64, 64)])
def test_a_whole_pictures_change_reaches_its_edges(shape):
    photo = np.full((*shape, 3), 100, np.uint8)
    levels = np.full((64, 48, 3), 25.0, np.float32)
    assert (add_everywhere(photo, levels) == 125).all()
    levels[:, :24] = -300  # clipped
    result = add_everywhere(photo, levels)
    assert (result[:, 0] == 0).all()
    assert (result[:, -1] == 125).all()
