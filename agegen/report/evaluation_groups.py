"""For whom does it work? Shares of the gap of parts of the faces, by gender and age."""

from agegen.faces.records import DIRECTIONS
from agegen.report.evaluation_file import SavedEvaluation, name_judge, tell
from agegen.report.section import Section, Table

QUESTION = "For whom does it work?"


def why_missing(saved: SavedEvaluation) -> str:
    """Why there are no parts."""
    if any(direction["slices"] for direction in saved.found["directions"].values()):
        return ""
    return "not measured: no part of these faces by known gender or age is large enough"


def answer(saved: SavedEvaluation) -> Section:
    """Answer with the shares of the parts."""
    wanted = [d for d in DIRECTIONS if saved.found["directions"][d[1]]["slices"]]
    return Section(
        "groups",
        QUESTION,
        "Pour qui cela fonctionne-t-il ?",
        [describe(saved, to) for _, to in wanted],
        tables=[tabulate(saved, source, to) for source, to in wanted],
        details=[
            "Parts of the source faces, where the store knows gender or age and the part is not "
            "small. A gender's shift is measured against its own gap between real young and old "
            "faces, an age's against that of all."
        ],
    )


def describe(saved: SavedEvaluation, to: str) -> str:
    """Say for which parts it works most and least, by the first judge, and how surely."""
    judge = next(iter(saved.judges))
    parts = saved.found["directions"][to]["slices"]
    known = {name: p[judge] for name, p in parts.items() if p[judge]["value"] is not None}
    if not known:
        return f"Made {to}: the shares of all parts are undefined."
    most, least = (f(known, key=lambda name: known[name]["value"]) for f in (max, min))
    if most == least:
        told = f"{most} {tell(known[most])}, all faces {tell(saved.share(to, judge))}"
        return f"Made {to}, by the {name_judge(judge)}: only one part is large enough: {told}."
    low, high = known[most]["low"], known[least]["high"]
    apart = low is not None and high is not None and low > high
    said = "the intervals are apart" if apart else "the intervals overlap"
    return (
        f"Made {to}, by the {name_judge(judge)}: most for {most}, {tell(known[most])}; least for "
        f"{least}, {tell(known[least])}; {said}."
    )


def tabulate(saved: SavedEvaluation, source: str, to: str) -> Table:
    """All faces, then every part, by every judge."""
    rows = [
        [name, f"{part['n']:,}", *(tell(part[judge]) for judge in saved.judges)]
        for name, part in saved.found["directions"][to]["slices"].items()
    ]
    everyone = [tell(saved.share(to, judge)) for judge in saved.judges]
    rows.insert(0, ["all", f"{saved.found['n'][source]:,}", *everyone])
    header = (f"{source} faces", "n", *(name_judge(judge) for judge in saved.judges))
    return Table(f"Share of the gap, made {to}", header, rows)
