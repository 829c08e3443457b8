"""The temperature for other views is that of the validation faces, and is kept with the run."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from trained_runs import copy_of_training

from agegen.classifier.predict import load_classifier
from agegen.photos import view_temperature
from agegen.photos.view_temperature import FILE, calibrated_for
from agegen.run.errors import UserError


@pytest.fixture(scope="module")
def classifier(trained_run):
    return load_classifier(trained_run, "cpu")


@pytest.fixture
def run(trained_run, tmp_path):
    return copy_of_training(trained_run, tmp_path / "run")


def test_it_minimises_the_loss_of_the_validation_faces(classifier, drawn_store, run):
    calibrated = calibrated_for("ten", classifier, drawn_store, run)
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


def test_a_run_with_those_views_is_itself(classifier, drawn_store, run):
    own = calibrated_for(classifier.views, classifier, drawn_store, run)
    assert own is classifier
    assert not (run / FILE).exists()


def test_it_is_fitted_once_and_kept(classifier, drawn_store, run, monkeypatch):
    first = calibrated_for("ten", classifier, drawn_store, run)
    monkeypatch.setattr(view_temperature, "fit", None)
    assert calibrated_for("ten", classifier, drawn_store, run).temperature == first.temperature


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
def test_what_is_damaged_or_of_others_is_fitted_again(classifier, drawn_store, run, spoil):
    first = calibrated_for("ten", classifier, drawn_store, run)
    path = run / FILE
    path.write_text(spoil(json.loads(path.read_text())))
    again = calibrated_for("ten", classifier, drawn_store, run)
    assert again.temperature == pytest.approx(first.temperature)


def test_a_run_that_may_not_be_written_keeps_nothing(classifier, drawn_store, run):
    (run / FILE).mkdir()
    assert calibrated_for("ten", classifier, drawn_store, run).temperature > 0


def test_without_validation_faces_it_is_one_sentence(classifier, drawn_store, run):
    none = replace(drawn_store, splits=np.full(len(drawn_store), "train"))
    with pytest.raises(UserError, match="no validation faces"):
        calibrated_for("ten", classifier, none, run)
