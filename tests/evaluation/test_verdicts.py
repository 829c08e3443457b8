"""A shift is evidence only where its whole interval is beyond every control's."""

import pytest

from agegen.evaluation.verdicts import compare_with_controls, list_unable, without_unable

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
