"""Is it still the same person? What the matchers say."""

from agegen.report.evaluation.saved import Direction, SavedEvaluation, number, tell
from agegen.report.parts.section import Missing, Section, Table

QUESTION = "Is it still the same person?"
FALSE_ACCEPTS = 0.001
"""Share of pairs of different people below the threshold: `agegen.evaluation.matching` sets it."""
COLUMNS = {
    "distance": "distance", "others": "of others", "threshold": "threshold", "verified": "verified",
}  # fmt: skip


def answer(saved: SavedEvaluation) -> Section | Missing:
    """Answer with how many generated faces are verified."""
    found = [
        (matcher, direction, direction.figures["matchers"][matcher])
        for matcher in saved.directions[0].figures["matchers"]
        for direction in saved.directions
    ]
    if not found:
        return Missing(QUESTION, saved.note("identity"))
    return Section(
        "identity",
        QUESTION,
        "Est-ce toujours la même personne ?",
        [describe(matcher, direction, figures) for matcher, direction, figures in found],
        tables=[
            Table(
                "Distances of faces, and how many are verified",
                ("matcher", "faces", "n", *COLUMNS.values()),
                [
                    [matcher, f"made {direction.to}", f"{direction.n:,}", *cells(figures)]
                    for matcher, direction, figures in found
                ],
            )
        ],
        details=[explain_threshold(saved)],
    )


def describe(matcher: str, direction: Direction, figures: dict) -> str:
    """Say how many faces of one direction are verified, and how near they are."""
    return (
        f"{direction.name}: a share of {tell(figures['verified'])} is verified as the same person "
        f"by the matcher {matcher}; their mean distance to their source is "
        f"{tell(figures['distance'])}, that of different people's real faces "
        f"{number(figures['others'], 2)}."
    )


def cells(figures: dict) -> list[str]:
    """What a matcher says, for a table."""
    return [tell(figures[name]) for name in COLUMNS]


def explain_threshold(saved: SavedEvaluation) -> str:
    """Say how the threshold is set, and on how few pairs it may rest."""
    most = [n * (n - 1) // 2 for n in saved.found["n"].values()]
    few = (
        " That few pairs leave few below it: the thresholds are uncertain themselves, which the "
        "intervals do not contain."
    )
    return (
        f"Verified: nearer to its source than the threshold, below which {100 * FALSE_ACCEPTS:g} % "
        "of the pairs of real faces of different people are. Each direction has its own, of its "
        f"source faces: at most {' and '.join(f'{n:,}' for n in most)} pairs."
        + (few if min(most) * FALSE_ACCEPTS < 10 else "")
    )
