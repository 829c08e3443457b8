"""A run that has once classified photos, or was trained by the recipe, needs its store no more."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from made_photos import keep_made_geometry
from real_face import hopper
from trained_runs import copy_of_training

from agegen.faces import geometry, landmarks
from agegen.photos import familiarity, view_temperature
from agegen.photos import needs as photo_needs
from agegen.photos.classify import load_photo_classifier
from agegen.photos.needs import FILE, keep_needs, needs_of
from agegen.run.errors import UserError
from agegen.run.files import read_json, write_json

KEPT = (FILE, familiarity.FILE, view_temperature.FILE, geometry.FILE)


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
    missing = "how its faces are cropped" if name == geometry.FILE else "what photos need of it"
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
