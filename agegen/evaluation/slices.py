"""For whom does it work? Shares of the gap of parts of the faces, by gender and age."""

from collections.abc import Callable
from itertools import combinations
from typing import NamedTuple

import numpy as np

from agegen import metrics
from agegen.evaluation.shifts import ByClass, Move, interval, share


class Part(NamedTuple):
    """Some of the held-out faces.

    Attributes:
        masks: bool (n,), by class, and of the translated faces.
        own_gap: whether their shift is measured against their own young–old gap, or that of all.
    """

    masks: dict[str, np.ndarray]
    own_gap: bool


def slices_of(
    genders: dict[str, np.ndarray], ages: np.ndarray, whose: str, fewest: int = 20
) -> dict[str, Part]:
    """Parts of the faces by gender, and by the age of those that are translated.

    Args:
        genders: str (n,) of each face, "" where it is unknown, by class and of the translated.
        ages: of the translated faces in years, int (n,); below 0 where they are unknown.
        whose: name of the translated faces in `genders`.
        fewest: smaller parts are left out.

    Returns:
        By name: a gender of all, with its own gap; an age, with all of the real faces.
    """
    everyone = {name: np.ones(len(of_all), dtype=bool) for name, of_all in genders.items()}
    found = {
        gender: Part({name: of_all == gender for name, of_all in genders.items()}, True)
        for gender in sorted(set(np.concatenate(list(genders.values()))) - {""})
    }
    known = ages[ages >= 0]
    if len(known):
        middle = int(np.median(known))
        for name, mask in (
            (f"up to {middle} years", (ages >= 0) & (ages <= middle)),
            (f"above {middle} years", ages > middle),
        ):
            found[name] = Part(everyone | {whose: mask}, False)
    return {
        name: part
        for name, part in found.items()
        if min(int(mask.sum()) for mask in part.masks.values()) >= fewest
    }


def judge_slices(moves: dict[str, Move], parts: dict[str, Part], whose: str) -> dict[str, dict]:
    """By the part's name, ``n`` translated faces and every judge's share, with its interval.

    A gender's shift is measured against its own gap, an age's against that of all.
    """
    return {
        name: {"n": int(part.masks[whose].sum())}
        | {judge: part_share(move, part) for judge, move in moves.items()}
        for name, part in parts.items()
    }


def compare_slices(moves: dict[str, Move], parts: dict[str, Part]) -> list[dict]:
    """Genders with each other, and ages: ``first``, ``second`` and the ``judges``' differences.

    The difference is the first part's share of the gap less the second's, with its 95 % interval.
    """
    return [
        {
            "first": one,
            "second": other,
            "judges": {
                judge: part_difference(move, parts[one], parts[other])
                for judge, move in moves.items()
            },
        }
        for one, other in combinations(parts, 2)
        if parts[one].own_gap == parts[other].own_gap
    ]


def part_share(move: Move, part: Part) -> dict:
    """Share of the gap by which some of the faces moved, with its interval."""
    return interval(share_of(move, part), move.weights)


def part_difference(move: Move, one: Part, other: Part) -> dict:
    """Share of the gap of one part less that of another, with its interval."""
    first, second = share_of(move, one), share_of(move, other)
    return interval(lambda w: first(w) - second(w), move.weights)


def share_of(move: Move, part: Part) -> Callable[[ByClass | None], np.ndarray]:
    """The share of a part as a figure of both classes' weights."""

    def figure(weights: ByClass | None) -> np.ndarray:
        everyone = {
            name: metrics.uniform(mask, None if weights is None else weights[name])
            for name, mask in part.masks.items()
        }
        inside = {name: everyone[name] * mask for name, mask in part.masks.items()}
        return share(move, inside, inside if part.own_gap else everyone)

    return figure
