"""A packed classifier is half as large, needs no store, and says the same."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from made_photos import keep_made_geometry
from real_face import hopper
from safetensors.torch import load_file

from agegen.classifier.evaluate_run import evaluate_run
from agegen.classifier.predict import load_classifier
from agegen.faces.store import FaceStore
from agegen.photos import needs as photo_needs
from agegen.photos import pack
from agegen.photos.classify import load_photo_classifier
from agegen.photos.pack import pack_classifier, pack_cyclegan
from agegen.run.errors import UserError
from agegen.run.hub import require_packed
from agegen.run.outputs import note_written


@pytest.fixture(scope="module")
def faces(drawn_store, tmp_path_factory) -> Path:
    """The store of the run, with a geometry."""
    folder = tmp_path_factory.mktemp("pack") / "faces"
    keep_made_geometry(drawn_store, shutil.copytree(drawn_store.folder, folder))
    return folder


@pytest.fixture(scope="module")
def packed(trained_run, faces) -> tuple[Path, object]:
    out = faces.parent / "packed"
    return out, pack_classifier(trained_run, out, faces)


def test_it_is_half_as_large_and_loads(packed, trained_run):
    out, _ = packed
    weights = load_file(out / "best.safetensors")
    assert {w.dtype for w in weights.values()} == {torch.float16, torch.int64}
    size, before = ((f / "best.safetensors").stat().st_size for f in (out, trained_run))
    assert size < 0.65 * before
    first = next(load_classifier(out, "cpu").model.parameters())
    assert first.dtype == torch.float32


def test_what_half_precision_changes_is_measured(packed, trained_run, drawn_store):
    out, change = packed
    test = drawn_store.indices("test")
    p = [
        load_classifier(f, "cpu").probabilities(drawn_store.images, test)
        for f in (trained_run, out)
    ]
    assert change.n == len(test)
    assert change.largest_change == pytest.approx(np.abs(p[1] - p[0]).max(), abs=1e-6)
    assert 0 < change.largest_change < 0.01
    assert f"at most {change.largest_change:.5f}" in change.describe()


def test_no_path_and_no_store_is_needed(packed, trained_run, faces):
    out, _ = packed
    for path in out.glob("*.json"):
        assert "/" not in path.read_text()
    (verdict,) = load_photo_classifier(out, search_pixels=160_000).classify(hopper())
    whole = load_photo_classifier(shutil.copytree(trained_run, out.parent / "run"), faces)
    (expected,) = whole._replace(search_pixels=160_000).classify(hopper())
    assert verdict.p_old == pytest.approx(expected.p_old, abs=0.01)
    assert verdict.unlikeness == pytest.approx(expected.unlikeness, rel=0.01)


def test_it_is_evaluated_on_named_faces_and_knows_which_it_has_seen(packed, faces, tmp_path):
    out, _ = packed
    held_out = evaluate_run(out, faces, out=tmp_path / "test.json", resamples=10)
    assert held_out["seen_in_training"] == 0
    seen = evaluate_run(out, faces, "train", out=tmp_path / "train.json", resamples=10)
    assert seen["seen_in_training"] == seen["n"] == len(FaceStore.open(faces).indices("train"))
    with pytest.raises(UserError, match="--faces names a FaceStore"):
        evaluate_run(out, out=tmp_path / "none.json")


def test_a_failed_pack_leaves_nothing_and_may_be_repeated(
    trained_run, faces, tmp_path, monkeypatch
):
    def fail(_store):
        raise UserError("no geometry")

    with monkeypatch.context() as broken:
        broken.setattr(photo_needs, "geometry_of", fail)
        with pytest.raises(UserError, match="no geometry"):
            pack_classifier(trained_run, tmp_path / "packed", faces)
    assert list((tmp_path / "packed").iterdir()) == []
    pack_classifier(trained_run, tmp_path / "packed", faces)
    assert load_photo_classifier(tmp_path / "packed").geometry is not None


@pytest.mark.parametrize("kind", ["classifier", "cyclegan"])
def test_a_killed_pack_goes_on_with_its_card(
    kind, trained_run, cyclegan_run, faces, tmp_path, monkeypatch
):
    run, out = trained_run if kind == "classifier" else cyclegan_run, tmp_path / "packed"
    run = shutil.copytree(run, tmp_path / "run")
    pack_run = pack_classifier if kind == "classifier" else pack_cyclegan

    def kill(path, *_):
        if kind == "cyclegan" or path.name == "config.json":
            raise KeyboardInterrupt
        note_written(path)

    with monkeypatch.context() as killed:
        last = "note_written" if kind == "classifier" else "write_portable"
        killed.setattr(pack, last, kill)
        with pytest.raises(KeyboardInterrupt):
            pack_run(run, out, faces, card="# Mine")
    assert (out / "README.md").read_text() == "# Mine"
    assert not (out / "config.json").exists()
    with pytest.raises(UserError, match=r"README.md is there already: leave --card out"):
        pack_run(run, out, faces, card="# Other")
    pack_run(run, out, faces, card="# Mine")
    require_packed(out, "packed")
    assert (out / "README.md").read_text() == "# Mine"


def test_other_faces_and_a_folder_in_use_are_refused(packed, trained_run, prepared, tmp_path):
    out, _ = packed
    with pytest.raises(UserError, match="was not trained on the faces of"):
        pack_classifier(trained_run, tmp_path / "other", prepared)
    with pytest.raises(UserError, match="already holds a run"):
        pack_classifier(trained_run, out)
