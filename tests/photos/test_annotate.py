"""Marks drawn onto photos."""

import numpy as np
import pytest

from agegen.photos.annotate import LONGEST_SIDE, Mark, annotate, overlap, place_label

BLUE, ORANGE = "#0072B2", "#D55E00"


def box(left, top, side):
    return np.array(
        [(left, top), (left + side, top), (left + side, top + side), (left, top + side)]
    )


def of_colour(image, colour):
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return np.all(np.asarray(image) == wanted, axis=2)


def test_outlines_lie_on_their_corners_and_the_photo_is_kept():
    photo = np.full((300, 400, 3), 128, np.uint8)
    image = annotate(photo, [Mark(box(100, 60, 120), "1: old", ORANGE)])
    assert image.size == (400, 300)
    orange = of_colour(image, ORANGE)
    for x, y in ((100, 120), (220, 120), (160, 60), (160, 180)):
        assert orange[y, x]
    assert not orange[120, 160]  # the face itself stays visible
    assert np.all(photo == 128)


def test_large_photos_are_shrunk_with_their_marks():
    photo = np.zeros((2000, 4000, 3), np.uint8)
    image = annotate(photo, [Mark(box(2000, 800, 400), "", BLUE)])
    assert image.size == (LONGEST_SIDE, LONGEST_SIDE // 2)
    assert of_colour(image, BLUE)[400, 800]


@pytest.mark.parametrize("place", [(-60, -60), (350, 250), (-60, 270), (380, -50)])
def test_labels_stay_inside_the_picture(place):
    photo = np.zeros((300, 400, 3), np.uint8)
    image = np.asarray(annotate(photo, [Mark(box(*place, 80), "12: probably old ?", BLUE)]))
    letters = np.argwhere(np.all(image == 255, axis=2) & (np.roll(of_colour(image, BLUE), 1, 1)))
    assert len(letters) > 10
    label = of_colour(image, BLUE).sum()
    inside = annotate(photo, [Mark(box(150, 100, 80), "12: probably old ?", BLUE)])
    outline_only = of_colour(annotate(photo, [Mark(box(150, 100, 80), "", BLUE)]), BLUE).sum()
    assert label > (of_colour(inside, BLUE).sum() - outline_only) * 0.9


def test_later_marks_lie_on_top():
    photo = np.zeros((300, 300, 3), np.uint8)
    marks = [Mark(box(50, 50, 100), "", BLUE), Mark(box(50, 50, 100), "", ORANGE)]
    assert of_colour(annotate(photo, marks), ORANGE)[100, 50]
    assert of_colour(annotate(photo, marks[::-1]), BLUE)[100, 50]


def test_a_photo_without_marks_is_itself():
    photo = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    np.testing.assert_array_equal(np.asarray(annotate(photo, [])), photo)


def test_tiny_photos_can_be_marked():
    annotate(np.zeros((32, 32, 3), np.uint8), [Mark(box(4, 4, 20), "1: undecided", BLUE)])


def test_labels_of_neighbours_do_not_cover_each_other():
    taken = []
    for x in range(20, 560, 60):  # closer than the labels are wide
        taken.append(place_label(box(x, 100, 50), 90, 20, (640, 400), taken))
    assert not [(a, b) for i, a in enumerate(taken) for b in taken[:i] if overlap(a, b)]
    for (left, top, right, bottom), x in zip(taken, range(20, 560, 60), strict=True):
        assert (right - left, bottom - top) == (90, 20)
        assert x - 40 <= left <= x
        assert 78 <= top <= 152


def test_a_label_without_a_free_place_stands_below():
    everywhere = [(0.0, 0.0, 640.0, 400.0)]
    assert place_label(box(100, 100, 50), 90, 20, (640, 400), everywhere)[:2] == (100, 152)


def test_boxes_that_touch_do_not_overlap():
    assert overlap((0, 0, 10, 10), (9, 9, 20, 20))
    assert not overlap((0, 0, 10, 10), (10, 0, 20, 10))
    assert not overlap((0, 0, 10, 10), (0, 10, 10, 20))
