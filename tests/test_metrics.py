"""Metrics against scikit-learn, known values and their own definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from agegen import metrics


@pytest.fixture
def scores() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = (rng.random(300) < 0.3).astype(int)
    p = np.round(metrics.sigmoid(rng.normal(2 * y - 1, 1.5)), 2)  # rounded: there are ties
    return y, p


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (metrics.accuracy, lambda y, p, w: reference.accuracy_score(y, p > 0.5, sample_weight=w)),
        (
            metrics.balanced_accuracy,
            lambda y, p, w: reference.balanced_accuracy_score(y, p > 0.5, sample_weight=w),
        ),
        (metrics.roc_auc, lambda y, p, w: reference.roc_auc_score(y, p, sample_weight=w)),
        (
            metrics.brier_score,
            lambda y, p, w: reference.brier_score_loss(y, p, sample_weight=w),
        ),
        (
            metrics.negative_log_likelihood,
            lambda y, p, w: reference.log_loss(y, p, sample_weight=w),
        ),
    ],
)
def test_figures_equal_scikit_learns(scores, ours, theirs) -> None:
    y, p = scores
    p = np.clip(p, 0.01, 0.99)
    w = np.random.default_rng(1).integers(0, 4, len(y)).astype(float)
    assert ours(y, p) == pytest.approx(theirs(y, p, None), abs=1e-12)
    assert ours(y, p, w) == pytest.approx(theirs(y, p, w), abs=1e-12)
    both = ours(y, p, np.stack([np.ones(len(y)), w]))
    assert both == pytest.approx([theirs(y, p, None), theirs(y, p, w)], abs=1e-12)


def test_confusion_matrix_has_true_classes_in_rows(scores) -> None:
    y, p = scores
    assert np.array_equal(metrics.confusion_matrix(y, p), reference.confusion_matrix(y, p > 0.5))


def test_a_weight_of_two_is_the_face_twice(scores) -> None:
    y, p = scores
    w = np.ones(len(y))
    w[:50] = 2
    twice_y, twice_p = np.r_[y, y[:50]], np.r_[p, p[:50]]
    for figure in (metrics.roc_auc, metrics.expected_calibration_error, metrics.brier_score):
        assert figure(y, p, w) == pytest.approx(figure(twice_y, twice_p))


def test_calibration_error_of_known_cases() -> None:
    y = np.array([1] * 80 + [0] * 20)
    assert metrics.expected_calibration_error(y, np.full(100, 0.8)) == pytest.approx(0)
    assert metrics.expected_calibration_error(y, np.full(100, 0.95)) == pytest.approx(0.15)
    assert metrics.expected_calibration_error(y, np.full(100, 0.05)) == pytest.approx(0.75)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_auc_is_the_share_of_pairs_in_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = np.r_[0, 1, rng.integers(0, 2, 30)]
    p = rng.integers(0, 5, 32) / 4
    wins = (p[y == 1][:, None] > p[y == 0]) + 0.5 * (p[y == 1][:, None] == p[y == 0])
    assert metrics.roc_auc(y, p) == pytest.approx(wins.mean())


def test_auc_of_one_class_is_undefined() -> None:
    assert np.isnan(metrics.roc_auc(np.ones(5), np.linspace(0, 1, 5)))


def test_margin_is_p_label_minus_p_other() -> None:
    margin = metrics.margin(np.array([1, 0]), np.array([0.9, 0.9]))
    assert margin == pytest.approx([0.8, -0.8])
    assert metrics.variance(margin) == pytest.approx(np.var(margin))


def test_temperature_recovers_the_one_that_was_applied() -> None:
    rng = np.random.default_rng(0)
    true_logit = rng.normal(0, 3, 40_000)
    y = (rng.random(40_000) < metrics.sigmoid(true_logit)).astype(int)
    assert metrics.fit_temperature(y, 2.5 * true_logit) == pytest.approx(2.5, rel=0.05)


def test_temperature_never_raises_the_likelihood_loss(scores) -> None:
    y, p = scores
    logit = 4 * (p - 0.5)
    scaled = metrics.sigmoid(logit / metrics.fit_temperature(y, logit))
    before = metrics.negative_log_likelihood(y, metrics.sigmoid(logit))
    assert metrics.negative_log_likelihood(y, scaled) <= before + 1e-9


def test_bootstrap_interval_covers_the_truth_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(200):
        right = (np.random.default_rng(seed).random(200) < 0.7).astype(float)
        weights = metrics.bootstrap_weights(200, resamples=300, seed=seed)
        estimate = metrics.estimate(lambda w, r=right: metrics.mean(r, w), weights)
        covered += estimate.low <= 0.7 <= estimate.high
    assert 0.90 <= covered / 200 <= 0.99


def test_bootstrap_draws_whole_clusters() -> None:
    clusters = np.array([7, 7, 7, 2, 2, 9])
    weights = metrics.bootstrap_weights(6, clusters, resamples=50)
    assert (weights[:, :3] == weights[:, :1]).all()
    assert (weights[:, 3] == weights[:, 4]).all()
    assert (weights[:, [0, 3, 5]].sum(axis=1) == 3).all()


def test_clusters_widen_the_interval() -> None:
    right = np.repeat(np.random.default_rng(0).random(40) < 0.7, 10).astype(float)
    width = {}
    for name, clusters in (("faces", None), ("people", np.repeat(np.arange(40), 10))):
        weights = metrics.bootstrap_weights(400, clusters, resamples=500)
        estimate = metrics.estimate(lambda w: metrics.mean(right, w), weights)
        width[name] = estimate.high - estimate.low
    assert width["people"] > 2 * width["faces"]


def test_a_share_of_all_has_wilsons_interval_of_the_persons() -> None:
    weights = metrics.bootstrap_weights(12, np.arange(12) // 3)  # four persons
    found = metrics.proportion(np.ones(12), weights)
    assert (found.value, found.high) == (1, 1)
    assert found.low == pytest.approx(4 / (4 + 1.96**2), abs=1e-4)  # Wilson (1927)
    assert metrics.proportion(np.zeros(12), weights).high == pytest.approx(1 - found.low)


def test_combined_estimates_have_newcombes_interval() -> None:
    # Newcombe (1998), table II: 56/70 against 48/80, method 10
    a, b = metrics.Estimate(0.8, 0.6919, 0.8770), metrics.Estimate(0.6, 0.4904, 0.7004)
    found = metrics.combined((1, a), (-1, b))
    assert found == pytest.approx((0.2, 0.0524, 0.3339), abs=2e-4)


def test_sigmoid_does_not_overflow() -> None:
    with np.errstate(all="raise"):
        assert metrics.sigmoid(np.array([-1e4, 0, 1e4])).tolist() == [0, 0.5, 1]
