"""For whom does it work? Shares of the gap of parts of the faces, by gender and age."""

from collections.abc import Callable
from itertools import combinations
from typing import NamedTuple

import numpy as np

from agegen import metrics
from agegen.evaluation.shifts import ByClass, interval, share
from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import FaceStore


class Part(NamedTuple):
    """Some of the held-out faces.

    Attributes:
        masks: bool (n,), by class.
        own_gap: whether their shift is measured against their own young–old gap, or that of all.
    """

    masks: dict[str, np.ndarray]
    own_gap: bool


class Move(NamedTuple):
    """What a judge's first score says of the faces before and after.

    Attributes:
        real: of the real faces of both classes, float64 (n,) each.
        after: of the source faces after their translation.
        direction: source and aim.
        weights: bootstrap resamples of both classes.
    """

    real: ByClass
    after: np.ndarray
    direction: tuple[str, str]
    weights: ByClass


def slices_of(
    store: FaceStore, indices: dict[str, np.ndarray], source: str, fewest: int = 20
) -> dict[str, Part]:
    """Parts of the held-out faces by what the store knows of them: gender, and the source's age.

    Args:
        store: whose faces they are.
        indices: numbers in the store, by class.
        source: the class that is translated.
        fewest: smaller parts are left out.

    Returns:
        By name: a gender in both classes, with its own gap; an age of the source, with all of the
        other class.
    """
    everyone = {name: np.ones(len(i), dtype=bool) for name, i in indices.items()}
    found = {
        gender: Part({name: store.genders[i] == gender for name, i in indices.items()}, True)
        for gender in sorted(set(store.genders[np.concatenate(list(indices.values()))]) - {""})
    }
    ages = store.ages[indices[source]]
    known = ages[ages >= 0]
    if len(known):
        middle = int(np.median(known))
        for name, mask in (
            (f"up to {middle} years", (ages >= 0) & (ages <= middle)),
            (f"above {middle} years", ages > middle),
        ):
            found[name] = Part(everyone | {source: mask}, False)
    return {
        name: part
        for name, part in found.items()
        if min(int(mask.sum()) for mask in part.masks.values()) >= fewest
    }


def first_moves(
    real: dict[str, dict[str, ByClass]],
    after: dict[str, dict[str, np.ndarray]],
    direction: tuple[str, str],
    weights: ByClass,
) -> dict[str, Move]:
    """Every judge's move by its first score."""
    firsts = {judge: next(iter(scores)) for judge, scores in after.items()}
    return {
        judge: Move(real[judge][score], after[judge][score], direction, weights)
        for judge, score in firsts.items()
    }


def judge_slices(moves: dict[str, Move], parts: dict[str, Part], source: str) -> dict[str, dict]:
    """By the part's name, ``n`` faces of the source and every judge's share, with its interval.

    A gender's shift is measured against its own gap, an age's against that of all.
    """
    return {
        name: {"n": int(part.masks[source].sum())}
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
            name: metrics.uniform(move.real[name], None if weights is None else weights[name])
            for name in CLASS_NAMES
        }
        inside = {name: everyone[name] * part.masks[name] for name in CLASS_NAMES}
        gap_of = inside if part.own_gap else everyone
        return share(move.real, move.after, move.direction, inside, gap_of)

    return figure
