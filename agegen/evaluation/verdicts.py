"""Is a shift of age beyond that of changes that age nobody? Decided once, for text and page.

And can the judge tell real young faces from real old ones at all? A share of a gap that may be 0
says nothing.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import NamedTuple

from agegen.faces.records import CLASS_NAMES

UNDEFINED = {"value": None, "low": None, "high": None}


class Verdict(NamedTuple):
    """One judge's shift in one direction beside the controls.

    Attributes:
        to: the class aimed at.
        judge: its name.
        score: its first one.
        share: of the real gap, ``{"value": …, "low": …, "high": …}``; None where undefined. Where
            no real faces tell the gap: the shift towards the age aimed at, in the judge's own unit.
        farthest: the control whose interval reaches farthest.
        limit: how far that is, in the same measure.
        beyond: True if the share's whole interval is farther than that.
        able: False if the judge cannot tell real young faces from real old ones.
    """

    to: str
    judge: str
    score: str
    share: dict
    farthest: str
    limit: float
    beyond: bool
    able: bool


def agreed(verdicts: list[Verdict], to: str) -> str:
    """What the judges that say years, able ones, say together of a direction; "" of fewer than two.

    Ageing is what all of them see beyond every control: one alone may be fooled.
    """
    mine = [v for v in verdicts if v.to == to and v.score == "years" and v.able]
    if len(mine) < 2:
        return ""
    seen, names = sum(v.beyond for v in mine), ", ".join(v.judge.replace("_", " ") for v in mine)
    if seen == len(mine):
        every = "both" if seen == 2 else f"all {seen}"
        return f"ageing: {every} judges in years ({names}) see it beyond every control"
    return (
        f"no verdict: {seen} of {len(mine)} judges in years ({names}) see it beyond every control"
        if seen
        else f"no evidence of ageing: none of {len(mine)} judges in years ({names}) sees it beyond "
        "controls"
    )


def is_adversarial(control: str) -> bool:
    """True of noise that is made against the first judge, whom it fools by design."""
    return control.startswith("adversarial")


def compare_with_controls(found: dict) -> list[Verdict]:
    """Compare every judge's first score in each direction with its controls, if there are some.

    Adversarial noise is left out; `found` are the figures of `agegen.evaluation.evaluate`.
    """
    verdicts = []
    unable = list_unable(found)
    for to, direction in found["directions"].items():
        for judge, scores in direction["judges"].items():
            score, figures = next(iter(scores.items()))
            reached = {
                name: farthest_of(moved(both[to][judge][score], to, found))
                for name, both in found.get("controls", {}).items()
                if not is_adversarial(name)
            }
            if reached:
                share, farthest = moved(figures, to, found), max(reached, key=lambda n: reached[n])
                limit = reached[farthest]
                able = (judge, score) not in unable
                beyond = able and share["low"] is not None and share["low"] > limit
                verdicts.append(Verdict(to, judge, score, share, farthest, limit, beyond, able))
    return verdicts


def has_gaps(found: dict) -> bool:
    """Whether real faces told the gap; older evaluations do not say, and always had some."""
    return bool(found.get("gaps", True))


def moved(figures: dict, to: str, found: dict) -> dict:
    """How far a score moved towards the age aimed at: see `Verdict.share`."""
    if has_gaps(found):
        return figures["share_of_gap"]
    value, low, high = (figures["shift"][name] for name in ("value", "low", "high"))
    if to == CLASS_NAMES[1]:
        return figures["shift"]
    turned = {"value": value, "low": high, "high": low}
    return {name: None if x is None else -x for name, x in turned.items()}


def farthest_of(share: dict) -> float:
    """The upper end of a share's interval; the share itself without one, 0 if it is undefined."""
    return next((share[end] for end in ("high", "value") if share[end] is not None), 0.0)


def list_unable(found: dict) -> dict[tuple[str, str], dict]:
    """Judges' scores that are not clearly higher of real old faces than of real young ones.

    By judge and score, the gap: its 95 % interval holds 0, is below 0 or is undefined.
    """
    return {
        (judge, score): figures["gap"]
        for judge, scores in found.get("gaps", {}).items()
        for score, figures in scores.items()
        if figures["gap"]["low"] is None or not figures["gap"]["low"] > 0
    }


def without_unable(found: dict) -> dict:
    """The same figures; those that are relative to a gap that may be 0 are undefined."""
    unable = list_unable(found)
    first = {judge: next(iter(scores)) for judge, scores in found.get("gaps", {}).items()}
    blind = {judge for judge, score in first.items() if (judge, score) in unable}
    copy = deepcopy(found) if unable else found
    for judges in every_judgement(copy):
        for judge, score in unable:
            figures = judges.get(judge, {}).get(score, {})
            figures |= dict.fromkeys({"share_of_gap", "reached"} & figures.keys(), UNDEFINED)
    for direction in copy["directions"].values():
        for part in direction.get("slices", {}).values():
            part |= dict.fromkeys(blind & part.keys(), UNDEFINED)
        for contrast in direction.get("contrasts", []):
            contrast["judges"] |= dict.fromkeys(blind & contrast["judges"].keys(), UNDEFINED)
    for points in copy.get("trade_off", {}).values():
        for point in points:
            point["shares"] |= dict.fromkeys(blind & point["shares"].keys(), UNDEFINED)
    return copy


def every_judgement(found: dict) -> Iterator[dict]:
    """What the judges say of the generators, and of each control, in each direction."""
    yield from (direction["judges"] for direction in found["directions"].values())
    for both in found.get("controls", {}).values():
        yield from both.values()
