"""The geometry of a store is what its faces' landmarks say, and is kept beside it."""

import json
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
from real_face import LANDMARKS, hopper

from agegen.faces import geometry
from agegen.faces.alignment import similarity
from agegen.faces.geometry import (
    FEWEST,
    LOOKED_AT_FIRST,
    Geometry,
    deviations,
    estimate_geometry,
    geometry_of,
    keep_geometry,
    landmarks_in_crop,
    read_geometry,
)
from agegen.faces.landmarks import FoundFace
from agegen.faces.store import FaceStore

FIVE = np.array([(36.0, 14), (29, 15), (11, 14), (18, 15), (23.5, 28)])


@pytest.fixture
def store(drawn_store, tmp_path):
    """A copy that may be written."""
    return FaceStore.open(shutil.copytree(drawn_store.folder, tmp_path / "faces"))


@pytest.fixture
def found(monkeypatch):
    """Landmarks that are said to be found, one after another; None says there is no face."""
    answers = []

    def answer(face):
        assert face.shape == (48, 48, 3)
        points = answers.pop(0)
        return None if points is None else FoundFace(points, np.zeros(2), 40.0, 1.0, 0)

    monkeypatch.setattr(geometry, "landmarks_in_crop", answer)
    return answers


def test_the_medians_of_the_training_faces_are_the_geometry(store, found):
    rng = np.random.default_rng(0)
    made = FIVE + rng.normal(0, 1, (60, 5, 2))
    made[0] += 1000  # a false find moves no median
    found += list(made)
    estimated = estimate_geometry(store, faces=60)
    np.testing.assert_allclose(estimated.landmarks, np.median(made, axis=0))
    assert (estimated.searched, estimated.found, estimated.size) == (60, 60, 48)
    assert "landmarks were found in 60 of 60 training faces" in estimated.describe()
    assert f"{estimated.scale_deviation:.1f} % in scale" in estimated.describe()


def test_only_training_faces_are_looked_at_each_once(store, monkeypatch):
    numbered = np.zeros((len(store), 48, 48, 3), np.uint8)
    numbered[:, 0, 0, 0], numbered[:, 0, 0, 1] = np.divmod(np.arange(len(store)), 256)
    looked_at = []

    def look(face):
        looked_at.append(256 * int(face[0, 0, 0]) + int(face[0, 0, 1]))
        return FoundFace(FIVE, np.zeros(2), 40.0, 1.0, 0)

    monkeypatch.setattr(geometry, "landmarks_in_crop", look)
    estimate_geometry(replace(store, images=numbered), faces=1000)
    assert sorted(looked_at) == store.indices("train").tolist()
    first, looked_at[:] = looked_at[:10], []
    estimate_geometry(replace(store, images=numbered), faces=10)
    assert looked_at == first  # the same seed draws the same faces


@pytest.mark.parametrize("finds", [0, FEWEST - 1])
def test_too_few_finds_make_no_geometry_but_a_reason(store, found, finds):
    found += [FIVE] * finds + [None] * 200
    estimated = estimate_geometry(store, faces=80)
    assert estimated.landmarks is None
    assert estimated.found == finds
    assert estimated.searched == (80 if finds else LOOKED_AT_FIRST)
    assert "too few to know how the data set crops" in estimated.describe()


def test_few_finds_among_many_faces_make_none_either(store, found):
    found += [FIVE, None, None, None] * 50  # a quarter: the detector fires on something else
    assert estimate_geometry(store, faces=100).landmarks is None


def test_deviations_are_those_of_the_similarities_that_made_the_faces():
    rng = np.random.default_rng(1)
    scales, tilts = rng.normal(1, 0.05, 400), rng.normal(0, 3, 400)
    shifts = rng.normal(0, 0.02 * 48, (400, 2))
    centre = FIVE.mean(axis=0)
    points = np.array(
        [
            similarity(s, t, tuple(centre), tuple(centre + d)).apply(FIVE)
            for s, t, d in zip(scales, tilts, shifts, strict=True)
        ]
    )
    residual, scale, tilt, shift = deviations(points, FIVE, 48)
    assert scale == pytest.approx(100 * scales.std(), rel=1e-6)
    assert tilt == pytest.approx(tilts.std(), rel=1e-6)
    assert shift == pytest.approx(2, rel=0.1)
    assert residual == pytest.approx(0, abs=1e-9)


def test_the_residual_is_in_per_cent_of_the_distance_of_the_eyes():
    wide = FIVE.copy()
    wide[4] += (0, 3)  # the nose only; no similarity mends that
    eyes = np.hypot(18, 0)
    residual, *_ = deviations(np.array([wide]), FIVE, 48)
    assert 0 < residual < 100 * 3 / eyes
    larger, *_ = deviations(np.array([wide * 10]), FIVE * 10, 480)
    assert residual == pytest.approx(larger)


def test_it_is_estimated_once_and_kept(store, found):
    found += [FIVE] * 100
    first = geometry_of(store)
    found.clear()
    assert geometry_of(store) == first
    assert read_geometry(store.folder, store.checksum) == first


def change(content, **changes):
    return json.dumps({**content, **changes})


@pytest.mark.parametrize(
    "spoil",
    [
        lambda c: "{",
        lambda c: "[]",
        lambda c: "null",
        lambda c: change(c, store="another"),
        lambda c: change(c, version=0),
        lambda c: change(c, surplus=1),
        lambda c: change(c, landmarks="here"),
        lambda c: change(c, size=None),
    ],
)
def test_what_is_of_other_faces_or_damaged_is_not_used(store, found, spoil):
    found += [FIVE] * 100
    expected = geometry_of(store)
    path = store.folder / geometry.FILE
    path.write_text(spoil(json.loads(path.read_text())))
    assert read_geometry(store.folder, store.checksum) is None
    found += [FIVE] * 100
    assert geometry_of(store) == expected


def test_a_store_that_may_not_be_written_keeps_none(store, found):
    (store.folder / geometry.FILE).mkdir()
    found += [FIVE] * 100
    assert geometry_of(store).landmarks == FIVE.tolist()


def test_without_the_extra_nothing_is_estimated(store, monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    assert keep_geometry(store) is None
    assert not (store.folder / geometry.FILE).exists()


def test_drawn_faces_have_the_geometry_that_they_are_drawn_with(store):
    """They are symmetric and drawn around the middle of the picture."""
    estimated = estimate_geometry(store, faces=30)
    assert estimated.found >= 20
    points = np.array(estimated.landmarks)
    assert points[:4, 0].mean() == pytest.approx(24, abs=1)
    assert points[4, 0] == pytest.approx(24, abs=1.5)
    np.testing.assert_allclose(points[:2].mean(axis=0)[1], points[2:4].mean(axis=0)[1], atol=1)
    assert points[4, 1] > points[:4, 1].max() + 5


def test_pictures_without_a_face_have_no_geometry_and_a_reason(striped_store, tmp_path):
    store = FaceStore.open(shutil.copytree(striped_store.folder, tmp_path / "faces"))
    kept = keep_geometry(store)
    assert kept.landmarks is None
    assert f"in 0 of {LOOKED_AT_FIRST} training faces" in kept.describe()
    assert read_geometry(store.folder, store.checksum) == kept


def test_a_crop_has_its_landmarks_in_its_own_pixels():
    crop = np.asarray(hopper())[40:240, 55:255]
    face = landmarks_in_crop(crop)
    assert np.linalg.norm(face.landmarks - (LANDMARKS - (55, 40)), axis=1).mean() < 2.5
    assert 90 < face.side < 140
    assert np.hypot(*(face.centre - (100, 100))) < 15
    assert landmarks_in_crop(np.zeros((50, 50, 3), np.uint8)) is None


def test_its_fields_are_plain():
    assert Geometry("x", 48, 1, 0, None).residual is None
