"""Similarity transforms and sampling by them, against closed forms, slices and Pillow."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from photos import picture
from PIL import Image

from agegen.faces.alignment import (
    Similarity,
    fit_similarity,
    mirrored,
    outline,
    sample_face,
    share_outside,
    similarity,
)
from agegen.faces.decode import square

FIVE = np.array([(75.0, 30), (61, 31), (22, 30), (38, 31), (49, 59)])
placed = st.builds(
    similarity,
    st.floats(0.05, 20),
    st.floats(-179, 179),
    st.just((10.0, 20.0)),
    st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
)


def difference(a, b):
    return np.abs(a.astype(int) - b.astype(int)).mean()


def test_a_point_goes_where_it_is_sent_and_the_turn_is_clockwise():
    found = similarity(2, 90, (1, 1), (10, 20))
    np.testing.assert_allclose(found.apply([1, 1]), [10, 20])
    np.testing.assert_allclose(found.apply([2, 1]), [10, 22])  # to the right becomes down
    np.testing.assert_allclose(found.apply([[[1, 2]]]), [[[8, 20]]])  # down becomes left
    assert found.scale == pytest.approx(2)
    assert found.degrees == pytest.approx(90)


@settings(deadline=None)
@given(placed)
def test_the_inverse_leads_back(to_face):
    np.testing.assert_allclose(to_face.inverse().apply(to_face.apply(FIVE)), FIVE, atol=1e-6)
    assert to_face.inverse().scale == pytest.approx(1 / to_face.scale)


@settings(deadline=None)
@given(placed)
def test_an_exact_similarity_is_found_again(to_face):
    found = fit_similarity(FIVE, to_face.apply(FIVE))
    np.testing.assert_allclose(found.matrix, to_face.matrix, atol=1e-6 * (1 + to_face.scale) * 100)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000))
def test_noisy_points_are_fitted_as_by_complex_regression(seed):
    """In the plane, a similarity is z → a z + b with complex numbers: ordinary least squares."""
    rng = np.random.default_rng(seed)
    source, target = rng.normal(0, 30, (2, 5, 2))
    x, y = source @ (1, 1j), target @ (1, 1j)
    a, b = np.linalg.lstsq(np.column_stack([x, np.ones(5)]), y, rcond=None)[0]
    expected = [[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]]
    np.testing.assert_allclose(fit_similarity(source, target).matrix, expected, atol=1e-8)


def test_a_mirrored_face_is_not_mirrored_back():
    linear = fit_similarity(FIVE, FIVE * (-1, 1)).matrix[:, :2]
    assert np.linalg.det(linear) > 0


def test_two_points_are_enough():
    found = fit_similarity(np.array([(0.0, 0), (1, 0)]), np.array([(5.0, 5), (5, 8)]))
    assert (found.scale, found.degrees) == (pytest.approx(3), pytest.approx(90))


def test_a_shift_by_whole_pixels_is_a_slice():
    photo = picture(1, 100)
    face = sample_face(photo, similarity(1, 0, (20, 30), (0, 0)), 40)
    np.testing.assert_array_equal(face, photo[30:70, 20:60])


@pytest.mark.parametrize(("degrees", "turns"), [(90, 3), (180, 2), (-90, 1)])
def test_a_quarter_turn_is_numpys(degrees, turns):
    photo = picture(2, 64)
    face = sample_face(photo, similarity(1, degrees, (32, 32), (32, 32)), 64)
    assert np.abs(face.astype(int) - np.rot90(photo, turns)).max() <= 1


@pytest.mark.parametrize(("side", "off"), [(30, 3), (45, 1), (90, 1), (250, 1), (700, 1)])
def test_a_square_face_is_sampled_as_the_store_does_it(side, off):
    """Enlarged (Pillow has two bicubic filters), smaller, and so large that it is shrunk first."""
    photo = picture(3, side)
    to_face = similarity(40 / side, 0, (side / 2, side / 2), (20, 20))
    expected = np.asarray(square(Image.fromarray(photo), 40))
    inner = slice(2, -2)  # beyond the edge the one mirrors, the other repeats
    face = sample_face(photo, to_face, 40)
    assert difference(face[inner, inner], expected[inner, inner]) < off


def test_a_large_face_is_averaged_not_picked_from():
    board = np.indices((800, 800)).sum(axis=0) % 2 * 255
    photo = np.repeat(board[..., None], 3, axis=2).astype(np.uint8)
    face = sample_face(photo, similarity(0.06, 10, (400, 400), (20, 20)), 40)
    assert np.abs(face.astype(int) - 127.5).max() < 6


def test_beyond_the_edge_the_mirror_image_goes_on():
    photo = picture(4, 50)
    face = sample_face(photo, similarity(1, 0, (0, 0), (30, 0)), 80)
    expected = np.pad(photo, ((0, 30), (30, 0), (0, 0)), mode="symmetric")
    np.testing.assert_array_equal(face, expected)


@pytest.mark.parametrize("length", [1, 2, 7])
def test_positions_are_folded_as_numpy_pads(length):
    expected = np.pad(np.arange(length), 3 * length, mode="symmetric")
    np.testing.assert_array_equal(mirrored(np.arange(-3 * length, 4 * length), length), expected)


def test_the_outline_is_the_face_in_the_photo():
    corners = outline(similarity(0.5, 0, (100, 200), (0, 0)), 50)
    np.testing.assert_allclose(corners, [(100, 200), (200, 200), (200, 300), (100, 300)])


@pytest.mark.parametrize(
    ("target", "share"), [((0, 0), 0.0), ((25, 0), 0.5), ((25, 25), 0.75), ((100, 0), 1.0)]
)
def test_the_share_beyond_the_edge(target, share):
    assert share_outside(similarity(1, 0, (0, 0), target), 50, 400, 300) == pytest.approx(share)


def test_a_turned_square_in_the_corner_is_three_quarters_outside():
    turned = similarity(1, 45, (0, 0), (25, 25))
    assert share_outside(turned, 50, 400, 300) == pytest.approx(0.75, abs=0.01)


def test_a_matrix_is_all_there_is():
    np.testing.assert_allclose(Similarity(np.eye(2, 3)).apply(FIVE), FIVE)


@settings(deadline=None)
@given(placed, placed)
def test_one_transform_after_the_other(first, second):
    expected = second.apply(first.apply(FIVE))
    np.testing.assert_allclose(first.then(second).apply(FIVE), expected, rtol=1e-9, atol=1e-6)
