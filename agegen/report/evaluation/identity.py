"""Is it still the same person? What the matchers say."""

from agegen.report.evaluation.saved import SavedEvaluation, number, tell
from agegen.report.parts.section import Section, Table

QUESTION = "Is it still the same person?"
FALSE_ACCEPTS = 0.001
"""Share of pairs of different people below the threshold: `agegen.evaluation.matching` sets it."""


def why_missing(saved: SavedEvaluation) -> str:
    """Why no matcher compared identities."""
    return "" if list_matchers(saved) else saved.note("identity")


def list_matchers(saved: SavedEvaluation) -> list[str]:
    """All matchers that compared."""
    return list(saved.found["directions"][saved.directions[0][1]]["matchers"])


def answer(saved: SavedEvaluation) -> Section:
    """Answer with how many generated faces are verified."""
    return Section(
        "identity",
        QUESTION,
        "Est-ce toujours la même personne ?",
        [
            describe(saved, matcher, source, to)
            for matcher in list_matchers(saved)
            for source, to in saved.directions
        ],
        tables=[tabulate(saved)],
        details=[explain_threshold(saved)],
    )


def describe(saved: SavedEvaluation, matcher: str, source: str, to: str) -> str:
    """Say how many faces of one direction are verified, and how near they are."""
    figures = saved.found["directions"][to]["matchers"][matcher]
    return (
        f"{saved.faces(source)} made {to}: a share of {tell(figures['verified'])} is "
        f"verified as the same person by the matcher {matcher}; their mean distance to their "
        f"source is {tell(figures['distance'])}, that of different people's real faces "
        f"{number(figures['others'], 2)}."
    )


def tabulate(saved: SavedEvaluation) -> Table:
    """Every matcher, both directions."""
    rows = []
    for matcher in list_matchers(saved):
        for source, to in saved.directions:
            figures = saved.found["directions"][to]["matchers"][matcher]
            rows.append([matcher, f"made {to}", f"{saved.found['n'][source]:,}", *cells(figures)])
    return Table("Distances of faces, and how many are verified", HEADER, rows)


HEADER = ("matcher", "faces", "n", "distance", "of others", "threshold", "verified")


def cells(figures: dict) -> list[str]:
    """Distance, that of others, threshold, verified."""
    return [tell(figures[name]) for name in ("distance", "others", "threshold", "verified")]


def explain_threshold(saved: SavedEvaluation) -> str:
    """Say how the threshold is set, and on how few pairs it may rest."""
    most = [n * (n - 1) // 2 for n in saved.found["n"].values()]
    pairs = " and ".join(f"{n:,}" for n in most)
    text = (
        f"Verified: nearer to its source than the threshold, below which {100 * FALSE_ACCEPTS:g} % "
        "of the pairs of real faces of different people are. Each direction has its own, of its "
        f"source faces: at most {pairs} pairs."
    )
    if min(most) * FALSE_ACCEPTS < 10:
        text += (
            " That few pairs leave few below it: the thresholds are uncertain themselves, which "
        )
        text += "the intervals do not contain."
    return text
