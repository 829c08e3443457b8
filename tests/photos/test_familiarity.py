"""How unlike its training faces a face is: against scipy's distances and made features."""

import os
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import mahalanobis
from torch import nn
from trained_runs import copy_of_training

from agegen.classifier.predict import load_classifier
from agegen.faces.store import FaceStore
from agegen.photos import familiarity
from agegen.photos.familiarity import (
    QUANTILE,
    RIDGE,
    familiarity_of,
    fit_familiarity,
    measure_familiarity,
    read_familiarity,
    recorded_maps,
    stage_features,
)
from agegen.run.errors import UserError


def made_features(n=200, d=4, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    mixing = rng.normal(0, 1, (d, d))
    return (rng.normal(0, 1, (n, d)) + 3 * labels[:, None]) @ mixing + 50, labels


@pytest.fixture(scope="module")
def classifier(trained_run):
    return load_classifier(trained_run, "cpu")


@pytest.fixture
def run(trained_run, tmp_path):
    """A copy that may be written."""
    return copy_of_training(trained_run, tmp_path / "run")


def test_distances_are_scipys_to_the_nearer_class():
    features, labels = made_features()
    fitted = fit_familiarity(features, labels)
    x = (features - features.mean(axis=0)) / features.std(axis=0)
    means = [x[labels == label].mean(axis=0) for label in (0, 1)]
    off = np.concatenate([x[labels == label] - means[label] for label in (0, 1)])
    inverse = np.linalg.inv(np.cov(off.T, bias=True) + RIDGE * np.eye(4))
    expected = [min(mahalanobis(row, mean, inverse) for mean in means) for row in x[:20]]
    np.testing.assert_allclose(fitted.distances(features[:20]), expected, rtol=1e-6)


def test_units_of_the_features_do_not_matter():
    features, labels = made_features()
    scaled = features * [1, 1000, 1e-3, 5] + [0, 1, 2, 3]
    np.testing.assert_allclose(
        fit_familiarity(features, labels).distances(features),
        fit_familiarity(scaled, labels).distances(scaled),
    )


def test_features_that_never_change_stay_finite():
    features, labels = made_features()
    features[:, 2] = 7
    assert np.isfinite(fit_familiarity(features, labels).distances(features)).all()


def test_one_class_alone_is_compared_with_itself():
    features, _ = made_features()
    fitted = fit_familiarity(features, np.ones(len(features), int))
    assert fitted.means.shape == (1, 4)
    assert np.isfinite(fitted.distances(features)).all()


def test_the_threshold_is_the_validation_faces_quantile(classifier, drawn_store):
    measured = measure_familiarity(classifier, drawn_store)
    validation, training = drawn_store.indices("val"), drawn_store.indices("train")
    assert (measured.training, measured.validation) == (len(training), len(validation))
    distances = measured.distances(stage_features(classifier, drawn_store.images, validation))
    assert measured.threshold == pytest.approx(np.quantile(distances, QUANTILE))
    unlikeness = measured.unlikeness(classifier, drawn_store.images[validation])
    np.testing.assert_allclose(unlikeness, distances / measured.threshold, rtol=1e-4)
    known = measured.distances(stage_features(classifier, drawn_store.images, training))
    assert np.median(known) < measured.threshold


def test_noise_is_unlike_and_no_face_is_no_number(classifier, drawn_store):
    measured = measure_familiarity(classifier, drawn_store)
    noise = np.random.default_rng(0).integers(0, 256, (20, 48, 48, 3), np.uint8)
    assert measured.unlikeness(classifier, noise).min() > 1.5
    assert measured.unlikeness(classifier, noise[:0]).shape == (0,)


def test_features_are_the_channel_means_of_every_resolution(classifier, drawn_store):
    images = drawn_store.images[:3]
    features = stage_features(classifier, images)
    assert features.shape == (3, 8 + 8 + 16)  # of the stem and of both stages
    assert features.dtype == np.float64
    alone = stage_features(classifier, images, np.array([2]))
    np.testing.assert_allclose(alone[0], features[2], rtol=1e-4)


def test_the_last_map_of_each_resolution_is_recorded():
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(64, 2)
    )
    x = torch.randn(2, 3, 8, 8)
    with recorded_maps(model) as maps:
        model(x)
    assert {size: tuple(m.shape) for size, m in maps.items()} == {
        (8, 8): (2, 4, 8, 8),
        (4, 4): (2, 4, 4, 4),
    }
    assert maps[8, 8].min() >= 0  # behind the ReLU
    assert not model[0]._forward_hooks


def test_a_network_without_maps_is_one_sentence():
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    with pytest.raises(UserError, match="no feature maps"), recorded_maps(model):
        model(torch.zeros(1, 3, 2, 2))


def test_it_is_measured_once_and_kept(classifier, drawn_store, run, monkeypatch):
    first = familiarity_of(classifier, drawn_store, run)
    monkeypatch.setattr(familiarity, "measure_familiarity", None)
    again = familiarity_of(classifier, drawn_store, run)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert isinstance(again.training, int)
    assert isinstance(again.threshold, float)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9, 0.999])
def test_a_damaged_file_is_measured_again(classifier, drawn_store, run, part):
    first = familiarity_of(classifier, drawn_store, run)
    path = run / familiarity.FILE
    os.truncate(path, int(part * path.stat().st_size))
    assert read_familiarity(path, "any") is None
    assert familiarity_of(classifier, drawn_store, run).threshold == first.threshold


def fitted_arrays():
    return fit_familiarity(*made_features())._asdict()


def write_arrays(path, **arrays):
    with path.open("wb") as file:
        np.savez(file, key="k", **arrays)


def test_arrays_of_any_other_shape_or_kind_are_no_familiarity(tmp_path):
    rng, path = np.random.default_rng(3), tmp_path / "f.npz"
    write_arrays(path, **fitted_arrays())
    right = read_familiarity(path, "k")
    assert right
    for _ in range(200):
        arrays = fitted_arrays()
        for name in rng.choice(list(arrays), rng.integers(1, 4), replace=False):
            shape = tuple(rng.integers(0, 6, rng.integers(0, 4)))
            kind = rng.choice(["f4", "f8", "i8", "c16", "?", "S3", "U2", "M8[s]", "u1,f4"])
            arrays[name] = np.zeros(shape, kind) if rng.random() < 0.5 else np.ones(shape, kind)
        write_arrays(path, **arrays)
        read = read_familiarity(path, "k")
        if read:  # the same shapes by chance
            assert np.isfinite(read.distances(np.ones((2, len(read.centre))))).all()
            assert read.threshold > 0


@pytest.mark.parametrize(
    "wrong",
    [{"threshold": 0.0}, {"threshold": np.nan}, {"scale": np.zeros(4)}, {"training": 2.5},
     {"means": np.empty((0, 4))}, {"means": np.full((2, 4), np.inf)},
     {"centre": np.array([None] * 4)}],
)  # fmt: skip
def test_numbers_that_no_fit_gives_are_no_familiarity(tmp_path, wrong):
    write_arrays(tmp_path / "f.npz", **fitted_arrays() | wrong)
    assert read_familiarity(tmp_path / "f.npz", "k") is None


def test_any_other_file_is_no_familiarity(tmp_path):
    path = tmp_path / "f.npz"
    with path.open("wb") as file:
        np.save(file, np.ones(3))
    assert read_familiarity(path, "k") is None
    with zipfile.ZipFile(path, "w") as file:
        for name in ("key.npy", *(f"{name}.npy" for name in fitted_arrays())):
            file.writestr(name, b"k")
    assert read_familiarity(path, "b'k'") is None


def test_a_familiarity_of_another_network_is_one_sentence(classifier, drawn_store):
    other = fit_familiarity(*made_features())
    with pytest.raises(UserError, match=r"is of 4 features, the network has 32$"):
        other.unlikeness(classifier, drawn_store.images[:2])


def test_other_weights_are_measured_anew(classifier, drawn_store, run, monkeypatch):
    familiarity_of(classifier, drawn_store, run)
    with (run / "best.safetensors").open("ab") as file:
        file.write(b" ")
    monkeypatch.setattr(familiarity, "measure_familiarity", lambda *_: pytest.fail("measured"))
    with pytest.raises(pytest.fail.Exception, match="measured"):
        familiarity_of(classifier, drawn_store, run)


def test_a_run_that_may_not_be_written_keeps_nothing(classifier, drawn_store, run):
    (run / familiarity.FILE).mkdir()
    assert familiarity_of(classifier, drawn_store, run).training > 0


def test_stores_that_do_not_fit_are_refused(classifier, drawn_store, prepared):
    with pytest.raises(UserError, match="--size 48"):
        measure_familiarity(classifier, FaceStore.open(prepared))
    none = replace(drawn_store, splits=np.full(len(drawn_store), "train"))
    with pytest.raises(UserError, match="too few training or validation faces"):
        measure_familiarity(classifier, none)
