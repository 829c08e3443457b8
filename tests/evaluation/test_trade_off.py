"""Over strengths: more shift, fewer persons kept, at strength 1 what an evaluation says."""

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


@pytest.mark.parametrize("seed", range(3))
def test_more_strength_is_more_shift_and_fewer_persons(seed: int) -> None:
    people = people_at_random(seed)
    rng = torch.Generator().manual_seed(seed)
    faces = {
        name: (0.4 * torch.rand(30, 3, 32, 32, generator=rng) - 0.2).add_(shift)
        for name, shift in (("young", -0.2), ("old", 0.2))
    }
    held_out = HeldOut(
        faces,
        {name: bootstrap_weights(30, seed=1) for name in faces},
        {name: np.arange(30) for name in faces},
        {name: np.arange(30) for name in faces},
    )
    found = measure_trade_off(Ages(), held_out, Panel([Brightness()], [Means()]), people)
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
