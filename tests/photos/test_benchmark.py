"""Scenes of pasted faces are measured by where the faces are known to be."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from made_photos import FIVE, make_photo, make_verdict
from photos import picture

from agegen.faces.alignment import similarity
from agegen.faces.landmarks import FoundFace
from agegen.photos import benchmark as photo_benchmark
from agegen.photos.benchmark import NEAR, alignment_errors, measure_scenes
from agegen.photos.real_photos import pair_up
from agegen.photos.scenes import Pasted, SceneConfig, middle, paste_faces
from agegen.run.errors import UserError

CONFIG = SceneConfig(60, 120)


def pasted(centre, side=100, tilt=0.0, chip=0, size=48):
    return Pasted(chip, similarity(side / size, tilt, (size / 2,) * 2, centre), side, tilt)


def test_a_find_belongs_to_the_face_whose_centre_is_near():
    faces = [(*middle(pasted((x, 100))), 100) for x in (100, 300, 500)]
    verdicts = [make_verdict(1, centre=(305, 110)), make_verdict(2, centre=(100, 140))]
    matched, extra = pair_up(faces, verdicts, NEAR)
    assert matched == [None, verdicts[0], None]  # 40 pixels are more than a third of 100
    assert extra == [verdicts[1]]
    assert pair_up(faces, [], NEAR) == ([None, None, None], [])


@pytest.fixture
def chip_landmarks(monkeypatch):
    """The landmarks that are said to be found in a chip of 96 pixels."""
    own = FoundFace(FIVE * 2, np.array([48.0, 48]), 80.0, 1.0, 0)
    monkeypatch.setattr(photo_benchmark, "landmarks_in_crop", lambda chip: own)
    return own


def test_a_perfect_find_has_no_error(chip_landmarks):
    face = pasted((200, 150), side=120, tilt=20, size=96)
    verdict = make_verdict(side=120, tilt=20)
    errors = alignment_errors(picture(0, 96), face, verdict, size=48)
    np.testing.assert_allclose(errors, 0, atol=1e-9)


def test_errors_are_in_per_cent_of_the_distance_of_the_eyes(chip_landmarks):
    """Found 3 pixels too far to the right, in a scene where a chip of 96 pixels has 192."""
    face = pasted((200, 150), side=192, size=96)
    verdict = make_verdict(side=192, centre=(203, 150))
    landmark_error, crop_error = alignment_errors(picture(0, 96), face, verdict, size=48)
    eyes = 18 * 192 / 48
    assert landmark_error == pytest.approx(100 * 3 / eyes)
    assert crop_error == pytest.approx(100 * 3 / eyes)


def test_a_crop_can_be_off_where_the_landmarks_are_right(chip_landmarks):
    face = pasted((200, 150), side=192, size=96)
    right = make_verdict(side=192)
    shifted = right._replace(face=make_verdict(side=192, centre=(206, 150)).face)
    shifted = shifted._replace(face=shifted.face._replace(found=right.face.found))
    landmark_error, crop_error = alignment_errors(picture(0, 96), face, shifted, size=48)
    assert landmark_error == pytest.approx(0, abs=1e-9)
    assert crop_error == pytest.approx(100 * 6 / 72)


def test_a_face_that_was_not_found_has_no_error(chip_landmarks):
    assert np.isnan(alignment_errors(picture(0, 96), pasted((9, 9)), None, 48)).all()


class Oracle:
    """Finds every face of the scene that was pasted last, and one that is none."""

    def __init__(self, monkeypatch, store):
        self.pasted, self.store = [], store
        monkeypatch.setattr(photo_benchmark, "paste_faces", self.paste)
        self.classifier = SimpleNamespace(probabilities=self.probabilities)

    def paste(self, chips, *rest):
        scene, self.pasted = paste_faces(chips, *rest)
        return scene, self.pasted

    def probabilities(self, images, indices):
        return np.where(self.store.labels[indices] == 1, 0.8, 0.2)

    def classify_file(self, path):
        assert path.exists()
        verdicts = [
            make_verdict(i, 0.75, 0.5, p.side, tuple(middle(p)), p.tilt)
            for i, p in enumerate(self.pasted, 1)
        ]
        return make_photo(path, *verdicts, make_verdict(9, 0.5, 3.0, centre=(-900, -900))), None


@pytest.fixture
def oracle(monkeypatch, drawn_store):
    own = FoundFace(FIVE, np.array([24.0, 24]), 40.0, 1.0, 0)
    monkeypatch.setattr(photo_benchmark, "landmarks_in_crop", lambda chip: own)
    return Oracle(monkeypatch, drawn_store)


def test_every_pasted_face_is_measured_once(oracle, drawn_store, tmp_path):
    measured = measure_scenes(oracle, drawn_store, tmp_path, 5, CONFIG, [picture(0, 90)], seed=3)
    assert measured.scenes == 5
    assert [p.name for p in sorted(tmp_path.glob("*.jpg"))] == [
        f"scene_{i:03d}.jpg" for i in range(5)
    ]
    assert {face.scene for face in measured.faces} == set(range(5))
    assert 5 <= len(measured.faces) <= 30
    assert measured.false_finds == [3.0] * 5
    for face in measured.faces:
        assert face.found == 1
        assert face.p_photo == 0.75
        assert face.p_store == (0.8 if face.label else 0.2)
        assert 60 <= face.side <= 120
        assert face.landmark_error < 2  # whole pixels of pasting


def test_scenes_end_when_the_test_faces_do(oracle, drawn_store, tmp_path):
    few = np.where(np.arange(len(drawn_store)) < 3, "test", "train")
    store = replace(drawn_store, splits=few)
    measured = measure_scenes(oracle, store, tmp_path, 50, CONFIG)
    assert len(measured.faces) <= 3
    assert measured.scenes < 4


def test_the_same_seed_measures_the_same(oracle, drawn_store, tmp_path):
    once, again, other = (
        measure_scenes(oracle, drawn_store, tmp_path, 2, CONFIG, seed=seed) for seed in (1, 1, 2)
    )
    assert once == again
    assert once != other


def test_faces_that_are_not_found_are_counted_as_such(oracle, drawn_store, tmp_path, monkeypatch):
    monkeypatch.setattr(oracle, "classify_file", lambda path: (make_photo(path), None))
    measured = measure_scenes(oracle, drawn_store, tmp_path, 1, CONFIG)
    assert all(face.found == 0 and np.isnan(face.p_photo) for face in measured.faces)
    assert measured.false_finds == []


def test_a_store_that_cannot_be_measured_is_one_sentence(oracle, drawn_store, tmp_path):
    none = replace(drawn_store, splits=np.full(len(drawn_store), "train"))
    with pytest.raises(UserError, match="no faces in its test split"):
        measure_scenes(oracle, none, tmp_path, 1, CONFIG)
    gone = replace(drawn_store, paths=np.full(len(drawn_store), str(tmp_path / "gone.png")))
    with pytest.raises(UserError, match=r"gone\.png cannot be used: the file has disappeared"):
        measure_scenes(oracle, gone, tmp_path, 1, CONFIG)
