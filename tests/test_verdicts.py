"""A shift is evidence only where its whole interval is beyond every control's."""

import pytest

from agegen.verdicts import compare_with_controls

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
