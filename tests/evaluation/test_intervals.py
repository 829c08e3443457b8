"""Figures of few faces, or of faces that are all alike, claim no certainty."""

import numpy as np
import pytest
import torch

from agegen import metrics
from agegen.evaluation.matching import match
from agegen.evaluation.shifts import Move, gaps, judge_shift
from agegen.evaluation.truth import summarise


def assert_uncertain(figures: dict, shares: set[str]) -> None:
    """Shares have an interval; so have others, or theirs is unknown, or nothing changed at all."""
    for name, figure in figures.items():
        if name in shares:
            assert 0 <= figure["low"] <= figure["value"] <= figure["high"] <= 1
            assert figure["low"] < figure["high"]
        elif isinstance(figure, dict):
            nothing = figure == {"value": 0, "low": 0, "high": 0}
            assert nothing or figure["low"] is None or figure["low"] < figure["high"]


def test_eight_of_eight_verified_are_not_all() -> None:
    source = torch.eye(8)
    found = match(source, source, metrics.bootstrap_weights(8), np.arange(8))
    assert found["verified"] == {"value": 1, "low": pytest.approx(0.025 ** (1 / 8)), "high": 1}
    assert found["distance"] == {"value": 0, "low": 0, "high": 0}  # unchanged, for certain


def test_what_a_matcher_says_is_never_certain() -> None:
    for seed in range(300):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(2, 30))
        persons = rng.integers(0, max(2, n // int(rng.integers(1, 4))), n)
        persons[:2] = 0, 1
        source = torch.from_numpy(rng.normal(size=(n, 4)))
        fake = source + float(rng.choice([0, 0.1, 1, 10])) * torch.from_numpy(
            rng.normal(size=(n, 4))
        )
        weights = metrics.bootstrap_weights(n, persons, resamples=100)
        assert_uncertain(match(source, fake, weights, persons), {"verified"})


def test_what_a_judge_says_is_never_certain() -> None:
    for seed in range(300):
        rng = np.random.default_rng(seed)
        persons = {
            name: np.sort(rng.integers(0, 9, rng.integers(1, 12))) for name in ("young", "old")
        }
        real = {"young": rng.normal(0, 1, len(persons["young"]))}
        real["old"] = rng.normal(3, 1, len(persons["old"]))
        direction = ("young", "old") if seed % 2 else ("old", "young")
        move = rng.choice([-50, 0, 1, 50]) + rng.choice([0, 1]) * rng.normal(
            size=len(real[direction[0]])
        )
        weights = {k: metrics.bootstrap_weights(len(p), p, 100) for k, p in persons.items()}
        source, to = direction
        moved = Move(real, real[source], real[source] + move, to, source, weights)
        found = judge_shift(moved, persons[source], (1, 10))
        assert_uncertain(found, {"reached", "moved_1", "moved_10"})


def test_answers_are_shares_and_their_gap_is_one_of_shares() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        persons = {name: rng.integers(0, 9, rng.integers(1, 12)) for name in ("young", "old")}
        chances = rng.choice([0, 0.5, 1], 3)
        real, after = (
            {
                k: (rng.random(len(p)) < x).astype(float)
                for x, (k, p) in zip(part, persons.items(), strict=False)
            }
            for part in (chances[:2], chances[2:])
        )
        weights = {k: metrics.bootstrap_weights(len(p), p, 100) for k, p in persons.items()}
        (of,) = gaps({"judged_old": real}, weights, persons).values()
        assert_uncertain(of, {"young", "old"})
        assert of["gap"]["low"] < of["gap"]["high"]
        found = judge_shift(
            Move(real, real["young"], after["young"], "old", "young", weights), persons["young"]
        )
        shift, part = found.pop("shift"), found.pop("share_of_gap")
        assert_uncertain(found, {"before", "after", "reached"})
        assert shift["low"] < shift["high"]
        assert part["low"] is None or part["low"] < part["high"]  # also where no answer changed


def test_how_many_came_nearer_is_never_certain() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        n, by = int(rng.integers(1, 20)), rng.choice([-1.0, 0.0, 1.0])
        given = rng.random(n)
        distances = {"output": given - by, "input": given, "oracle": np.full(n, 0.1)}
        found = summarise(distances, metrics.bootstrap_weights(n, resamples=100))
        assert_uncertain(found, {"nearer"})
        assert found["nearer"]["value"] == (by > 0)
        assert found["oracle"]["low"] is None  # of faces that are all alike
