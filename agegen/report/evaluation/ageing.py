"""How far did the faces age? Every judge's share of the real gap, beside the controls."""

from functools import partial

from agegen.evaluation.verdicts import Verdict, compare_with_controls, has_gaps, list_unable
from agegen.report.evaluation.figures import draw_forest, frame, list_shares
from agegen.report.evaluation.saved import (
    DIGITS,
    SavedEvaluation,
    listed,
    name_judge,
    name_score,
    tell,
)
from agegen.report.parts.section import Section, Table
from agegen.report.parts.style import Picture, picture

QUESTION = "How far did the faces age?"
COLUMNS = {
    "before": "before",
    "after": "after",
    "shift": "shift",
    "share_of_gap": "share of the gap",
    "reached": "reached",
}


def why_missing(_: SavedEvaluation) -> str:
    """It never is."""
    return ""


def answer(saved: SavedEvaluation) -> Section:
    """Answer with every judge's shift, and whether it is evidence."""
    return Section(
        "ageing",
        QUESTION,
        "De combien les visages ont-ils vieilli ou rajeuni ?",
        [
            *(describe_shares(saved, source, to) for source, to in saved.directions),
            *describe_verdicts(saved),
            *describe_limits(saved),
        ],
        tables=[
            *(tabulate(saved, source, to) for source, to in saved.directions),
            *tabulate_steps(saved),
        ],
        pictures=[draw(saved)] if has_gaps(saved.found) else [],
        details=[
            "Share of the gap: mean shift towards the age aimed at, over the difference between "
            "the means of real old and real young faces by the same judge: 1 is as far as these "
            "are apart, 0 is nothing, less than 0 is the wrong way. Reached: share of the faces on "
            "the aimed side of the middle between these means. Shifts are raw: made young, they "
            "are negative where faces became younger.",
            *describe_frozen(saved),
        ],
    )


def describe_shares(saved: SavedEvaluation, source: str, to: str) -> str:
    """Say how far the faces of one direction moved, by every judge."""
    shares = [
        f"{tell(saved.share(to, judge))} by the {name_judge(judge)}" for judge in saved.judges
    ]
    years = saved.found["directions"][to]["judges"].get("age_estimator", {}).get("years")
    rest = ""
    if years:
        before, after = (tell(years[name], 1) for name in ("before", "after"))
        rest = f" The age estimator gave them {before} years before and {after} after."
    n = saved.found["n"][source]
    return (
        f"{saved.faces(source)} made {to} (n = {n:,}) moved by this {saved.measure}: "
        f"{'; '.join(shares)}.{rest}"
    )


def describe_verdicts(saved: SavedEvaluation) -> list[str]:
    """Say of each direction by which judges it is beyond every control; or that none was judged."""
    verdicts = compare_with_controls(saved.found)
    if not verdicts:
        return [
            "No controls were judged (--controls): how far changes that age nobody move these "
            "judges is unknown, and with it whether the shifts are evidence of ageing.",
            *describe_unable(saved),
        ]
    sentences = []
    for _, to in saved.directions:
        mine = [verdict for verdict in verdicts if verdict.to == to]
        beyond = listed([name_judge(v.judge) for v in mine if v.beyond])
        within = listed([name_judge(v.judge) for v in mine if v.able and not v.beyond])
        parts = [f"beyond every control according to the {beyond}"] if beyond else []
        parts += [f"no evidence of ageing according to the {within}"] if within else []
        sentences += [f"Made {to}: {'; '.join(parts)}."] if parts else []
    return [*sentences, *describe_unable(saved)]


def describe_unable(saved: SavedEvaluation) -> list[str]:
    """Name the judges whose first score does not tell the real classes apart, with their gap."""
    unable = list_unable(saved.found)
    gaps = [
        f"the {name_judge(judge)} ({name_score(score)}: {tell(unable[judge, score], 3)})"
        for judge, score in saved.judges.items()
        if (judge, score) in unable
    ]
    if not gaps:
        return []
    return [
        f"Unable to judge: {listed(gaps)}. In brackets the gap between real old and real young "
        "faces, which is not clearly above 0: shares of it say nothing and are left undefined."
    ]


def describe_limits(saved: SavedEvaluation) -> list[str]:
    """Name the control that moved each judge farthest; adversarial noise apart."""
    verdicts = [v for v in compare_with_controls(saved.found) if v.able]
    if not verdicts:
        return []
    limits = "; ".join(
        f"made {to}, " + ", ".join(name_limit(v) for v in verdicts if v.to == to)
        for _, to in saved.directions
    )
    return [
        f"A shift is beyond every control if its whole interval is above theirs. Farthest "
        f"reached: {limits}. Adversarial noise, made against the first judge, is left out."
    ]


def name_limit(verdict: Verdict) -> str:
    """The farthest control of a judge."""
    return f"{name_judge(verdict.judge)}: {verdict.farthest}, up to {verdict.limit:.2f}"


def describe_frozen(saved: SavedEvaluation) -> list[str]:
    """Say that the judges were frozen, where it was checked."""
    if not saved.found.get("judges_unchanged"):
        return []
    return ["The judges' weights were the same before and after: nothing was fitted to them here."]


def tabulate(saved: SavedEvaluation, source: str, to: str) -> Table:
    """Every judge and score of one direction."""
    rows = []
    for judge, scores in saved.found["directions"][to]["judges"].items():
        for score, figures in scores.items():
            unit = {"before", "after", "shift"}
            cells = [
                tell(figures[name], DIGITS.get(score, 3) if name in unit else 2) for name in COLUMNS
            ]
            rows.append([name_judge(judge), name_score(score), *cells])
    caption = f"{saved.faces(source)} made {to}, n = {saved.found['n'][source]:,}"
    return Table(caption, ("judge", "score", *COLUMNS.values()), rows)


def tabulate_steps(saved: SavedEvaluation) -> list[Table]:
    """Shares of faces that moved by at least so much, of each judge that has steps."""
    tables = []
    for judge, score in saved.judges.items():
        both = {to: d["judges"][judge][score] for to, d in saved.found["directions"].items()}
        steps = [name for name in both[saved.directions[0][1]] if name.startswith("moved_")]
        if steps:
            rows = [
                [f"made {to}", f"{saved.found['n'][source]:,}", *(tell(both[to][s]) for s in steps)]
                for source, to in saved.directions
            ]
            caption = f"Share of the faces that moved the right way by so many {name_score(score)} "
            caption += f"or more, by the {name_judge(judge)}"
            header = ("faces", "n", *(step.removeprefix("moved_") for step in steps))
            tables.append(Table(caption, header, rows))
    return tables


def draw(saved: SavedEvaluation) -> Picture:
    """The forest plot of both directions."""
    panels = list_shares(saved)
    outside = frame(panels).outside
    each = "; ".join(
        f"made {panel.to}, {row.name}: {tell(row.share)}" for panel in panels for row in panel.rows
    )
    caption = "Filled: the generator, by each judge's first score, with 95 % intervals. "
    if saved.found.get("controls"):
        caption += (
            "Grey: changes that age nobody. Cross: adversarial noise against the first judge. "
        )
    caption += "Lines at 0, nothing, and 1, as far as real faces are apart."
    if outside:
        caption += f" {outside:,} of the values lie outside the frame: see the tables."
    sample = " and ".join(f"{n:,} {name}" for name, n in saved.found["n"].items())
    which = "pairs" if saved.is_of_pairs else f"{saved.found['split']} split"
    return picture(
        "Share of the real gap", f"{which}, n = {sample} faces",
        partial(draw_forest, panels=panels), f"{each}.", caption,
        height=1.3 + 2 * (0.3 + 0.5 * len(saved.judges)), wide=True,
    )  # fmt: skip
