"""Parts of the held-out faces, their shares of the gap, and what differs between them."""

import numpy as np
import pytest

from agegen.evaluation.shifts import Move
from agegen.evaluation.slices import Part, compare_slices, judge_slices, part_share, slices_of
from agegen.faces.store import FaceStore


def test_parts_move_by_shares_of_their_own_gap_or_of_everyones() -> None:
    """Three young at 0, three old at 10, 20, 30; the first young moves by 5, the others not."""
    real = {"young": np.zeros(3), "old": np.array([10.0, 20.0, 30.0])}
    weights = {name: np.ones((4, 3)) for name in real}
    masks = {"young": np.array([True, False, False]), "old": np.array([True, False, False])}
    move = Move(real, real["young"], np.array([5.0, 0.0, 0.0]), "old", "young", weights)
    assert part_share(move, Part(masks, True)) == {"value": 0.5, "low": None, "high": None}
    assert part_share(move, Part(masks, False))["value"] == pytest.approx(0.25)


def parted(shifts: np.ndarray) -> tuple[dict[str, Move], dict[str, Part]]:
    """A hundred young faces at 0 that move by `shifts`, women and then men; the old are at 1."""
    n = len(shifts)
    real = {"young": np.zeros(n), "old": np.ones(n)}
    drawn = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=200).astype(float)
    weights = {"young": drawn, "old": np.ones((200, n))}
    move = Move(real, real["young"], shifts, "old", "young", weights)
    women = np.arange(n) < n // 2
    parts = {
        "female": Part({"young": women, "old": women}, True),
        "male": Part({"young": ~women, "old": ~women}, True),
        "up to 23 years": Part({"young": women, "old": np.ones(n, dtype=bool)}, False),
        "above 23 years": Part({"young": ~women, "old": np.ones(n, dtype=bool)}, False),
    }
    return {"judge": move}, parts


def test_parts_of_one_kind_are_compared_with_the_interval_of_their_difference() -> None:
    noise = np.random.default_rng(1).normal(0, 0.2, 100)
    moves, parts = parted(noise + np.where(np.arange(100) < 50, 0.5, 0.3))
    shares = judge_slices(moves, parts, "young")
    contrasts = compare_slices(moves, parts)
    pairs = [(c["first"], c["second"]) for c in contrasts]
    assert pairs == [("female", "male"), ("up to 23 years", "above 23 years")]
    for (first, second), contrast in zip(pairs, contrasts, strict=True):
        difference = contrast["judges"]["judge"]
        expected = shares[first]["judge"]["value"] - shares[second]["judge"]["value"]
        assert difference["value"] == pytest.approx(expected)
        assert 0 < difference["low"] < difference["value"] < difference["high"]
        assert shares[first]["n"] == shares[second]["n"] == 50


def test_parts_that_move_alike_do_not_differ_clearly() -> None:
    moves, parts = parted(np.random.default_rng(2).normal(0.4, 0.2, 100))
    for contrast in compare_slices(moves, parts):
        difference = contrast["judges"]["judge"]
        assert difference["low"] < 0 < difference["high"]


def test_without_judges_parts_are_counted_only() -> None:
    _, parts = parted(np.zeros(100))
    assert judge_slices({}, parts, "young")["male"] == {"n": 50}


def test_parts_are_genders_of_both_classes_and_ages_of_the_source(drawn_store: FaceStore) -> None:
    indices = {
        name: np.flatnonzero(drawn_store.labels == label)
        for label, name in enumerate(("young", "old"))
    }
    genders = np.where(np.arange(len(drawn_store.labels)) % 3 == 0, "male", "female")
    known = {name: genders[i] for name, i in indices.items()}
    ages = drawn_store.ages[indices["young"]]
    parts = slices_of(known, ages, "young", fewest=5)
    assert parts["male"].own_gap
    for name, chosen in indices.items():
        assert np.array_equal(parts["male"].masks[name], genders[chosen] == "male")
    by_age = [name for name in parts if "years" in name]
    assert len(by_age) == 2
    masks = [parts[name].masks for name in by_age]
    assert not any(parts[name].own_gap for name in by_age)
    assert all(m["old"].all() for m in masks)
    assert np.array_equal(masks[0]["young"], ~masks[1]["young"])
    assert not slices_of(known, ages, "young", fewest=10**6)
