"""Over strengths: more shift, fewer persons kept, at strength 1 what an evaluation says."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from known_people import Ages, Means, people_at_random
from torch import Tensor

from agegen.evaluation.held_out import HeldOut
from agegen.evaluation.panel import Panel
from agegen.evaluation.trade_off import STRENGTHS, measure_trade_off
from agegen.metrics import bootstrap_weights
from agegen.report.evaluation import trade_off as section
from agegen.report.evaluation.saved import SavedEvaluation
from agegen.report.parts.section import Missing, Section


class Brightness:
    """Takes brightness for age."""

    name = "age_estimator"

    def scores(self, faces: Tensor) -> dict[str, Tensor]:
        return {"years": 100 * faces.mean(dim=(1, 2, 3)).double()}


def held_out_at_random(seed: int) -> HeldOut:
    """Thirty faces of a class, old ones brighter."""
    rng = torch.Generator().manual_seed(seed)
    faces = {
        name: (0.4 * torch.rand(30, 3, 32, 32, generator=rng) - 0.2).add_(shift)
        for name, shift in (("young", -0.2), ("old", 0.2))
    }
    return HeldOut(
        faces,
        {name: bootstrap_weights(30, seed=1) for name in faces},
        {name: np.arange(30) for name in faces},
        {name: np.arange(30) for name in faces},
    )


@pytest.mark.parametrize("seed", range(3))
def test_more_strength_is_more_shift_and_fewer_persons(seed: int) -> None:
    people, held_out = people_at_random(seed), held_out_at_random(seed)
    shipped = {"young": 0.75, "old": 0.75}
    panel = Panel([Brightness()], [Means()])
    found = measure_trade_off(Ages(), held_out, panel, people, shipped)
    for points in found.values():
        assert [point["strength"] for point in points] == list(STRENGTHS)
        shares = [point["shares"]["age_estimator"]["value"] for point in points]
        assert np.allclose(np.diff(shares), shares[0])
        assert shares[3] == pytest.approx(0.75, abs=0.02)
        kept = [point["verified"]["means"]["value"] for point in points]
        assert sorted(kept, reverse=True) == kept
        gains = [point["gains"]["means"]["value"] for point in points]
        assert gains[0] > 0
        assert len(set(gains)) == len(STRENGTHS)
    saved = SavedEvaluation(
        Path("x.json"),
        {"trade_off": found, "split": "test", "n": {"young": 30, "old": 30}, "strength": {}},
    )
    answer = section.answer(saved)
    assert isinstance(answer, Section)
    assert len(answer.pictures) == 2
    assert "of the gap" in answer.answer[0]
    assert isinstance(section.answer(SavedEvaluation(Path("x.json"), {})), Missing)


def test_the_shipped_strength_is_measured_and_filled() -> None:
    held_out = held_out_at_random(0)
    shipped = {"young": 0.9, "old": 1.1}
    panel = Panel([Brightness()], [Means()])
    found = measure_trade_off(Ages(), held_out, panel, None, shipped)
    for to, points in found.items():
        strengths = [point["strength"] for point in points]
        assert strengths == sorted({*STRENGTHS, shipped[to]})
    saved = {"trade_off": found, "split": "test", "n": {"young": 3, "old": 3}, "strength": shipped}
    answer = section.answer(SavedEvaluation(Path("x.json"), saved))
    assert isinstance(answer, Section)
    for to, said in zip(found, answer.answer, strict=True):
        assert f"made {to}" in said.lower()
        assert f"at strength {shipped[to]:g}" in said


@pytest.mark.parametrize(
    ("hole", "seed"), [*product(("share", "verified", "gap", "all"), range(2))]
)
def test_what_is_undefined_is_left_out_of_the_curve(hole: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    figure = {"value": 0.5, "low": 0.4, "high": 0.6}
    points = [
        {
            "strength": strength,
            "shares": {"age_estimator": figure},
            "verified": {"dlib": figure},
            "gains": {},
        }
        for strength in STRENGTHS
    ]
    found: dict = {"trade_off": {"old": points}, "split": "test", "n": {"young": 3, "old": 3}}
    holes = points if hole == "all" else [points[rng.integers(len(points))]]
    for point in holes:
        where = "verified" if hole == "verified" else "shares"
        undefined = None if hole == "gap" else {"value": None, "low": None, "high": None}
        point[where] = dict.fromkeys(point[where], undefined)
    answer = section.answer(SavedEvaluation(Path("x.json"), found))
    assert isinstance(answer, Section)
    assert len(answer.pictures) == 1
