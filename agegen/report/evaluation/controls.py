"""Which judge is fooled by what? Changes that age nobody, as every judge sees them."""

from agegen.evaluation.verdicts import is_adversarial, list_unable, moved
from agegen.report.evaluation.saved import Direction, SavedEvaluation, name_judge, tell
from agegen.report.parts.section import Missing, Section, Table

QUESTION = "Which judge is fooled by what?"


def answer(saved: SavedEvaluation) -> Section | Missing:
    """Answer with how far every control moves every judge."""
    if not saved.found.get("controls"):
        return Missing(QUESTION, "not measured: not asked for (--controls)")
    apart = [name for name in saved.found["controls"] if is_adversarial(name)]
    return Section(
        "controls",
        QUESTION,
        "Quel juge est trompé par quoi ?",
        [
            *(describe_judge(saved, judge) for judge in saved.judges),
            *(describe_adversarial(saved, name) for name in apart),
        ],
        tables=[tabulate(saved, direction) for direction in saved.directions],
        details=[
            "As above, of changes that age nobody: where one moves "
            "a judge, that judge takes something else for age."
        ],
    )


def shares(saved: SavedEvaluation, name: str, to: str) -> dict[str, dict]:
    """How far a control moves every judge's first score: see `SavedEvaluation.share`."""
    both = saved.found["controls"][name]
    return {j: moved(both[to][j][score], to, saved.found) for j, score in saved.judges.items()}


def describe_judge(saved: SavedEvaluation, judge: str) -> str:
    """Name the controls whose whole interval is above 0, of both directions."""
    if (judge, saved.judges[judge]) in list_unable(saved.found):
        return f"The {name_judge(judge)} is unable to judge: see the first question."
    harmless = [name for name in saved.found["controls"] if not is_adversarial(name)]
    parts = []
    for to in (direction.to for direction in saved.directions):
        known = {name: shares(saved, name, to)[judge] for name in harmless}
        clear = {name: share for name, share in known.items() if (share["low"] or 0.0) > 0}
        said = f"none of {len(known)} controls moves it that way"
        if clear:
            most = max(clear, key=lambda name: clear[name]["value"])
            said = f"{len(clear)} of {len(known)} controls move it, most {most}, by "
            said += tell(clear[most])
        parts.append(f"to {to}, {said}")
    return f"The {name_judge(judge)}: {'; '.join(parts)}."


def describe_adversarial(saved: SavedEvaluation, name: str) -> str:
    """Say how far adversarial noise moves every judge."""
    parts = []
    for to in (direction.to for direction in saved.directions):
        by = [f"the {name_judge(j)} by {tell(s)}" for j, s in shares(saved, name, to).items()]
        parts.append(f"to {to}, {', '.join(by)}")
    first = name_judge(next(iter(saved.judges)))
    return f"{name.capitalize()}, made against the {first}, moves: {'; '.join(parts)}."


def tabulate(saved: SavedEvaluation, direction: Direction) -> Table:
    """The generator, then every control, by every judge."""
    to, source = direction.to, direction.source
    own = {judge: saved.share(to, judge) for judge in saved.judges}
    every = {"these pictures" if saved.is_of_pairs else "the generator": own}
    every |= {name: shares(saved, name, to) for name in saved.found["controls"]}
    return Table(
        f"{saved.measure.capitalize()} towards {to}, n = {direction.n:,} {source} faces",
        ("change", *(name_judge(judge) for judge in saved.judges)),
        [[name, *(tell(share) for share in by.values())] for name, by in every.items()],
    )
