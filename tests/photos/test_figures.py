"""The benchmark's figures, counted by hand."""

import numpy as np
import pytest

from agegen.photos.benchmark import Measured, Placed
from agegen.photos.figures import (
    describe_figure,
    difference,
    quantile_of,
    rate,
    real_figures,
    scene_figures,
)
from agegen.photos.real_photos import FalseFind, RealFace, RealPhotos

NAN = float("nan")


def placed(scene, label=1, side=100, tilt=5.0, found=1, error=4.0, p=0.9, store=0.9, unlike=0.5):
    if not found:
        return Placed(scene, label, side, tilt, 0, NAN, NAN, NAN, store, NAN)
    return Placed(scene, label, side, tilt, 1, error, 2 * error, p, store, unlike)


def by_name(rows):
    return {row["name"]: row for row in rows}


MADE = [
    placed(0, side=100, tilt=-15.0),
    placed(0, side=200, label=0),  # wrong in both
    placed(1, side=150, label=0, p=0.2, store=0.6, unlike=1.5),  # right in the scene only
    placed(1, side=400, tilt=24.0, found=0),
    placed(2, side=110, p=0.4, error=8.0),  # wrong in the scene only
    placed(2, side=390, tilt=12.0, error=NAN),
]


def test_the_figures_of_scenes_are_those_of_their_faces():
    rows = by_name(scene_figures(Measured(MADE, [0.5, 1.5, 1.2], 3)))
    values = {name: (row["value"], row["n"]) for name, row in rows.items()}
    assert values["faces found, in 3 scenes"] == (pytest.approx(5 / 6), 6)
    assert values["found, tilted 0 to 10°"] == (1, 3)
    assert values["found, tilted 10 to 20°"] == (1, 2)
    assert values["found, tilted 20 to 90°"] == (0, 1)
    sides = [values[name] for name in values if name.startswith("found, side")]
    assert sum(n for _, n in sides) == 6
    assert values["finds that are no face"] == (pytest.approx(3 / 8), 8)
    assert values["of these, called unlike the training faces"] == (pytest.approx(2 / 3), 3)
    assert values["landmark error, median, % of the distance of the eyes"] == (4, 4)
    assert values["crop error, median, % of the distance of the eyes"] == (8, 4)
    assert values["right, in the scenes"] == (pytest.approx(3 / 5), 5)
    assert values["right, the same faces in the store"] == (pytest.approx(3 / 5), 5)
    assert values["right in the scenes less right in the store"] == (pytest.approx(0), 5)
    assert values["the same answer in both"] == (pytest.approx(3 / 5), 5)
    assert values["mean probability of the answer, in the scenes"] == (
        pytest.approx((0.9 + 0.9 + 0.8 + 0.6 + 0.9) / 5),
        5,
    )
    assert values["faces called unlike the training faces"] == (pytest.approx(1 / 5), 5)
    for row in rows.values():
        assert row["value"] is None or row["low"] <= row["value"] <= row["high"], row


def test_scenes_in_which_nothing_was_found_have_figures_too():
    rows = by_name(scene_figures(Measured([placed(0, found=0), placed(1, found=0)], [], 2)))
    assert rows["faces found, in 2 scenes"]["value"] == 0
    assert rows["faces found, in 2 scenes"]["high"] > 0.5
    assert rows["right, in the scenes"]["value"] is None
    assert rows["finds that are no face"]["n"] == 0
    assert all(isinstance(describe_figure(row), str) for row in rows.values())


def real(photo, view, label=None, found=1, p=0.9, unlike=0.5):
    numbers = (p, unlike) if found else (NAN, NAN)
    return RealFace(photo, 1, 2, 3, view, None, label, found, *numbers)


def test_the_figures_of_real_photos_are_those_of_their_marks():
    faces = [
        real("a", "front", 1),
        real("a", "front", 0),
        real("a", "side", 1, found=0),
        real("b", "front", unlike=2.0),
        real("b", "", found=0),
    ]
    measured = RealPhotos(faces, [FalseFind("c", 5, 5, 1.5)], 3, 1)
    rows = by_name(real_figures(measured))
    values = {name: (row["value"], row["n"]) for name, row in rows.items()}
    assert values["faces found, in 3 real photos, 1 of them without a face"] == (0.6, 5)
    assert values["found, front"] == (1, 3)
    assert values["found, side"] == (0, 1)
    assert values["finds that are no face"] == (0.25, 4)
    assert values["right, of the faces of a known age in a class"] == (0.5, 2)
    assert values["faces called unlike the training faces"] == (pytest.approx(1 / 3), 3)


def test_photos_without_any_face_have_figures_too():
    rows = real_figures(RealPhotos([], [FalseFind("c", 5, 5, 1.5)], 2, 2))
    values = [(row["n"], row["value"]) for row in rows]
    assert values == [(0, None), (1, 1.0), (1, 1.0), (0, None), (0, None)]


def test_intervals_draw_whole_photos():
    """Ten photos of ten faces each, all found or none: as uncertain as ten faces."""
    found = np.repeat([1, 0] * 5, 10)
    together = rate("x", found, np.repeat(np.arange(10), 10))
    alone = rate("x", found, np.arange(100))
    width = [row["high"] - row["low"] for row in (together, alone)]
    assert width[0] == pytest.approx(width[1] * 10**0.5, rel=0.2)


def test_a_difference_has_a_sign():
    right, wrong = np.ones(20, bool), np.arange(20) < 15
    row = difference("x", wrong, right, np.arange(20))
    assert row["value"] == pytest.approx(-0.25)
    assert row["low"] < -0.25 < row["high"] <= 0


def test_quantiles_of_few_values_lie_in_their_intervals():
    values = np.random.default_rng(0).exponential(5, 60)
    row = quantile_of("x", values, np.arange(60) // 3, 0.9)
    assert row["value"] == pytest.approx(np.quantile(values, 0.9))
    assert row["low"] <= row["value"] <= row["high"]
    assert row["low"] < row["high"]


def test_one_line_has_value_interval_and_n():
    row = {"name": "found", "n": 7, "value": 0.5, "low": 0.25, "high": 0.75}
    assert describe_figure(row).split() == ["found", "0.500", "[0.250,", "0.750]", "n", "=", "7"]
    assert describe_figure(row | {"value": None, "n": 0}).endswith("–  (n = 0)")
