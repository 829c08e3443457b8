"""Shares with intervals, and their contrast between errors and right answers."""

import numpy as np
import pytest

from agegen.analysis.shares import by_group, contrast, share


@pytest.mark.parametrize("n", [1, 7, 300])
def test_none_and_all_have_the_exact_interval(n: int) -> None:
    reach = 1 - 0.025 ** (1 / n)  # Clopper and Pearson (1934), where the share is 0
    none, every = (np.zeros(n, dtype=bool), 0, 0, reach), (np.ones(n, dtype=bool), n, 1 - reach, 1)
    for values, count, low, high in (none, every):
        found = share(values, np.arange(n))
        assert (found["n"], found["count"]) == (n, count)
        assert found["share"]["value"] == count / n
        assert found["share"]["low"] == pytest.approx(low, abs=1e-4)
        assert found["share"]["high"] == pytest.approx(high, abs=1e-4)


def test_a_share_has_about_the_binomial_interval() -> None:
    found = share(np.arange(400) < 120)["share"]
    reach = 1.96 * np.sqrt(0.3 * 0.7 / 400)
    assert found["value"] == 0.3
    assert (found["low"], found["high"]) == pytest.approx((0.3 - reach, 0.3 + reach), abs=0.006)


def test_no_faces_have_no_share() -> None:
    empty = share(np.empty(0))
    assert empty == {"n": 0, "count": 0.0, "share": {"value": None, "low": None, "high": None}}


def test_groups_without_a_name_are_left_out() -> None:
    groups = np.array(["b", "", "a", "b"])
    found = by_group(groups, np.array([True, True, False, False]), np.arange(4))
    assert list(found) == ["a", "b"]
    assert (found["b"]["n"], found["b"]["count"]) == (2, 1)


def test_a_contrast_is_the_difference_of_its_shares() -> None:
    rng = np.random.default_rng(0)
    wrong = rng.random(500) < 0.3
    values = rng.random(500) < np.where(wrong, 0.6, 0.2)
    persons = np.arange(500)
    found = contrast(values, wrong, persons)
    a, b = values[wrong].mean(), values[~wrong].mean()
    assert found["of_errors"]["share"]["value"] == pytest.approx(a)
    assert found["difference"]["value"] == pytest.approx(a - b)
    reach = 1.96 * np.sqrt(a * (1 - a) / wrong.sum() + b * (1 - b) / (~wrong).sum())
    assert found["difference"]["high"] == pytest.approx(a - b + reach, abs=0.02)
    none = contrast(values, np.zeros(500, dtype=bool), persons)
    assert none["difference"] == {"value": None, "low": None, "high": None}


def test_groups_that_are_all_alike_are_not_known_to_be_equal() -> None:
    persons = np.repeat(np.arange(8), 2)
    found = contrast(np.ones(16), persons < 4, persons)["difference"]
    assert found["value"] == 0
    assert found["low"] == pytest.approx(-found["high"])
    assert 0.4 < found["high"] < 0.8  # of four persons in each group
