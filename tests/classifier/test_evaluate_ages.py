"""How far off ages are: the figures by hand, and those of a run with its report."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agegen.classifier.ages import AgeEstimates
from agegen.classifier.evaluate import predictions_path
from agegen.classifier.evaluate_ages import by_age, describe_ages, evaluate_ages
from agegen.classifier.evaluate_run import evaluate_run
from agegen.classifier.predict import load_classifier
from agegen.faces.records import OTHER
from agegen.faces.store import FaceStore
from agegen.report.classifier.page import make_page
from agegen.run.files import read_json


def test_bands_by_hand() -> None:
    ages, years = np.array([20, 24, 25, 61]), np.array([22.0, 23.0, 30.0, 58.0])
    said = AgeEstimates(years, years - 3, years + 3)
    found = by_age(ages, said, np.ones((10, 4)))
    assert list(found) == ["20–24", "25–29", "60–64"]
    assert found["20–24"]["n"] == 2
    assert found["20–24"]["age"] == 22
    assert found["20–24"]["age_error"]["value"] == 1.5
    assert found["20–24"]["bias"]["value"] == 0.5
    assert found["60–64"]["bias"]["value"] == -3
    assert found["25–29"]["quantiles"] == [30, 30, 30]


def test_all_test_faces_of_known_age_count(aged_run: Path, aged_store: FaceStore) -> None:
    classifier = load_classifier(aged_run)
    found = evaluate_ages(classifier, aged_store, "test", resamples=50)
    assert found is not None
    test = aged_store.indices("test")
    assert found["n"] == len(test) > len(aged_store.of_classes().indices("test"))
    said = classifier.estimate_ages(classifier.answer(aged_store.images, test))
    assert said is not None
    ages = aged_store.ages[test]
    assert found["age_error"]["value"] == pytest.approx(np.abs(said.years - ages).mean())
    within = (said.low <= ages) & (ages <= said.high)
    assert found["coverage"]["value"] == pytest.approx(within.mean())
    median = np.median(aged_store.ages[aged_store.indices("train")])
    assert found["guess_error"]["value"] == pytest.approx(np.abs(median - ages).mean())
    assert f"{found['n']} faces of known age" in describe_ages(found)
    unknown = replace(aged_store, ages=np.where(aged_store.labels == OTHER, -1, aged_store.ages))
    fewer = evaluate_ages(classifier, unknown, "test", resamples=50)
    assert fewer is not None
    assert fewer["n"] == len(aged_store.of_classes().indices("test"))


def test_an_evaluation_holds_them_and_the_page_shows_them(aged_run: Path, tmp_path: Path) -> None:
    evaluation = evaluate_run(aged_run, resamples=50)
    saved = read_json(aged_run / "evaluation.json")
    assert saved == evaluation
    assert predictions_path(aged_run / "evaluation.json").exists()
    page = make_page(aged_run)
    assert "How old?" in page
    assert f"{evaluation['ages']['age_error']['value']:.2f}" in page
    assert "years off" in page


def test_a_classifier_without_ages_has_none(trained_run: Path) -> None:
    evaluation = evaluate_run(trained_run, resamples=20, out=trained_run.parent / "own.json")
    assert evaluation["ages"] is None
