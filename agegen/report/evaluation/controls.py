"""Which judge is fooled by what? Changes that age nobody, as every judge sees them."""

from agegen.evaluation.verdicts import is_adversarial, list_unable, moved
from agegen.report.evaluation.saved import SavedEvaluation, name_judge, tell
from agegen.report.parts.section import Section, Table

QUESTION = "Which judge is fooled by what?"


def why_missing(saved: SavedEvaluation) -> str:
    """Why no controls were judged."""
    return "" if saved.found.get("controls") else "not measured: not asked for (--controls)"


def answer(saved: SavedEvaluation) -> Section:
    """Answer with how far every control moves every judge."""
    return Section(
        "controls",
        QUESTION,
        "Quel juge est trompé par quoi ?",
        [
            *(describe_judge(saved, judge) for judge in saved.judges),
            *(describe_adversarial(saved, name) for name in saved.found["controls"]
              if is_adversarial(name)),
        ],
        tables=[tabulate(saved, source, to) for source, to in saved.directions],
        details=[
            "As above, of changes that age nobody: where one moves "
            "a judge, that judge takes something else for age."
        ],
    )  # fmt: skip


def shares(saved: SavedEvaluation, name: str, to: str) -> dict[str, dict]:
    """How far a control moves every judge's first score: see `SavedEvaluation.share`."""
    both = saved.found["controls"][name]
    return {j: moved(both[to][j][score], to, saved.found) for j, score in saved.judges.items()}


def describe_judge(saved: SavedEvaluation, judge: str) -> str:
    """Name the controls whose whole interval is above 0, of both directions."""
    if (judge, saved.judges[judge]) in list_unable(saved.found):
        return f"The {name_judge(judge)} is unable to judge: see the first question."
    parts = []
    for _, to in saved.directions:
        known = {
            name: shares(saved, name, to)[judge]
            for name in saved.found["controls"]
            if not is_adversarial(name)
        }
        clear = {name: share for name, share in known.items() if (share["low"] or 0.0) > 0}
        if clear:
            most = max(clear, key=lambda name: clear[name]["value"])
            moved = f"{len(clear)} of {len(known)} controls move it, most {most}, by "
            parts.append(f"to {to}, {moved}{tell(clear[most])}")
        else:
            parts.append(f"to {to}, none of {len(known)} controls moves it that way")
    return f"The {name_judge(judge)}: {'; '.join(parts)}."


def describe_adversarial(saved: SavedEvaluation, name: str) -> str:
    """Say how far adversarial noise moves every judge."""
    parts = [
        f"to {to}, "
        + ", ".join(f"the {name_judge(j)} by {tell(s)}" for j, s in shares(saved, name, to).items())
        for _, to in saved.directions
    ]
    first = name_judge(next(iter(saved.judges)))
    return f"{name.capitalize()}, made against the {first}, moves: {'; '.join(parts)}."


def tabulate(saved: SavedEvaluation, source: str, to: str) -> Table:
    """The generator, then every control, by every judge."""
    own = {judge: saved.share(to, judge) for judge in saved.judges}
    every = {"these pictures" if saved.is_of_pairs else "the generator": own}
    every |= {name: shares(saved, name, to) for name in saved.found["controls"]}
    rows = [[name, *(tell(share) for share in by.values())] for name, by in every.items()]
    n = f"n = {saved.found['n'][source]:,} {source} faces"
    caption = f"{saved.measure.capitalize()} towards {to}, {n}"
    return Table(caption, ("change", *(name_judge(judge) for judge in saved.judges)), rows)
