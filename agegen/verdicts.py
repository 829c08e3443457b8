"""Is a shift of age beyond that of changes that age nobody? Decided once, for text and page."""

from typing import NamedTuple


class Verdict(NamedTuple):
    """One judge's shift in one direction beside the controls.

    Attributes:
        to: the class aimed at.
        judge: its name.
        score: its first one.
        share: of the real gap, ``{"value": …, "low": …, "high": …}``; None where undefined.
        farthest: the control whose interval reaches farthest.
        limit: how far that is, as a share of the gap.
        beyond: True if the share's whole interval is farther than that.
    """

    to: str
    judge: str
    score: str
    share: dict
    farthest: str
    limit: float
    beyond: bool


def is_adversarial(control: str) -> bool:
    """True of noise that is made against the first judge, whom it fools by design."""
    return control.startswith("adversarial")


def compare_with_controls(found: dict) -> list[Verdict]:
    """Compare every judge's first score with its controls, adversarial noise apart.

    Args:
        found: an evaluation's figures, see `agegen.cyclegan.evaluate_run`.

    Returns:
        One for each direction and judge; none where no controls were judged.
    """
    verdicts = []
    for to, direction in found["directions"].items():
        for judge, scores in direction["judges"].items():
            score, figures = next(iter(scores.items()))
            reached = {
                name: both[to][judge][score]["share_of_gap"]["high"] or 0.0
                for name, both in found.get("controls", {}).items()
                if not is_adversarial(name)
            }
            if reached:
                share, farthest = figures["share_of_gap"], max(reached, key=lambda n: reached[n])
                limit = reached[farthest]
                beyond = share["low"] is not None and share["low"] > limit
                verdicts.append(Verdict(to, judge, score, share, farthest, limit, beyond))
    return verdicts
