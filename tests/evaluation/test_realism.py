"""Distances between sets of faces: known sets have known ones."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from agegen.evaluation.realism import by_person, fid, jackknife, kid, leave_out, measure_realism

DIMENSIONS = 4


def normal(n: int, mean: float, seed: int, deviation: float = 1.0) -> Tensor:
    drawn = torch.randn(n, DIMENSIONS, generator=torch.Generator().manual_seed(seed))
    return (mean + deviation * drawn).double()


def test_kid_is_the_unbiased_discrepancy_of_the_cubic_kernel() -> None:
    a, b = normal(7, 0.0, 1), normal(7, 0.5, 2)

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return (x @ y.T / DIMENSIONS + 1) ** 3

    def off_diagonal_mean(k: Tensor) -> Tensor:
        return (k.sum() - k.diagonal().sum()) / (len(k) * (len(k) - 1))

    expected = off_diagonal_mean(kernel(a, a)) + off_diagonal_mean(kernel(b, b))
    expected = expected - 2 * kernel(a, b).mean()
    assert kid(a, b) == pytest.approx(float(expected), rel=1e-6)


def test_kid_of_two_samples_of_one_thing_is_about_zero_whatever_their_number() -> None:
    for n in (20, 200):
        found = [kid(normal(n, 0, 2 * s), normal(n, 0, 2 * s + 1)) for s in range(40)]
        assert abs(np.mean(found)) < 3 * np.std(found) / 40**0.5
    assert kid(normal(200, 0, 1), normal(200, 1, 2)) > 1


def test_fid_is_the_distance_of_two_gaussians() -> None:
    """Of independent ones: squared distance of means, and of deviations, each dimension's added."""
    n = 20_000
    found = fid(normal(n, 0.0, 1), normal(n, 1.0, 2, deviation=3.0))
    assert found == pytest.approx(DIMENSIONS * (1.0 + 4.0), rel=0.05)
    same = normal(50, 0.0, 3)
    assert fid(same, same) == pytest.approx(0, abs=1e-6)


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    a, b = normal(400, 0.0, 1), normal(400, 0.5, 2)

    def difference(x: Tensor, y: Tensor) -> float:
        return float((y[:, 0] - x[:, 0]).mean())

    found = jackknife(leave_out(difference, a, b))
    error = float((b[:, 0] - a[:, 0]).std() / 400**0.5)
    assert found["value"] == difference(a, b)
    half = (found["high"] - found["low"]) / 2
    assert 0.5 < half / (2.09 * error) < 1.7  # 20 groups know it to about 16 %
    assert found["low"] < 0.5 < found["high"]


def test_few_faces_have_no_interval() -> None:
    assert jackknife(leave_out(kid, normal(4, 0, 1), normal(4, 0, 2)))["low"] is None


def test_the_faces_of_a_person_stay_together() -> None:
    persons = np.array([2, 0, 1, 0, 2, 1, 1])
    order = by_person(persons, seed=3)
    who = persons[order]
    assert sorted(order) == list(range(7))
    assert sum(a != b for a, b in pairwise(who)) == 2


def test_generated_faces_that_are_real_ones_are_as_near_as_real_ones() -> None:
    source, target = normal(60, 0.0, 1), normal(90, 1.0, 2)
    persons = [np.arange(len(x)) for x in (source, target)]
    perfect = measure_realism(source, normal(60, 1.0, 3), target, *persons)
    nothing = measure_realism(source, source, target, *persons)
    assert perfect["n"] == 60
    for name in ("kid", "fid"):
        assert nothing[name] == nothing[f"{name}_source"] == perfect[f"{name}_source"]
        assert perfect[name]["value"] < 0.3 * perfect[f"{name}_source"]["value"]
        gained = perfect[f"{name}_difference"]
        assert gained["high"] < 0
        assert gained["value"] == pytest.approx(
            perfect[name]["value"] - perfect[f"{name}_source"]["value"]
        )
        assert nothing[f"{name}_difference"] == {"value": 0, "low": 0, "high": 0}
    assert abs(perfect["kid_real"]) < nothing["kid"]["value"]
