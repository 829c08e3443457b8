"""For whom does it work? Shares of the gap of parts of the faces, by gender and age."""

from agegen.evaluation.verdicts import has_gaps
from agegen.report.evaluation.saved import Direction, SavedEvaluation, name_judge, tell
from agegen.report.parts.section import Missing, Section, Table
from agegen.report.parts.wording import is_clear

QUESTION = "For whom does it work?"


def answer(saved: SavedEvaluation) -> Section | Missing:
    """Answer with the shares of the parts."""
    wanted = [direction for direction in saved.directions if direction.figures["slices"]]
    if not wanted:
        why = (
            "not measured: no part of these faces by known gender or age is large enough"
            if has_gaps(saved.found)
            else "not measured: it needs real faces (--faces)"
        )
        return Missing(QUESTION, why)
    return Section(
        "groups",
        QUESTION,
        "Pour qui cela fonctionne-t-il ?",
        [describe(saved, direction) for direction in wanted],
        tables=[tabulate(saved, direction) for direction in wanted],
        details=[
            "Parts of the source faces, where the store knows gender or age and the part is not "
            "small. A gender's shift is measured against its own gap between real young and old "
            "faces, an age's against that of all. A difference is clear where its 95 % interval "
            "leaves 0 out, which happens by chance to one in twenty that are none."
        ],
    )


def describe(saved: SavedEvaluation, direction: Direction) -> str:
    """Compare genders with each other, and ages, by the first judge."""
    judge, parts = next(iter(saved.judges)), direction.figures["slices"]
    if all(part[judge]["value"] is None for part in parts.values()):
        return f"Made {direction.to}: the shares of all parts are undefined."
    shares = [f"all faces {tell(saved.share(direction.to, judge))}"]
    shares += [f"{name} {tell(part[judge])}" for name, part in parts.items()]
    said = f"Made {direction.to}, share of the gap by the {name_judge(judge)}: {', '.join(shares)}."
    for contrast in direction.figures.get("contrasts", []):  # older evaluations have none
        difference = contrast["judges"][judge]
        pair = f"{contrast['first']} less {contrast['second']}"
        verdict = "clear" if is_clear(difference) else "not clear"
        said += (
            f" Of {pair}, the difference is undefined."
            if difference["low"] is None
            else f" {pair[0].upper()}{pair[1:]}: {tell(difference)}, {verdict}."
        )
    return said


def tabulate(saved: SavedEvaluation, direction: Direction) -> Table:
    """All faces, then every part, by every judge."""
    own = {judge: saved.share(direction.to, judge) for judge in saved.judges}
    parts = {"all": own | {"n": direction.n}} | direction.figures["slices"]
    return Table(
        f"Share of the gap, made {direction.to}",
        (f"{direction.source} faces", "n", *(name_judge(judge) for judge in saved.judges)),
        [
            [name, f"{part['n']:,}", *(tell(part[judge]) for judge in saved.judges)]
            for name, part in parts.items()
        ],
    )
