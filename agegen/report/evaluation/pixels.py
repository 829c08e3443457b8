"""Do the changed pixels coincide with those that the classifier looks at?"""

from functools import partial

from agegen.report.evaluation.figures import draw_maps
from agegen.report.evaluation.saved import Direction, SavedEvaluation, name_judge, tell
from agegen.report.parts.section import Missing, Section, Table
from agegen.report.parts.style import Picture, picture
from agegen.report.parts.wording import is_clear

QUESTION = "Do the changed pixels coincide with those the classifier looks at?"
CORRELATIONS = ("own", "control", "difference")


def answer(saved: SavedEvaluation) -> Section | Missing:
    """Answer with the correlation of the maps, and with their means."""
    measured = [direction for direction in saved.directions if direction.figures["agreement"]]
    if not measured:
        return Missing(QUESTION, saved.note("agreement"))
    found = {direction.to: direction.figures["agreement"] for direction in measured}
    return Section(
        "pixels",
        QUESTION,
        "Les pixels modifiés coïncident-ils avec ceux que le classificateur regarde ?",
        [describe(agreement, to) for to, agreement in found.items()],
        tables=[
            Table(
                "Rank correlation of changed and attributed pixels",
                ("faces", "n", *CORRELATIONS),
                [
                    [f"made {to}", f"{a['n']:,}", *(tell(a[k], 3) for k in CORRELATIONS)]
                    for to, a in found.items()
                ],
            )
        ],
        pictures=[draw(saved, direction) for direction in measured],
        details=[
            "Each face's map of change, |translated − source| summed over colours, is compared "
            "with its map of attribution (magnitude of integrated gradients) by Spearman's "
            "correlation over pixels, both blurred alike; control: with that of another face, as "
            "faces are laid out alike and any two maps agree somewhat. Of the first n faces of the "
            "class, as many as the table says."
        ],
    )


def describe(agreement: dict, to: str) -> str:
    """Say whether a face's maps agree more than those of two faces."""
    difference = agreement["difference"]
    verdict = "which the layout of any face explains as well"
    if is_clear(difference):
        verdict = (
            "more than the layout of faces explains"
            if difference["low"] > 0
            else "less than with another face: it changes other places than those the classifier "
            "looks at in this very face"
        )
    return (
        f"Made {to}: the correlation is {tell(agreement['own'])} with a face's own attributions, "
        f"{tell(agreement['control'])} with another face's; the difference is {tell(difference)}, "
        f"{verdict}."
    )


def draw(saved: SavedEvaluation, direction: Direction) -> Picture:
    """The mean maps of one direction."""
    agreement, to = direction.figures["agreement"], direction.to
    judge = name_judge(next(iter(saved.judges)))
    maps = {
        "changed by the generator": agreement["changed"],
        f"looked at by the {judge}": agreement["attributed"],
    }
    told = ", ".join(f"{k} {tell(agreement[k], 3)}" for k in CORRELATIONS)
    side = len(agreement["changed"])
    return picture(
        f"Mean maps, made {to}", f"{direction.source} faces made {to}, n = {agreement['n']:,}",
        partial(draw_maps, maps=maps),
        f"Left, where faces were changed; right, where the {judge} looks. Correlation: {told}.",
        f"Means over faces, {side} × {side} cells; at most 1 % of a map's are beyond the scale. "
        f"Rank correlation per face: {told}.",
    )  # fmt: skip
