import numpy as np
import pytest
import torch
from torch import nn

from agegen.cyclegan.discriminator_study import Setting, build, choose, learn, measure
from agegen.cyclegan.model import PatchDiscriminator
from agegen.faces.store import FaceStore


@pytest.fixture(scope="module")
def faces(striped_store: FaceStore):
    return choose(striped_store, size=40, most=50, held_out=10)


def test_training_and_test_faces_of_both_classes_are_chosen(faces, striped_store):
    assert [len(of) for of in faces.train] == [
        min(50, int(sum(striped_store.labels[striped_store.indices("train")] == label)))
        for label in (0, 1)
    ]
    assert faces.held_out[0].shape[1:] == (3, 40, 40)
    assert sum(len(of) for of in faces.held_out) == len(faces.labels) == faces.weights.shape[1]
    assert (np.diff(faces.labels) >= 0).all()  # young ones first


def test_norms_replace_the_instance_norm():
    def norms(setting):
        return [type(m) for m in build(setting, 4) if isinstance(m, nn.InstanceNorm2d)]

    assert isinstance(build(Setting(34, 1), 4), PatchDiscriminator)
    assert not norms(Setting(34, 1, norm="none"))
    bare = build(Setting(34, 1, norm="spectral"), 4)
    assert not norms(Setting(34, 1, norm="spectral"))
    bare(torch.randn(2, 3, 40, 40))
    convolutions = [m for m in bare if isinstance(m, nn.Conv2d)]
    assert all(hasattr(m, "parametrizations") for m in convolutions)


def test_a_discriminator_learns_stripes_and_an_untrained_one_has_not(faces):
    trained = measure(Setting(34, 4), faces, seeds=2, steps=60, width=8)
    assert trained["auc"]["value"] > 0.9
    assert trained["auc"]["value"] == pytest.approx(np.mean(trained["of_seeds"]))
    value, low, high = (trained["auc"][name] for name in ("value", "low", "high"))
    assert value == 1 if low is None else low <= value <= high  # all resamples are 1 then
    assert trained["receptive_field"] == 34
    untrained = measure(Setting(34, 4), faces, seeds=2, steps=0, width=8)
    assert untrained["auc"]["value"] < 0.9


def test_the_seed_decides_all(faces):
    first, again, other = (learn(Setting(34, 1), faces, 3, 8, seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
