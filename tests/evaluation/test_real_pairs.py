"""Faces beside what the people became: the truth gains, nothing gains nothing."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from known_people import Ages, Means, people_at_random
from scipy.spatial import procrustes as procrustes_of_scipy

from agegen.evaluation.panel import Panel
from agegen.evaluation.real_pairs import (
    AGES,
    GAPS,
    Aged,
    compare,
    evaluate_people,
    paired,
    procrustes,
    reference_line,
    shapes_of,
    verified,
)
from agegen.report.evaluation import real_pairs as section
from agegen.report.evaluation.saved import SavedEvaluation
from agegen.report.parts.section import Missing, Section
from agegen.run.errors import UserError


@pytest.mark.parametrize("seed", range(6))
def test_who_ages_as_people_do_comes_nearer_to_them(seed: int) -> None:
    people = people_at_random(seed)
    found = evaluate_people(Ages(), people, Panel([], [Means()]), controls=False)
    for to, of in found["directions"].items():
        said = of["matchers"]["means"]
        assert said["gain"]["low"] > 0, to
        assert said["gain"]["value"] == pytest.approx(
            said["before"]["value"] - said["after"]["value"]
        )
        assert said["own"]["value"] == pytest.approx(
            said["gain"]["value"] - said["strangers"]["value"]
        )
        assert 0 < said["parts"]["half as strong"]["value"] < said["gain"]["value"]
        # what is coarse here is all of it
        coarse, fine = (said["parts"][name]["value"] for name in list(said["parts"])[:2])
        assert coarse > 0.9 * said["gain"]["value"] > abs(fine)


@pytest.mark.parametrize("seed", range(3))
def test_pairs_are_those_of_one_person_at_both_ages(seed: int) -> None:
    people = people_at_random(seed)
    found = evaluate_people(Ages(), people, Panel([], [Means()]), controls=False)["directions"]
    entries = list(zip(people.persons, people.ages, strict=True))
    years = [
        abs(one[1] - other[1])
        for one in entries
        for other in entries
        if one[0] == other[0]
        and AGES["young"][0] <= one[1] <= AGES["young"][1]
        and AGES["old"][0] <= other[1] <= AGES["old"][1]
    ]
    for of in found.values():
        assert of["pairs"] == len(years)
        assert of["years"] == pytest.approx(np.mean(years))


def test_nothing_done_gains_nothing_and_controls_are_beside_it() -> None:
    people = people_at_random(1)
    views = Ages().views(people.images)
    mine, aim = paired(people, people, "old")
    same = Aged(
        views[mine], views[mine], views[aim], people.persons[mine], people.persons[aim],
        np.abs(people.ages[mine][:, None] - people.ages[aim]),
        np.zeros((len(mine), len(aim)), dtype=bool),
    )  # fmt: skip
    said = compare(same, Panel([], [Means()]), controls=True, seed=0)["matchers"]["means"]
    assert said["gain"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert said["verified"] == said["verified_made"]
    assert said["controls"]["no change"]["value"] == 0
    assert said["controls"]["brighter"]["value"] > 0  # of people who become bright


def test_the_reference_line_counts_adults_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agegen.evaluation.real_pairs.FEWEST_APART", 1)
    people = people_at_random(2)
    line = reference_line(Means(), people, Ages().views(people.images))
    for span in line:
        low, high = span["years"]
        assert (low, high) in pairwise(GAPS)
        adult = people.ages >= 18
        apart = np.abs(people.ages[:, None] - people.ages)
        same = people.persons[:, None] == people.persons
        here = adult[:, None] & adult & same & (apart >= low) & (apart < high)
        assert span["pairs"] == np.triu(here, 1).sum()
        assert 0 <= span["verified"]["low"] <= span["verified"]["value"] <= 1


@pytest.mark.parametrize("seed", range(6))
def test_few_strangers_tell_no_share_of_verified(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(seed)
    distances = rng.random((rng.integers(2, 40), rng.integers(2, 40)))
    same = rng.random(distances.shape) < 0.2
    same[0, 0], same[0, 1] = True, False
    persons = rng.integers(0, 5, same.sum())
    apart = int((~same).sum())
    monkeypatch.setattr("agegen.evaluation.real_pairs.FEWEST_APART", apart)
    share = verified(distances, same, persons)
    assert share["value"] == np.mean(distances[same] < np.quantile(distances[~same], 0.001))
    monkeypatch.setattr("agegen.evaluation.real_pairs.FEWEST_APART", apart + 1)
    assert verified(distances, same, persons)["value"] is None


@pytest.mark.parametrize("seed", range(6))
def test_shapes_have_no_place_size_or_tilt(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(seed)
    points = rng.random((7, 5, 2))
    angle, scale = rng.uniform(0, 7), rng.uniform(0.1, 9)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = points @ turn.T + rng.normal(size=(7, 1, 2))
    answers = iter([points, moved, points[::-1]])
    monkeypatch.setattr(
        "agegen.evaluation.real_pairs.landmarks_in", lambda *_: next(answers).copy()
    )
    one, same, other = (shapes_of(torch.zeros(7, 3, 8, 8), (0, 0, 1, 1)) for _ in range(3))
    assert np.allclose(procrustes(one, same), 0, atol=1e-6)
    assert (procrustes(one, other)[[0, 1, 2, 4, 5, 6]] > 0.01).all()
    # SciPy's disparity is this distance squared
    expected = [procrustes_of_scipy(a, b)[2] for a, b in zip(points, points[::-1], strict=True)]
    mirrored_too = procrustes(one, other) ** 2
    assert (mirrored_too >= np.array(expected) - 1e-9).all()


def test_too_few_people_and_no_matcher_are_said() -> None:
    people = people_at_random(3)
    children = people._replace(ages=np.full_like(people.ages, 12))
    with pytest.raises(UserError, match="two people or more with photos at both ages"):
        evaluate_people(Ages(), children, Panel([], [Means()]), controls=False)
    with pytest.raises(UserError, match="identity matcher"):
        evaluate_people(Ages(), people, Panel([]), controls=False)


def test_the_page_says_which_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agegen.evaluation.real_pairs.FEWEST_APART", 1)
    people = people_at_random(4)
    found = evaluate_people(Ages(), people, Panel([], [Means()]), controls=True)
    answer = section.answer(SavedEvaluation(Path("x.json"), {"real_pairs": found}))
    assert isinstance(answer, Section)
    assert "nearer to the person when older" in answer.answer[0]
    assert len(answer.pictures) == 2
    assert isinstance(section.answer(SavedEvaluation(Path("x.json"), {})), Missing)
