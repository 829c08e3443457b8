"""Prediction and evaluation of a trained classifier."""

from pathlib import Path

import numpy as np
import pytest
import torch

from agegen import metrics
from agegen.classifier.config import TrainConfig
from agegen.classifier.evaluate import (
    Predictions,
    age_bands,
    balanced_accuracy,
    calibration_bins,
    describe,
    evaluate,
    predictions_path,
    recall_difference,
)
from agegen.classifier.model import ModelConfig
from agegen.classifier.predict import load_classifier
from agegen.classifier.predict_split import predict_split
from agegen.classifier.train import train
from agegen.faces.store import FaceStore, clusters
from agegen.faces.views import AugmentConfig
from agegen.report.classifier.beyond_accuracy import describe_calibration
from agegen.run.errors import UserError


@pytest.fixture(scope="module")
def run(drawn_store: FaceStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("evaluate") / "run"
    model, augment = ModelConfig(widths=(8, 16)), AugmentConfig(crop=40)
    train(TrainConfig(drawn_store.folder, out, model, augment, epochs=6, batch_size=25, threads=1))
    return out


def test_a_run_folder_needs_no_flags(run: Path) -> None:
    classifier = load_classifier(run)
    assert classifier.crop == 40
    assert classifier.config.model.widths == (8, 16)
    assert not any(p.requires_grad for p in classifier.model.parameters())


def test_mirroring_the_face_does_not_change_a_mirrored_view(
    run: Path, drawn_store: FaceStore
) -> None:
    classifier = load_classifier(run)
    faces = np.asarray(drawn_store.images[:5])
    there = classifier.log_odds(faces, views="flip")
    back = classifier.log_odds(faces[:, :, ::-1], views="flip")
    assert there == pytest.approx(back, abs=1e-4)
    assert there != pytest.approx(classifier.log_odds(faces, views="centre"), abs=1e-4)


def test_the_size_of_batches_does_not_matter(run: Path, drawn_store: FaceStore) -> None:
    classifier = load_classifier(run)
    one = np.concatenate([classifier.log_odds(drawn_store.images, np.array([i])) for i in range(6)])
    assert one == pytest.approx(classifier.log_odds(drawn_store.images, np.arange(6)), abs=1e-4)


def test_probabilities_are_scaled_by_the_temperature(run: Path, drawn_store: FaceStore) -> None:
    classifier = load_classifier(run)
    predictions = predict_split(classifier, drawn_store, "test")
    expected = metrics.sigmoid(predictions.logit / classifier.temperature)
    assert predictions.p == pytest.approx(expected)
    indices = drawn_store.indices("test")
    assert classifier.probabilities(drawn_store.images, indices) == pytest.approx(expected)


def test_every_figure_has_its_interval_around_it(run: Path, drawn_store: FaceStore) -> None:
    predictions = predict_split(load_classifier(run), drawn_store, "all")
    evaluation = evaluate(drawn_store, predictions, resamples=200)
    assert evaluation["n"] == len(drawn_store)
    for name in ("accuracy", "balanced_accuracy", "roc_auc", "brier_score"):
        figure = evaluation[name]
        assert figure["low"] <= figure["value"] <= figure["high"]
        assert figure["low"] < figure["high"]
    cells = evaluation["confusion_matrix"]
    total = sum(cell["value"] for row in cells.values() for cell in row.values())
    assert total == len(drawn_store)
    assert sum(band["n"] for band in evaluation["by_age"].values()) == len(drawn_store)
    assert f"{evaluation['roc_auc']['value']:.4f}" in describe(evaluation)


def test_scaling_that_did_not_help_is_remarked(drawn_store: FaceStore) -> None:
    rng, indices, worse = np.random.default_rng(0), drawn_store.indices("test"), 0
    y = drawn_store.labels[indices]
    for _ in range(20):
        logit = rng.normal(2 * y - 1, 2)
        scaled = metrics.sigmoid(logit / rng.uniform(0.2, 3))
        found = Predictions(indices, y, logit, metrics.sigmoid(logit), scaled)
        evaluation = evaluate(drawn_store, found, resamples=2)
        now, before = (
            figures["expected_calibration_error"]["value"]
            for figures in (evaluation, evaluation["before_scaling"])
        )
        worse += now > before
        assert ("did not help here" in describe(evaluation)) == (now > before)
        said = describe_calibration(evaluation | {"temperature": 1.2})
        assert ("did not help here" in said) == (now > before)
    assert 0 < worse < 20


def test_recalls_and_what_makes_the_figures_again_are_in_it(drawn_store: FaceStore) -> None:
    indices = drawn_store.indices("test")
    y = drawn_store.labels[indices]
    p = np.where(np.arange(len(y)) % 3 == 0, 0.9, 0.1)
    evaluation = evaluate(drawn_store, Predictions(indices, y, p, p, p), resamples=50, seed=4)
    recall = evaluation["recall"]
    assert recall["old"]["value"] == pytest.approx((p > 0.5)[y == 1].mean())
    assert recall["young"]["value"] == pytest.approx((p < 0.5)[y == 0].mean())
    difference = evaluation["recall_difference"]
    assert difference["value"] == pytest.approx(recall["young"]["value"] - recall["old"]["value"])
    assert all(r["low"] <= r["value"] <= r["high"] for r in (*recall.values(), difference))
    assert (evaluation["resamples"], evaluation["seed"]) == (50, 4)
    assert evaluation["checksum"] == drawn_store.checksum


@pytest.mark.parametrize("n", [1, 7, 500])
def test_calibration_bins_add_up_to_the_calibration_error(n: int) -> None:
    rng = np.random.default_rng(2)
    p = rng.uniform(size=n)
    y = (rng.uniform(size=n) < p).astype(int)
    bins = calibration_bins(y, p, np.arange(n))
    assert sum(b["n"] for b in bins) == n
    ece = sum(b["n"] * abs(b["accuracy"]["value"] - b["confidence"]) for b in bins) / n
    assert ece == pytest.approx(float(metrics.expected_calibration_error(y, p)))


def test_each_evaluation_has_predictions_of_its_own() -> None:
    assert predictions_path(Path("run/evaluation.json")) == Path("run/predictions.csv")
    assert predictions_path(Path("run/ten.json")) == Path("run/ten_predictions.csv")


def test_margins_are_those_of_the_classes(drawn_store: FaceStore) -> None:
    indices = drawn_store.indices("test")
    y = drawn_store.labels[indices]
    p = np.where(y == 1, 0.9, 0.3)
    evaluation = evaluate(drawn_store, Predictions(indices, y, p, p, p), resamples=50)
    assert evaluation["margin"]["old"]["mean"]["value"] == pytest.approx(0.8)
    assert evaluation["margin"]["young"]["mean"]["value"] == pytest.approx(0.4)
    assert evaluation["margin"]["young"]["variance"]["value"] == pytest.approx(0)
    assert evaluation["accuracy"]["value"] == 1


def test_faces_of_one_person_are_one_cluster(drawn_store: FaceStore) -> None:
    indices = drawn_store.indices("test")
    numbers = clusters(drawn_store, indices)
    people = drawn_store.identities[indices]
    same_cluster = numbers[:, None] == numbers
    assert np.array_equal(same_cluster, people[:, None] == people)


def test_if_all_are_right_the_balanced_accuracy_still_has_an_interval() -> None:
    y = np.repeat([0, 1], 20)
    p, weights = y * 0.8 + 0.1, metrics.bootstrap_weights(40)
    found = balanced_accuracy(y, p, weights)
    assert (found["value"], found["high"]) == (1, 1)
    assert 0.8 < found["low"] < 0.95
    difference = recall_difference(y, p)
    assert -0.2 < difference["low"] < 0 == difference["value"] < difference["high"] < 0.2


def test_age_bands_name_the_ages_of_three_years() -> None:
    bands = age_bands(np.array([20, 22, 23, 52, 62, -1])).tolist()
    assert bands == ["20–22", "20–22", "23", "52", "62", ""]


def test_faces_of_another_scale_are_refused(run: Path, striped_store: FaceStore) -> None:
    with pytest.raises(UserError, match="--size 48"):
        predict_split(load_classifier(run), striped_store, "test")


def test_folders_that_are_no_finished_run_are_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a run folder"):
        load_classifier(tmp_path)
    (tmp_path / "config.json").write_text((run / "config.json").read_text())
    with pytest.raises(UserError, match="no validated epoch"):
        load_classifier(tmp_path)
    (tmp_path / "best.json").write_text((run / "best.json").read_text())
    torch.save({}, tmp_path / "best.safetensors")  # a pickle, under the wrong name
    with pytest.raises(UserError, match="damaged"):
        load_classifier(tmp_path)
