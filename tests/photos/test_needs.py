"""A run that has once classified photos, or was trained by the recipe, needs its store no more."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_photos import keep_made_geometry
from real_face import hopper
from scipy.optimize import minimize_scalar
from trained_runs import copy_of_training

from agegen.classifier.predict import load_classifier
from agegen.faces import geometry, landmarks
from agegen.photos import familiarity
from agegen.photos import needs as photo_needs
from agegen.photos.classify import load_photo_classifier
from agegen.photos.needs import FILE, TEMPERATURES, calibrated_for_ten, keep_needs, needs_of
from agegen.run.errors import UserError
from agegen.run.files import read_json, write_json

KEPT = (FILE, familiarity.FILE, TEMPERATURES, geometry.FILE)


@pytest.fixture
def run(trained_run, drawn_store, tmp_path) -> Path:
    """A run whose store is at hand and has a geometry."""
    keep_made_geometry(drawn_store, shutil.copytree(drawn_store.folder, tmp_path / "faces"))
    run = copy_of_training(trained_run, tmp_path / "run")
    saved = read_json(run / "config.json")
    saved["config"]["faces"] = str(tmp_path / "faces")
    write_json(run / "config.json", saved)
    return run


def lose_the_store(run: Path) -> None:
    shutil.rmtree(run.parent / "faces")


def said(run: Path) -> list[tuple]:
    loaded = load_photo_classifier(run, search_pixels=160_000)
    return [(v.p_old, v.words, v.unlikeness, v.remarks) for v in loaded.classify(hopper())]


def test_without_its_store_it_says_the_same(run):
    before = said(run)
    assert len(before) == 1
    lose_the_store(run)
    assert said(run) == before
    loaded = load_photo_classifier(run)
    assert loaded.ages == {"young": [20, 26], "old": [52, 62]}
    assert loaded.geometry.found == 91


def test_what_a_training_keeps_is_enough(run):
    keep_needs(run)
    lose_the_store(run)
    assert len(said(run)) == 1


def test_a_training_that_cannot_keep_it_says_so(run, monkeypatch, capsys):
    def refuse(*_):
        raise UserError("this network has no feature maps to compare faces by")

    monkeypatch.setattr(photo_needs, "familiarity_of", refuse)
    keep_needs(run)
    assert "keeps nothing for photos: this network has no feature maps" in capsys.readouterr().out


@pytest.mark.parametrize("name", KEPT)
def test_what_was_not_kept_is_one_sentence(run, name):
    needs_of(run)
    lose_the_store(run)
    (run / name).unlink()
    missing = (
        "how its faces are cropped"
        if name == geometry.FILE
        else "what photos need of its training faces"
    )
    with pytest.raises(UserError, match=rf"has not kept {missing}: --faces names where it is now"):
        needs_of(run)


@pytest.mark.parametrize("content", ["{", "[]", '{"checksum": "x"}', '{"other": 1}'])
def test_a_damaged_file_is_as_none_and_is_mended_from_the_store(run, content):
    needs_of(run)
    (run / FILE).write_text(content)
    needs_of(run)
    assert read_json(run / FILE)["ages"] == {"young": [20, 26], "old": [52, 62]}
    (run / FILE).write_text(content)
    lose_the_store(run)
    with pytest.raises(UserError, match="has not kept"):
        needs_of(run)


def test_other_weights_are_not_called_by_what_was_measured(run):
    needs_of(run)
    lose_the_store(run)
    with (run / "best.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([last[0] ^ 1]))
    with pytest.raises(UserError, match="has not kept"):
        needs_of(run)


def test_a_changed_store_is_measured_again(run):
    first = needs_of(run)
    faces = run.parent / "faces"
    info = read_json(faces / "store.json")
    rows = (faces / "faces.csv").read_text().splitlines()
    shown = [i for i, row in enumerate(rows) if ",train," in row][:100]
    for i in shown:
        rows[i] = rows[i].replace(",train,", ",test,")
    (faces / "faces.csv").write_text("\n".join(rows) + "\n")
    info["bytes"]["faces.csv"] = (faces / "faces.csv").stat().st_size
    info["checksums"]["faces.csv"] = familiarity.sha256(faces / "faces.csv")
    (faces / "store.json").write_text(json.dumps(info))
    (faces / "geometry.json").unlink()
    second = needs_of(run, centred=True)
    assert second.familiarity.training == first.familiarity.training - 100
    assert second.geometry is None
    lose_the_store(run)
    third = needs_of(run, centred=True)
    assert third.familiarity.training == second.familiarity.training
    np.testing.assert_array_equal(third.familiarity.factor, second.familiarity.factor)
    with pytest.raises(UserError, match="how its faces are cropped"):
        needs_of(run)  # that of the store before


def test_centred_photos_need_no_geometry_but_keep_a_known_one(run, monkeypatch):
    monkeypatch.setattr(landmarks, "available", lambda: False)
    keep_needs(run)
    assert (run / geometry.FILE).exists()
    lose_the_store(run)
    assert needs_of(run, centred=True).geometry is None
    assert needs_of(run).geometry is not None


def test_a_store_that_is_damaged_is_not_as_one_that_is_gone(run):
    needs_of(run)
    (run.parent / "faces" / "images.npy").unlink()
    with pytest.raises(UserError, match="is damaged"):
        needs_of(run)


# the temperature for the mean of ten views


@pytest.fixture(scope="module")
def classifier(trained_run):
    return load_classifier(trained_run, "cpu")


@pytest.fixture
def copied(trained_run, tmp_path):
    return copy_of_training(trained_run, tmp_path / "run")


def test_it_minimises_the_loss_of_the_validation_faces(classifier, drawn_store, copied):
    calibrated = calibrated_for_ten(classifier, drawn_store, copied)
    assert calibrated.views == "ten"
    chosen = drawn_store.indices("val")
    y = drawn_store.labels[chosen]
    logit = classifier.log_odds(drawn_store.images, chosen, "ten")

    def loss(log_t):
        return np.logaddexp(0, np.where(y == 1, -1, 1) * logit / np.exp(log_t)).mean()

    best = minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-8})
    assert np.log(calibrated.temperature) == pytest.approx(best.x, abs=1e-4)
    p = calibrated.probabilities(drawn_store.images[:5])
    expected = 1 / (
        1 + np.exp(-classifier.log_odds(drawn_store.images[:5], None, "ten") / np.exp(best.x))
    )
    np.testing.assert_allclose(p, expected, atol=1e-4)


def test_a_run_with_those_views_is_itself(classifier, drawn_store, copied):
    ten = replace(classifier, views="ten")
    assert calibrated_for_ten(ten, drawn_store, copied) is ten
    assert not (copied / TEMPERATURES).exists()


def test_it_is_fitted_once_and_kept(classifier, drawn_store, copied, monkeypatch):
    first = calibrated_for_ten(classifier, drawn_store, copied)
    monkeypatch.setattr(photo_needs, "fit", None)
    assert calibrated_for_ten(classifier, drawn_store, copied).temperature == first.temperature


@pytest.mark.parametrize(
    "spoil",
    [
        lambda c: "[",
        lambda c: "[]",
        lambda c: json.dumps(c | {"temperature": "warm"}),
        lambda c: json.dumps(c | {"weights": "others", "temperature": 9.0}),
        lambda c: json.dumps(c | {"faces": "others", "temperature": 9.0}),
        lambda c: json.dumps(c | {"views": "five", "temperature": 9.0}),
    ],
)
def test_what_is_damaged_or_of_others_is_fitted_again(classifier, drawn_store, copied, spoil):
    first = calibrated_for_ten(classifier, drawn_store, copied)
    path = copied / TEMPERATURES
    path.write_text(spoil(json.loads(path.read_text())))
    again = calibrated_for_ten(classifier, drawn_store, copied)
    assert again.temperature == pytest.approx(first.temperature)


def test_a_run_that_may_not_be_written_keeps_nothing(classifier, drawn_store, copied):
    (copied / TEMPERATURES).mkdir()
    assert calibrated_for_ten(classifier, drawn_store, copied).temperature > 0


def test_without_validation_faces_it_is_one_sentence(classifier, drawn_store, copied):
    none = replace(drawn_store, splits=np.full(len(drawn_store), "train"))
    with pytest.raises(UserError, match="no validation faces"):
        calibrated_for_ten(classifier, none, copied)
