"""Baselines beside a classifier: linear ones, an estimator's threshold, photos of known age."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from photos import fill_cacd, recipe_here

from agegen import metrics
from agegen.faces.geometry import Geometry
from agegen.faces.records import OTHER, AgeRanges
from agegen.photos import baselines, known_photos
from agegen.photos.baselines import (
    Faces,
    describe_baselines,
    fit_logistic,
    fit_probe,
    fit_threshold,
    measure,
)
from agegen.photos.known_photos import crop_known
from agegen.run.errors import UserError

CONFIG = baselines.BaselineConfig(Path("run"), resamples=200)


def faces_whose_brightness_is(values: np.ndarray, labels: np.ndarray, ages: np.ndarray) -> Faces:
    images = np.broadcast_to(values[:, None, None, None], (len(values), 8, 8, 3))
    return Faces(images.astype(np.uint8), labels, ages, np.arange(len(values)))


def brightness(images: np.ndarray) -> np.ndarray:
    """Three features, of which one tells something."""
    mean = images.mean(axis=(1, 2, 3))
    return np.stack([mean, np.ones_like(mean), np.cos(mean)], axis=1)


class Estimator:
    """Says a brightness as an age."""

    def scores(self, faces: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"years": ((faces.mean(dim=(1, 2, 3)) + 1) * 127.5).round().double()}


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1e-3, 0.1, 1.0]))
def test_the_logistic_fit_is_the_optimum_of_its_loss(seed: int, penalty: float) -> None:
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(rng.normal(size=(60, 4)))
    labels = np.r_[0, 1, rng.integers(0, 2, 58)]
    weights, bias = fit_logistic(x, labels, penalty)
    w, b = weights.clone().requires_grad_(), bias.clone().requires_grad_()
    counts = np.bincount(labels)
    each = torch.from_numpy(60 / 2 / counts[labels])
    y = torch.from_numpy(labels).double()
    odds = x @ w + b
    loss = (each * (torch.nn.functional.softplus(odds) - y * odds)).mean()
    (loss + penalty * w.square().sum()).backward()
    assert w.grad is not None
    assert b.grad is not None
    assert w.grad.abs().max() < 1e-4
    assert b.grad.abs().max() < 1e-4


def test_a_probe_finds_what_tells_the_classes_apart() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    values = 100 + 40 * labels + rng.normal(0, 10, 300)
    sets = [
        faces_whose_brightness_is(values[s], labels[s], np.full(100, -1))
        for s in (slice(0, 100), slice(100, 200), slice(200, 300))
    ]
    method = fit_probe(brightness, *sets[:2])
    assert metrics.roc_auc(sets[2].labels, method(sets[2].images).odds) > 0.97
    found = measure(method, sets[2], CONFIG)
    assert found["balanced_accuracy"]["value"] > 0.9
    assert "age_error" not in found


def test_an_estimators_threshold_is_the_validation_faces() -> None:
    labels, years = np.array([0, 0, 0, 1, 1, 1]), np.array([20, 24, 30, 31, 50, 60])
    faces = faces_whose_brightness_is(years, labels, years)
    said = fit_threshold(Estimator(), faces)(faces.images)
    assert ((said.odds > 0) == (labels == 1)).all()
    assert (said.years == years).all()
    shifted = faces_whose_brightness_is(years + 5, labels, years)
    found = measure(fit_threshold(Estimator(), faces), shifted, CONFIG)
    assert found["balanced_accuracy"]["value"] == pytest.approx(5 / 6)
    assert found["age_error"]["value"] == 5


def test_other_ages_count_for_years_alone() -> None:
    labels = np.array([0, 0, 1, 1, OTHER, OTHER])
    years = np.array([22, 25, 55, 60, 40, 30])
    faces = faces_whose_brightness_is(years, labels, years + np.array([0, 0, 0, 0, 6, 12]))
    found = measure(fit_threshold(Estimator(), faces.of_classes()), faces, CONFIG)
    assert found["roc_auc"]["value"] == 1
    assert found["age_error"]["value"] == 3


def test_photos_are_cropped_and_the_missed_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fill_cacd(tmp_path / "photos", 8)
    (folder / "22_Ann_Broken_0001.jpg").write_bytes(b"x")
    (folder / "40_Ann_Middle_0001.jpg").write_bytes((folder / "20_Ann_Lee0_0000.jpg").read_bytes())
    seen = []

    class Found:
        image = np.zeros((8, 8, 3), np.uint8)

    def crop(photo: np.ndarray, geometry: Geometry) -> list:
        seen.append(photo.shape)
        return [] if len(seen) == 3 else [Found, "a smaller face"]

    monkeypatch.setattr(known_photos, "crop_faces", crop)
    geometry = Geometry("", 8, 0, 0, None)
    found = crop_known(folder, geometry, AgeRanges(others=True))
    assert len(found.images) == len(found.labels) == 8
    assert sorted(found.labels) == [0] * 4 + [1] * 3 + [OTHER] or sorted(found.labels) == [
        0, 0, 0, 1, 1, 1, 1, OTHER,
    ]  # fmt: skip
    assert {m.reason for m in found.missed} > {"no face found"}
    assert len(found.missed) == 2
    assert set(found.ages[found.labels == OTHER]) == {40}
    monkeypatch.setattr(known_photos, "crop_faces", lambda *_: [])
    with pytest.raises(UserError, match="no young face was found in the 10 photos"):
        crop_known(folder, geometry, AgeRanges(others=True))


def test_the_table_has_a_row_a_method_and_a_column_a_figure() -> None:
    figure = {"value": 0.9, "low": 0.8, "high": 0.95}
    unknown = {"value": 1.0, "low": None, "high": None}
    found = {
        "sets": {"test faces": {"young": 3, "old": 4, "other": 0}},
        "figures": {"a": {"test faces": {"roc_auc": figure, "balanced_accuracy": unknown}}},
    }
    assert describe_baselines(found).splitlines() == [
        "| method | test faces: AUC | test faces: balanced accuracy | test faces: years off |",
        "| --- | --- | --- | --- |",
        "| a | 0.900 [0.800, 0.950] | 1.000 | – |",
        "test faces: 3 young, 4 old",
    ]


def test_the_pretrained_run_needs_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = recipe_here("compare_baselines", "--run", "pretrained")
    assert failed.returncode == 2
    assert "comes without its faces" in failed.stderr


def test_everything_is_measured_and_saved(
    trained_run: Path, drawn_store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(baselines, "load_trunk", lambda _: None)
    monkeypatch.setattr(baselines, "alexnet_features", lambda _, images: brightness(images))
    monkeypatch.setattr(baselines, "IdentityMatcher", lambda _: None)
    monkeypatch.setattr(baselines, "dlib_features", lambda _, images: brightness(images))
    monkeypatch.setattr(baselines, "AgeEstimator", lambda _: Estimator())
    monkeypatch.setattr(
        baselines, "load_photo_classifier",
        partial(baselines.load_photo_classifier, centred=True),
    )  # fmt: skip
    config = replace(CONFIG, run=trained_run, out=tmp_path / "figures.json")
    found = baselines.compare_baselines(config)
    assert list(found["figures"]) == [
        "this classifier", "linear, on AlexNet's features", "linear, on dlib's face descriptors",
        "age estimator from outside",
    ]  # fmt: skip
    test = drawn_store.indices("test")
    assert sum(found["sets"]["test faces"].values()) == len(test)
    own = found["figures"]["this classifier"]["test faces"]
    assert 0 <= own["roc_auc"]["low"] <= own["roc_auc"]["value"] <= 1
    assert (tmp_path / "figures.json").exists()
    with pytest.raises(UserError, match="--photos needs the extra"):
        baselines.compare_baselines(replace(config, photos=tmp_path))
