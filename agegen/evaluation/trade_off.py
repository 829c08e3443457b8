"""What more ageing costs: shift against the person, over strengths of the change.

One training gives a whole curve. A single point of it flatters whom it suits: any share of people
kept can be had by changing less.
"""

from functools import partial

from agegen.evaluation.evaluate import Made, moves_of, scores_of
from agegen.evaluation.held_out import HeldOut, Translator
from agegen.evaluation.matching import match
from agegen.evaluation.panel import Panel
from agegen.evaluation.real_pairs import People, gains_at, translate_people
from agegen.evaluation.selection import strengthened
from agegen.evaluation.shifts import judge_shift
from agegen.faces.records import DIRECTIONS
from agegen.run.distributed import in_shares

STRENGTHS = (0.25, 0.5, 0.75, 1.0, 1.25)


def measure_trade_off(
    translator: Translator,
    held_out: HeldOut,
    panel: Panel,
    people: People | None,
    shipped: dict[str, float],
) -> dict[str, list[dict]]:
    """Judge the same change at several strengths.

    Args:
        translator: at strength 1.
        held_out: real faces of both classes.
        panel: its first score of each judge, and its matchers, are asked.
        people: photos of the same people at both ages, if there are some.
        shipped: a strength by the class aimed at that is tried, too.

    Returns:
        By the class aimed at, for each of `STRENGTHS` and the shipped one, ascending:
        ``strength``; ``shares`` of the gap by judge; ``verified`` by matcher; ``gains`` by matcher:
        how much nearer to the person at that age, see `agegen.evaluation.real_pairs`.
    """
    scores = scores_of(panel.judges, held_out)
    found: dict[str, list[dict]] = {}
    for source, to in DIRECTIONS:
        faces, strengths = held_out.faces[source], sorted({*STRENGTHS, shipped[to]})
        whole = in_shares(partial(translator.translate, to=to), faces)
        weights, persons = held_out.weights[source], held_out.persons[source]
        known = translate_people(translator, people, to) if people else None
        gains = {m.name: gains_at(m, known, strengths) if known else [] for m in panel.matchers}
        own = {m.name: in_shares(m.embed, faces, faces) for m in panel.matchers}
        found[to] = []
        for number, strength in enumerate(strengths):
            fake = strengthened(faces, whole, strength)
            made = Made(faces, fake, None, source, weights, persons, {})
            shares = {}
            for judge in panel.judges:
                moves = moves_of(judge, made, fake, to, scores[judge.name], held_out)
                shares[judge.name] = judge_shift(next(iter(moves.values())), persons)[
                    "share_of_gap"
                ]
            verified = {
                m.name: match(own[m.name], in_shares(m.embed, fake, faces), weights, persons)
                for m in panel.matchers
            }
            found[to].append(
                {
                    "strength": strength,
                    "shares": shares,
                    "verified": {name: of["verified"] for name, of in verified.items()},
                    "gains": {name: of[number] for name, of in gains.items() if of},
                }
            )
    return found
