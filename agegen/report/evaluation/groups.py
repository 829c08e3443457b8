"""For whom does it work? Shares of the gap of parts of the faces, by gender and age."""

from agegen.report.evaluation.saved import SavedEvaluation, name_judge, tell
from agegen.report.parts.section import Section, Table
from agegen.report.parts.wording import is_clear

QUESTION = "For whom does it work?"


def why_missing(saved: SavedEvaluation) -> str:
    """Why there are no parts."""
    if any(direction["slices"] for direction in saved.found["directions"].values()):
        return ""
    return "not measured: no part of these faces by known gender or age is large enough"


def answer(saved: SavedEvaluation) -> Section:
    """Answer with the shares of the parts."""
    wanted = [d for d in saved.directions if saved.found["directions"][d[1]]["slices"]]
    return Section(
        "groups",
        QUESTION,
        "Pour qui cela fonctionne-t-il ?",
        [describe(saved, to) for _, to in wanted],
        tables=[tabulate(saved, source, to) for source, to in wanted],
        details=[
            "Parts of the source faces, where the store knows gender or age and the part is not "
            "small. A gender's shift is measured against its own gap between real young and old "
            "faces, an age's against that of all. A difference is clear where its 95 % interval "
            "leaves 0 out, which happens by chance to one in twenty that are none."
        ],
    )


def describe(saved: SavedEvaluation, to: str) -> str:
    """Compare genders with each other, and ages, by the first judge."""
    judge = next(iter(saved.judges))
    direction = saved.found["directions"][to]
    parts = direction["slices"]
    if all(part[judge]["value"] is None for part in parts.values()):
        return f"Made {to}: the shares of all parts are undefined."
    contrasts = direction.get("contrasts", [])  # older evaluations have none
    shares = [f"{name} {tell(part[judge])}" for name, part in parts.items()]
    told = ", ".join([f"all faces {tell(saved.share(to, judge))}", *shares])
    sentences = [f"Made {to}, share of the gap by the {name_judge(judge)}: {told}."]
    sentences += [compare(contrast, judge) for contrast in contrasts]
    return " ".join(sentences)


def compare(contrast: dict, judge: str) -> str:
    """Whether two parts' shares differ clearly."""
    difference = contrast["judges"][judge]
    pair = f"{contrast['first']} less {contrast['second']}"
    if difference["low"] is None:
        return f"Of {pair}, the difference is undefined."
    verdict = "clear" if is_clear(difference) else "not clear"
    return f"{pair[0].upper()}{pair[1:]}: {tell(difference)}, {verdict}."


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
