"""Curves with bands, and accuracy by age: against scikit-learn, scipy and simulation."""

import json
from functools import partial

import numpy as np
import pytest
import scipy.stats
from analyses import opened_analysis  # noqa: F401 - a fixture
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_curve

from agegen import metrics
from agegen.analysis.analysis import Analysis
from agegen.analysis.curves import (
    GRID,
    RECALLS,
    age_of_errors,
    analyze,
    average_precision,
    by_year,
    gender_gaps,
    precision,
    roc,
    with_band,
)
from agegen.faces.store import UNKNOWN_AGE


def scores(n: int = 200, digits: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, p with ties, and whole-number weights."""
    rng = np.random.default_rng(4)
    y = (np.arange(n) % 3 == 0).astype(int)
    p = metrics.sigmoid(rng.normal(2 * y - 1, 1.5)).round(digits)
    return y, p, rng.integers(0, 4, n)


@pytest.mark.parametrize("digits", [1, 12])
@pytest.mark.parametrize("weighted", [True, False])
def test_curves_are_those_of_scikit_learn(digits: int, weighted: bool) -> None:
    y, p, drawn = scores(digits=digits)
    w = drawn if weighted else None
    false, true, _ = roc_curve(y, p, sample_weight=w, drop_intermediate=False)
    np.testing.assert_allclose(roc(y, p, w), np.interp(GRID, false, true), atol=1e-12)
    expected = average_precision_score(y, p, sample_weight=w)
    assert average_precision(y, p, w) == pytest.approx(expected)
    precisions, recalls, _ = precision_recall_curve(y, p, sample_weight=w)
    reached = [precisions[np.flatnonzero(recalls >= r - 1e-9)[-1]] for r in RECALLS]
    np.testing.assert_allclose(precision(y, p, w), reached)


def test_all_resamples_in_one_call() -> None:
    y, p, _ = scores()
    weights = metrics.bootstrap_weights(len(y), resamples=5)
    for curve in (roc, precision, average_precision):
        each = [curve(y, p, w) for w in weights]
        np.testing.assert_allclose(curve(y, p, weights), each)


def test_a_perfect_and_a_reversed_order() -> None:
    y = np.arange(10) % 2
    assert (roc(y, y / 1.0) == 1).all()
    assert (precision(y, y / 1.0) == 1).all()
    assert roc(y, 1.0 - y)[:-1].max() == 0
    assert average_precision(y, np.full(10, 0.5)) == 0.5


def test_one_class_alone_has_no_curves() -> None:
    y, p = np.zeros(6, int), np.linspace(0, 1, 6)
    weights = metrics.bootstrap_weights(6, resamples=5)
    assert with_band(partial(roc, y, p), weights) is None
    assert with_band(partial(precision, y, p), weights) is None
    assert np.isnan(average_precision(y, p))
    assert with_band(partial(precision, 1 - y, p), weights)["low"] == [1.0] * len(RECALLS)


def test_bands_hold_the_curve_of_many_faces_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    truth = scipy.stats.norm.cdf(2 + scipy.stats.norm.ppf(0.2))  # ROC of two normals 2 apart
    hits = []
    for seed in range(60):
        y = np.arange(300) % 2
        curve = partial(roc, y, scipy.stats.norm.cdf(rng.normal(2 * y, 1)))
        band = with_band(curve, metrics.bootstrap_weights(300, resamples=100, seed=seed))
        hits.append(band["low"][20] <= truth <= band["high"][20])
    assert np.mean(hits) > 0.85


def test_every_year_of_a_class_is_counted_and_unknown_ages_are_not() -> None:
    ages = np.array([20, 20, 22, UNKNOWN_AGE, 55, 55])
    y = np.array([0, 0, 0, 0, 1, 1])
    right = np.array([True, False, True, True, False, False])
    found = by_year(ages, y, right, np.array([0, 1, 2, 3, 4, 4]))
    assert [(r["age"], r["n"], r["persons"]) for r in found["young"]] == [(20, 2, 2), (22, 1, 1)]
    assert [(r["age"], r["n"], r["persons"]) for r in found["old"]] == [(55, 2, 1)]
    assert found["young"][0]["accuracy"]["value"] == 0.5
    assert found["old"][0]["accuracy"] == {"value": 0, "low": 0, "high": pytest.approx(0.975)}
    unknown = by_year(np.full(6, UNKNOWN_AGE), y, right, np.arange(6))
    assert unknown == {"young": [], "old": []}


def test_errors_that_are_older_are_found() -> None:
    rng = np.random.default_rng(0)
    ages, y = rng.integers(20, 27, 300), np.zeros(300, int)
    right = rng.random(300) > (ages - 19) / 10
    weights = metrics.bootstrap_weights(300, resamples=50)
    found = age_of_errors(ages, y, right, weights)
    u = scipy.stats.mannwhitneyu(ages[~right], ages[right]).statistic
    assert found["young"]["value"] == pytest.approx(u / (~right).sum() / right.sum())
    assert found["young"]["low"] > 0.5
    assert found["old"]["value"] is None
    assert age_of_errors(ages, y, y == 0, weights)["young"]["value"] is None


def test_the_gap_is_male_less_female_or_nothing() -> None:
    y = np.arange(80) % 2
    genders = np.where(np.arange(80) < 40, "female", "male")
    p = np.where((genders == "male") & (np.arange(80) % 4 < 2), 1 - y, y).astype(float)
    weights = metrics.bootstrap_weights(80, resamples=50)
    gap = gender_gaps(genders, y, p, weights)
    assert gap["balanced_accuracy"]["value"] == -0.5
    assert gap["balanced_accuracy"]["high"] < 0
    assert gap["roc_auc"]["value"] < 0
    assert gender_gaps(np.full(80, "female"), y, p, weights) is None


def test_the_chapter_of_a_run(analysis: Analysis) -> None:
    content = json.loads(json.dumps(analyze(analysis)))
    assert content == analyze(analysis)
    test = analysis.test
    assert content["n"] == len(test.labels) > content["persons"]  # two photos a person
    expected = average_precision_score(test.labels, test.p)
    assert content["average_precision"]["value"] == pytest.approx(expected)
    assert content["average_precision"]["chance"] == test.labels.mean()
    low, value, high = (np.array(content["roc"]["curve"][k]) for k in ("low", "value", "high"))
    assert (low <= value + 1e-4).all()
    assert (value <= high + 1e-4).all()
    assert (high - low).max() > 0.05
    assert sum(year["n"] for of in content["by_year"].values() for year in of) == content["n"]
