"""A shift is evidence only where its whole interval is beyond every control's."""

import numpy as np
import pytest

from agegen.evaluation.shifts import Move, compare_judges
from agegen.evaluation.verdicts import (
    Verdict,
    agreed,
    compare_with_controls,
    list_unable,
    without_unable,
)
from agegen.metrics import bootstrap_weights

NOTHING = {"value": None, "low": None, "high": None}


def judged(low: float, high: float) -> dict:
    share = {"value": (low + high) / 2, "low": low, "high": high}
    return {"judge": {"score": {"share_of_gap": share}, "other": {}}}


def found(generator: dict, **controls: dict) -> dict:
    return {
        "directions": {"old": {"judges": generator}},
        "controls": {name.replace("_", " "): {"old": made} for name, made in controls.items()},
    }


@pytest.mark.parametrize(
    ("low", "beyond"), [(0.31, True), (0.3, False), (0.1, False), (-0.5, False)]
)
def test_the_farthest_control_decides(low: float, beyond: bool) -> None:
    controls = {"blur": judged(0.1, 0.3), "no_change": judged(0.0, 0.0)}
    (verdict,) = compare_with_controls(found(judged(low, 0.9), **controls))
    assert (verdict.beyond, verdict.farthest, verdict.limit) == (beyond, "blur", 0.3)
    assert (verdict.to, verdict.judge, verdict.score) == ("old", "judge", "score")


def test_adversarial_noise_is_no_control() -> None:
    content = found(judged(0.4, 0.5), blur=judged(0, 0.1), adversarial_noise=judged(0.8, 0.9))
    (verdict,) = compare_with_controls(content)
    assert verdict.beyond
    del content["controls"]["blur"]
    assert compare_with_controls(content) == []
    del content["controls"]
    assert compare_with_controls(content) == []


def test_an_undefined_share_is_no_evidence() -> None:
    content = found(judged(0.4, 0.5), blur=judged(-0.2, -0.1))
    content["directions"]["old"]["judges"]["judge"]["score"]["share_of_gap"] = NOTHING
    (verdict,) = compare_with_controls(content)
    assert not verdict.beyond


@pytest.mark.parametrize(
    ("low", "able"), [(0.01, True), (0.0, False), (-0.1, False), (-2.0, False), (None, False)]
)
def test_a_judge_without_a_gap_is_unable_to_judge(low: float | None, able: bool) -> None:
    content = found(judged(0.4, 0.5), blur=judged(0, 0.1))
    content["directions"]["old"]["slices"] = {"male": {"n": 30, "judge": {"value": 2.0}}}
    gap = {"value": low and low + 0.1, "low": low, "high": low and low + 0.2}
    content["gaps"] = {"judge": {"score": {"gap": gap}}}
    (verdict,) = compare_with_controls(content)
    assert verdict.able == verdict.beyond == able
    assert list_unable(content) == ({} if able else {("judge", "score"): gap})
    shown = without_unable(content)
    for judges in (shown["directions"]["old"]["judges"], shown["controls"]["blur"]["old"]):
        assert (judges["judge"]["score"]["share_of_gap"] == NOTHING) != able
    assert (shown["directions"]["old"]["slices"]["male"]["judge"] == NOTHING) != able
    assert content["directions"]["old"]["judges"] == judged(0.4, 0.5)  # left as it was


@pytest.mark.parametrize("seed", range(20))
def test_a_verdict_is_what_all_judges_in_years_see(seed: int) -> None:
    rng = np.random.default_rng(seed)
    share = {"value": 0.5, "low": 0.4, "high": 0.6}
    verdicts = [
        Verdict("old", f"judge {i}", score, share, "blur", 0.1, bool(beyond), bool(able))
        for i, (score, beyond, able) in enumerate(
            zip(
                rng.choice(["years", "log_odds"], 5), rng.integers(0, 2, 5), rng.integers(0, 2, 5),
                strict=True,
            )
        )
    ]  # fmt: skip
    mine = [v.beyond for v in verdicts if v.score == "years" and v.able]
    said = agreed(verdicts, "old")
    assert agreed(verdicts, "young") == ""
    assert bool(said) == (len(mine) >= 2)
    if said:
        assert said.startswith("ageing") == all(mine)
        assert said.startswith("no verdict") == (any(mine) and not all(mine))
        assert all(v.judge in said for v in verdicts if v.score == "years" and v.able)


def test_judges_who_see_the_same_shifts_correlate() -> None:
    rng = np.random.default_rng(0)
    before, after = rng.normal(size=(2, 40))
    weights = {"young": bootstrap_weights(40)}

    def move(a: np.ndarray, b: np.ndarray) -> Move:
        return Move({}, a, b, "old", "young", weights)

    first = {
        "one": move(before, after), "monotone": move(5 * before, 5 * after),
        "opposite": move(after, before), "other": move(*rng.normal(size=(2, 40))),
    }  # fmt: skip
    found = {tuple(pair["judges"]): pair["correlation"] for pair in compare_judges(first)}
    assert len(found) == 6
    assert found["one", "monotone"]["value"] == pytest.approx(1)
    assert found["one", "opposite"]["value"] == pytest.approx(-1)
    assert found["one", "other"]["low"] < 0 < found["one", "other"]["high"]
