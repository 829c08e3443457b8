"""Loading a run's generators, and using them on faces of any size."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from photos import picture
from safetensors.torch import load_file, save_file

from agegen.cyclegan.translate import Translator, centre_views, load_translator
from agegen.faces.views import to_float, to_uint8
from agegen.run.errors import UserError

LAST = "generators.safetensors"


@pytest.fixture(scope="module")
def translator(cyclegan_run) -> Translator:
    return load_translator(cyclegan_run, device="cpu")


@pytest.fixture
def copied(cyclegan_run, tmp_path):
    """A run that a test may damage."""
    return shutil.copytree(
        cyclegan_run, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints", "watch")
    )


@pytest.mark.parametrize("to", ["young", "old"])
@pytest.mark.parametrize("shape", [(1, 44, 44), (2, 45, 67), (5, 32, 33), (3, 101, 70)])
def test_odd_sizes_come_back_in_the_same_size(translator, to, shape):
    n, height, width = shape
    faces = torch.rand(n, 3, height, width) * 2 - 1
    result = translator.translate(faces, to, batch_size=2)
    assert result.shape == faces.shape
    assert result.dtype == torch.float32
    assert result.abs().max() <= 1
    assert not result.requires_grad


def test_both_directions_are_networks_of_their_own(translator):
    faces = to_float(torch.from_numpy(picture(0, 44)[None]))
    old, young = (translator.translate(faces, to) for to in ("old", "young"))
    torch.testing.assert_close(old, translator.generators.to_old(faces))
    torch.testing.assert_close(young, translator.generators.to_young(faces))
    assert not torch.equal(old, young)


def test_the_batch_size_changes_nothing(translator):
    faces = torch.rand(5, 3, 44, 44) * 2 - 1
    whole, parts = (translator.translate(faces, "old", n) for n in (5, 2))
    torch.testing.assert_close(whole, parts, rtol=1e-4, atol=1e-5)


def test_no_faces_are_no_faces(translator):
    assert translator.translate(torch.zeros(0, 3, 44, 44), "old").shape == (0, 3, 44, 44)


def test_views_are_the_centre_of_the_stores_faces(translator, drawn_store):
    images = np.array(drawn_store.images[:3])
    views, crop = translator.views(images), translator.config.augment.crop
    assert (translator.store_size, crop, translator.config.size) == (48, 46, 44)
    assert views.shape == (3, 3, 44, 44)
    one_for_one = to_uint8(centre_views(images, replace(translator.config, size=crop))).numpy()
    np.testing.assert_array_equal(one_for_one, images[:, 1:47, 1:47])


def test_the_best_generators_are_taken_where_there_are_any(copied, translator):
    best = {name: torch.zeros_like(w) for name, w in load_file(copied / LAST).items()}
    save_file(best, copied / "best.safetensors")
    assert all(not p.any() for p in load_translator(copied).generators.parameters())
    last = load_translator(copied, "generators").generators.to_old.state_dict()
    for name, weight in translator.generators.to_old.state_dict().items():
        torch.testing.assert_close(last[name].cpu(), weight)


def test_a_class_that_there_is_none_of_is_refused(translator):
    with pytest.raises(UserError, match="young or old, not to 'ancient'"):
        translator.translate(torch.zeros(1, 3, 44, 44), "ancient")


def test_a_folder_that_is_no_run_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match=r"is not a run folder \(no config.json\)"):
        load_translator(tmp_path)


def test_a_classifiers_run_is_one_sentence(trained_run):
    with pytest.raises(UserError, match="is not the run of a CycleGAN"):
        load_translator(trained_run)


def test_a_run_without_weights_is_one_sentence(copied):
    (copied / LAST).unlink()
    with pytest.raises(UserError, match=r"has no generators.safetensors: train it first"):
        load_translator(copied)
    with pytest.raises(UserError, match=r"has no best.safetensors"):
        load_translator(copied, "best")


@pytest.mark.parametrize("damage", ["cut", "text", "other"])
def test_damaged_weights_are_one_sentence(copied, damage):
    weights = copied / LAST
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "text":
        weights.write_text("not weights")
    else:
        save_file({"to_old.0.weight": torch.zeros(3)}, weights)
    expected = "does not fit the networks" if damage == "other" else "is damaged"
    with pytest.raises(UserError, match=expected):
        load_translator(copied)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"size": "large"}, "size"),
        ({"unheard_of": 1}, "unheard_of"),
        ({"batch_size": 0}, "above 0"),
    ],
)
def test_a_damaged_config_is_one_sentence(copied, change, sentence):
    file = copied / "config.json"
    content = json.loads(file.read_text())
    content["config"] |= change
    file.write_text(json.dumps(content))
    with pytest.raises(UserError, match=sentence):
        load_translator(copied)
