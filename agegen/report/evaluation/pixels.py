"""Do the changed pixels coincide with those that the classifier looks at?"""

from functools import partial

from agegen.report.evaluation.figures import draw_maps
from agegen.report.evaluation.saved import SavedEvaluation, name_judge, tell
from agegen.report.parts.section import Section, Table
from agegen.report.parts.style import Picture, picture
from agegen.report.parts.wording import is_clear

QUESTION = "Do the changed pixels coincide with those the classifier looks at?"


def why_missing(saved: SavedEvaluation) -> str:
    """Why maps were not compared."""
    return "" if measured(saved) else saved.note("agreement")


def measured(saved: SavedEvaluation) -> list[tuple[str, str]]:
    """The directions whose maps were compared."""
    return [d for d in saved.directions if saved.found["directions"][d[1]]["agreement"]]


def answer(saved: SavedEvaluation) -> Section:
    """Answer with the correlation of the maps, and with their means."""
    found = {to: saved.found["directions"][to]["agreement"] for _, to in measured(saved)}
    return Section(
        "pixels",
        QUESTION,
        "Les pixels modifiés coïncident-ils avec ceux que le classificateur regarde ?",
        [describe(agreement, to) for to, agreement in found.items()],
        tables=[tabulate(found)],
        pictures=[draw(saved, source, to) for source, to in measured(saved)],
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


def tabulate(found: dict[str, dict]) -> Table:
    """Correlations of both directions."""
    rows = [
        [f"made {to}", f"{a['n']:,}", *(tell(a[k], 3) for k in ("own", "control", "difference"))]
        for to, a in found.items()
    ]
    header = ("faces", "n", "own", "control", "difference")
    return Table("Rank correlation of changed and attributed pixels", header, rows)


def draw(saved: SavedEvaluation, source: str, to: str) -> Picture:
    """The mean maps of one direction."""
    agreement = saved.found["directions"][to]["agreement"]
    judge = name_judge(next(iter(saved.judges)))
    maps = {
        "changed by the generator": agreement["changed"],
        f"looked at by the {judge}": agreement["attributed"],
    }
    told = ", ".join(f"{k} {tell(agreement[k], 3)}" for k in ("own", "control", "difference"))
    side = len(agreement["changed"])
    return picture(
        f"Mean maps, made {to}", f"{source} faces made {to}, n = {agreement['n']:,}",
        partial(draw_maps, maps=maps),
        f"Left, where faces were changed; right, where the {judge} looks. Correlation: {told}.",
        f"Means over faces, {side} × {side} cells; at most 1 % of a map's are beyond the scale. "
        f"Rank correlation per face: {told}.",
    )  # fmt: skip
