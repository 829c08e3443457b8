"""Metrics against scikit-learn, known values and their own definitions."""

import numpy as np
import pytest
import scipy.stats
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


@pytest.mark.parametrize(("right", "n"), [(0, 7), (7, 7), (3, 7), (80, 90), (1, 1)])
def test_without_persons_in_common_a_share_has_the_exact_interval(right: int, n: int) -> None:
    found = metrics.proportion(np.arange(n) < right)
    exact = scipy.stats.binomtest(right, n).proportion_ci(method="exact")
    assert (found.value, found.low, found.high) == pytest.approx((right / n, exact.low, exact.high))


def test_faces_of_one_person_count_as_less_than_so_many() -> None:
    right = np.repeat(np.random.default_rng(0).random(60) < 0.8, 4)
    persons = np.repeat(np.arange(60), 4)  # the four faces of a person are all right or all wrong
    effective_number = metrics.effective_number
    assert 55 < effective_number(right, persons) < 61
    assert effective_number(np.ones(240, bool), persons) == 60
    assert effective_number(right, np.zeros(240, int)) == 1
    spread = np.tile([True, False], 120)  # each person has two of both: no variance between them
    assert effective_number(spread, persons) == 60


def random_share(seed: int) -> tuple[float, np.ndarray, np.ndarray]:
    """The share expected, 0 or 1 of each face, and whose it is; 1 to 200 persons, all alike or not.

    A person's faces are right with a probability of their own, drawn so that two faces of one
    person have the correlation drawn before.
    """
    rng = np.random.default_rng(seed)
    count = round(200 ** rng.random())
    persons = np.repeat(rng.permutation(count), rng.integers(1, 20, count, endpoint=True))
    share, alike = rng.choice([0.0, 1.0, *rng.random(8)]), rng.choice([0.0, 1.0, *rng.random(4)])
    skill = np.full(count, share)
    if 0 < share < 1 and alike == 1:
        skill = (rng.random(count) < share).astype(float)
    elif 0 < share < 1 and alike > 0:
        of_both = 1 / alike - 1
        skill = rng.beta(share * of_both, (1 - share) * of_both, count)
    return share, (rng.random(len(persons)) < skill[persons]).astype(float), persons


def test_every_share_has_an_interval_that_holds_as_often_as_it_says() -> None:
    covered = []
    for seed in range(600):
        share, values, persons = random_share(seed)
        found = metrics.proportion(values, persons)
        assert found.value == values.mean()
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert found.low < found.high
        shuffled = np.random.default_rng(seed).permutation(len(values))
        assert metrics.proportion(values[shuffled], persons[shuffled]) == pytest.approx(found)
        opposite = metrics.proportion(1 - values, persons)
        assert (1 - opposite.high, 1 - opposite.low) == pytest.approx((found.low, found.high))
        covered.append(found.low <= share <= found.high)
    assert np.mean(covered) >= 0.93


def test_more_persons_of_the_same_share_narrow_the_interval() -> None:
    for seed in range(200):
        _, values, persons = random_share(seed)
        twice, both = np.tile(values, 2), np.r_[persons, persons + persons.max() + 1]
        one, two = metrics.proportion(values, persons), metrics.proportion(twice, both)
        assert two.high - two.low < one.high - one.low
        alone = metrics.proportion(values)
        same = metrics.proportion(twice, np.tile(np.arange(len(values)), 2))  # each is there twice
        assert same.high - same.low > 0.95 * (alone.high - alone.low)


def test_means_between_0_and_1_have_the_interval_of_their_own_spread() -> None:
    values = np.random.default_rng(0).uniform(0.4, 0.6, 400)
    found = metrics.proportion(values)
    reach = 1.96 * values.std() / 20
    assert (found.low, found.high) == pytest.approx(
        (values.mean() - reach, values.mean() + reach), abs=0.001
    )
    alike = metrics.proportion(np.full(30, 0.3))
    assert alike.low < 0.2 < 0.4 < alike.high  # as nothing is known of their spread


def test_no_faces_have_no_share_and_undefined_ones_are_no_faces() -> None:
    none = {"value": None, "low": None, "high": None}
    assert metrics.share_as_json(np.empty(0)) == none
    assert metrics.share_as_json(np.full(3, np.nan), np.arange(3)) == none
    values, persons = np.array([1, np.nan, 0, 1]), np.array([4, 4, 2, 1])
    found = metrics.proportion(values, persons)
    assert found == metrics.proportion(np.array([1, 0, 1]), np.array([4, 2, 1]))


def test_paired_shares_that_are_equal_are_not_known_to_be_so() -> None:
    for seed in range(300):
        rng = np.random.default_rng(seed)
        _, first, persons = random_share(seed)
        first = first == 1
        second = first ^ (rng.random(len(first)) < rng.choice([0, 0.1, 0.5]))
        found = metrics.paired_difference(first, second, persons)
        assert found.value == pytest.approx(first.mean() - second.mean(), abs=1e-12)
        assert found.low <= found.value <= found.high
        assert found.low < found.high


def test_paired_differences_hold_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(300):
        first = rng.random(80) < 0.8
        second = np.where(rng.random(80) < 0.3, rng.random(80) < 0.6, first)
        found = metrics.paired_difference(first, second)
        hits.append(found.low <= 0.06 <= found.high)
    assert np.mean(hits) >= 0.93


@pytest.mark.parametrize(("n", "persons"), [(1, 1), (8, 1), (5, 5), (300, 100)])
def test_where_resamples_do_not_differ_the_interval_is_unknown(n: int, persons: int) -> None:
    rng = np.random.default_rng(n)
    values = np.full(n, 0.1) if persons > 1 else rng.normal(size=n)
    weights = metrics.bootstrap_weights(n, np.arange(n) % persons, resamples=200)
    found = metrics.mean_as_json(values, weights)
    assert found == {"value": pytest.approx(values.mean()), "low": None, "high": None}


def test_combined_estimates_have_newcombes_interval() -> None:
    # Newcombe (1998), table II: 56/70 against 48/80, method 10
    a, b = metrics.Estimate(0.8, 0.6919, 0.8770), metrics.Estimate(0.6, 0.4904, 0.7004)
    found = metrics.combined((1, a), (-1, b))
    assert found == pytest.approx((0.2, 0.0524, 0.3339), abs=2e-4)


def test_sigmoid_does_not_overflow() -> None:
    with np.errstate(all="raise"):
        assert metrics.sigmoid(np.array([-1e4, 0, 1e4])).tolist() == [0, 0.5, 1]
