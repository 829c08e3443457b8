"""What is said of a face and of a photo, and how a run is loaded for photos."""

import shutil
import sys

import numpy as np
import pytest
from made_photos import make_verdict
from photos import save
from PIL import Image
from real_face import hopper, hopper_photo

from agegen.classifier.predict import load_classifier
from agegen.faces import landmarks
from agegen.photos.classify import PhotoClassifier, load_photo_classifier
from agegen.photos.crop import crop_centre
from agegen.photos.needs import TEMPERATURES
from agegen.run.errors import UserError
from agegen.run.files import read_json


@pytest.fixture(scope="module")
def run(trained_run, drawn_store, tmp_path_factory):
    """A copy of the run and its faces, which keep what is measured for photos."""
    folder = tmp_path_factory.mktemp("photo_run")
    shutil.copytree(drawn_store.folder, folder / "faces")
    return shutil.copytree(trained_run, folder / "run")


@pytest.fixture(scope="module")
def loaded(run) -> PhotoClassifier:
    return load_photo_classifier(run, run.parent / "faces")


@pytest.fixture(scope="module")
def centred(run) -> PhotoClassifier:
    return load_photo_classifier(run, run.parent / "faces", centred=True)


@pytest.mark.parametrize(
    ("p_old", "words", "label"),
    [
        (0.0, "young", 0),
        (0.1, "young", 0),
        (0.11, "probably young", 0),
        (0.3, "probably young", 0),
        (0.31, "undecided", None),
        (0.5, "undecided", None),
        (0.69, "undecided", None),
        (0.7, "probably old", 1),
        (0.89, "probably old", 1),
        (0.9, "old", 1),
        (1.0, "old", 1),
    ],
)
def test_the_words_follow_the_probability(p_old, words, label):
    verdict = make_verdict(p_old=p_old)
    assert (verdict.words, verdict.label) == (words, label)


@pytest.mark.parametrize(
    ("made", "remarks"),
    [
        ({}, []),
        ({"unlikeness": 1.0}, []),
        ({"unlikeness": 1.01}, ["unlike the training faces"]),
        ({"side": 24.0}, []),
        ({"side": 23.0}, ["small in the photo"]),
        ({"outside": 0.2}, []),
        ({"outside": 0.34}, ["34% of it beyond the edge of the photo"]),
        ({"unlikeness": 2, "side": 9.0}, ["unlike the training faces", "small in the photo"]),
    ],
)
def test_the_remarks_say_why_not_to_rely_on_it(made, remarks):
    assert make_verdict(**made).remarks == remarks


def test_a_face_is_classified_by_the_calibrated_mean_of_ten_views(centred, run):
    photo = np.asarray(Image.fromarray(hopper()).crop((60, 40, 250, 230)))
    (verdict,) = centred.classify(photo)
    plain = load_classifier(run, "cpu")
    image = crop_centre(photo, 48).image
    logit = plain.log_odds(image[None], None, "ten")[0]
    temperature = read_json(run / TEMPERATURES)["temperature"]
    assert verdict.p_old == pytest.approx(1 / (1 + np.exp(-logit / temperature)), abs=1e-5)
    expected = centred.familiarity.unlikeness(plain, image[None])[0]
    assert verdict.unlikeness == pytest.approx(expected, rel=1e-3)


def test_faces_are_found_cropped_and_numbered(loaded):
    scene = np.full((300, 520, 3), 90, np.uint8)
    scene[:, 220:] = hopper()
    scene[40:240, 10:210] = np.asarray(Image.fromarray(hopper()).resize((200, 200)))
    quick = loaded._replace(search_pixels=300_000)
    verdicts = quick.classify(scene)
    assert [v.number for v in verdicts] == [1, 2]
    assert verdicts[0].face.found.side > verdicts[1].face.found.side
    assert all(0 <= v.p_old <= 1 and v.unlikeness > 0 for v in verdicts)
    assert verdicts[0].face.image.shape == (48, 48, 3)


def test_a_real_face_is_unlike_drawn_ones(loaded):
    (verdict,) = loaded._replace(search_pixels=160_000).classify(hopper())
    assert verdict.unlikeness > 1
    assert "unlike the training faces" in verdict.remarks


def test_a_file_has_its_verdicts_and_its_photo(loaded):
    result, photo = loaded.classify_file(hopper_photo())
    assert (result.width, result.height) == (512, 600)
    assert photo.shape == (600, 512, 3)
    assert len(result.verdicts) == 1
    assert result.problem == ""


def test_a_bad_file_says_why(loaded, tmp_path):
    (tmp_path / "x.jpg").write_text("not a photo")
    result, photo = loaded.classify_file(tmp_path / "x.jpg")
    assert photo is None
    assert (result.verdicts, result.problem) == ([], "a text file, not an image")


def test_no_face_is_found_in_noise(loaded, tmp_path):
    path = save(tmp_path / "noise.png", 7, size=200)
    result, photo = loaded._replace(search_pixels=40_000).classify_file(path)
    assert result.problem.startswith("no face found")
    assert photo.shape == (200, 200, 3)


def test_a_run_is_loaded_with_all_that_photos_need(loaded, centred, run):
    assert loaded.classifier.views == "ten"
    assert loaded.geometry.found > 50
    assert loaded.ages == {"young": [20, 26], "old": [52, 62]}
    assert loaded.search_pixels == landmarks.SEARCH_PIXELS
    assert centred.geometry is None
    assert (run / "familiarity.npz").exists()
    assert (run.parent / "faces" / "geometry.json").exists()


def test_without_the_extra_centred_photos_work(run, drawn_store, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    landmarks.load.cache_clear()
    bare = drawn_store.folder
    assert not (bare / "geometry.json").exists()
    with pytest.raises(UserError, match=r"agegen\[photos\]"):
        load_photo_classifier(run, bare)
    loaded = load_photo_classifier(run, bare, centred=True)
    result, _ = loaded.classify_file(save(tmp_path / "x.png", 1))
    assert len(result.verdicts) == 1
    landmarks.load.cache_clear()


def test_a_folder_that_is_no_run_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="is not a run folder"):
        load_photo_classifier(tmp_path)


def test_a_store_of_another_size_is_refused(run, prepared):
    with pytest.raises(UserError, match="--size 48"):
        load_photo_classifier(run, prepared, centred=True)
