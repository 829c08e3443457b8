"""How far did the faces age? Every judge's share of the real gap, beside the controls."""

from functools import partial

from agegen.evaluation.verdicts import agreed, compare_with_controls, has_gaps, list_unable
from agegen.report.evaluation.figures import draw_forest, frame, list_shares
from agegen.report.evaluation.saved import (
    DIGITS,
    SCORES,
    Direction,
    SavedEvaluation,
    listed,
    name_judge,
    tell,
)
from agegen.report.parts.section import Section, Table
from agegen.report.parts.style import Picture, picture

COLUMNS = {
    "before": "before",
    "after": "after",
    "shift": "shift",
    "share_of_gap": "share of the gap",
    "reached": "reached",
}


def answer(saved: SavedEvaluation) -> Section:
    """Answer with every judge's shift, and whether it is evidence."""
    frozen = "The judges' weights were the same before and after: nothing was fitted to them here."
    return Section(
        "ageing",
        "How far did the faces age?",
        "De combien les visages ont-ils vieilli ou rajeuni ?",
        [
            *(describe_shares(saved, direction) for direction in saved.directions),
            *describe_verdicts(saved),
            *describe_limits(saved),
            *describe_witnesses(saved),
        ],
        tables=[*map(tabulate, saved.directions), *tabulate_steps(saved)],
        pictures=[draw(saved)] if has_gaps(saved.found) else [],
        details=[
            "Share of the gap: mean shift towards the age aimed at, over the difference between "
            "the means of real old and real young faces by the same judge: 1 is as far as these "
            "are apart, 0 is nothing, less than 0 is the wrong way. Reached: share of the faces on "
            "the aimed side of the middle between these means. Shifts are raw: made young, they "
            "are negative where faces became younger.",
            *([frozen] if saved.found.get("judges_unchanged") else []),
        ],
    )


def describe_shares(saved: SavedEvaluation, direction: Direction) -> str:
    """Say how far the faces of one direction moved, by every judge."""
    shares = [
        f"{tell(saved.share(direction.to, judge))} by the {name_judge(judge)}"
        for judge in saved.judges
    ]
    rest = []
    for judge in ("age_estimator", "age_judge"):
        years = direction.figures["judges"].get(judge, {}).get("years")
        if years:
            before, after = (tell(years[name], 1) for name in ("before", "after"))
            rest.append(f" The {name_judge(judge)} gave them {before} years before, {after} after.")
    return (
        f"{direction.name} (n = {direction.n:,}) moved by this {saved.measure}: "
        f"{'; '.join(shares)}.{''.join(rest)}"
    )


def describe_verdicts(saved: SavedEvaluation) -> list[str]:
    """Say by which judges each direction is beyond every control, and who cannot judge at all."""
    verdicts = compare_with_controls(saved.found)
    sentences = []
    if not verdicts:
        sentences.append(
            "No controls were judged (--controls): how far changes that age nobody move these "
            "judges is unknown, and with it whether the shifts are evidence of ageing."
        )
    for to in (direction.to for direction in saved.directions if verdicts):
        mine = [verdict for verdict in verdicts if verdict.to == to]
        beyond = listed([name_judge(v.judge) for v in mine if v.beyond])
        within = listed([name_judge(v.judge) for v in mine if v.able and not v.beyond])
        parts = [f"beyond every control according to the {beyond}"] if beyond else []
        parts += [f"no evidence of ageing according to the {within}"] if within else []
        sentences += [f"Made {to}: {'; '.join(parts)}."] if parts else []
        together = agreed(verdicts, to)
        sentences += [f"Made {to}, {together}."] if together else []
    unable = list_unable(saved.found)
    gaps = [
        f"the {name_judge(judge)} ({SCORES.get(score, score)}: {tell(unable[judge, score], 3)})"
        for judge, score in saved.judges.items()
        if (judge, score) in unable
    ]
    if gaps:
        sentences.append(
            f"Unable to judge: {listed(gaps)}. In brackets the gap between real old and real young "
            "faces, which is not clearly above 0: shares of it say nothing and are left undefined."
        )
    return sentences


def describe_limits(saved: SavedEvaluation) -> list[str]:
    """Name the control that moved each judge farthest; adversarial noise apart."""
    farthest: dict[str, list[str]] = {direction.to: [] for direction in saved.directions}
    for v in compare_with_controls(saved.found):
        if v.able:
            farthest[v.to].append(f"{name_judge(v.judge)}: {v.farthest}, up to {v.limit:.2f}")
    if not any(farthest.values()):
        return []
    limits = "; ".join(f"made {to}, {', '.join(names)}" for to, names in farthest.items())
    return [
        f"A shift is beyond every control if its whole interval is above theirs. Farthest "
        f"reached: {limits}. Adversarial noise, made against the first judge, is left out."
    ]


def describe_witnesses(saved: SavedEvaluation) -> list[str]:
    """Say whether judges see the same faces age."""
    sentences = []
    for direction in saved.directions:
        pairs = [
            f"{tell(pair['correlation'])} ({listed([name_judge(j) for j in pair['judges']])})"
            for pair in direction.figures.get("witnesses", [])
        ]
        if pairs:
            sentences.append(
                f"Made {direction.to}, the shifts that two judges see correlate face by face by "
                f"{', '.join(pairs)}: 1 is the same order, 0 no relation."
            )
    return sentences


def tabulate(direction: Direction) -> Table:
    """Every judge and score of one direction."""
    rows, judges = [], direction.figures["judges"]
    some = next(iter(next(iter(judges.values())).values()))
    names = [name for name in COLUMNS if name in some]  # without real faces there is no gap
    for judge, scores in judges.items():
        for score, figures in scores.items():
            digits = dict.fromkeys(("before", "after", "shift"), DIGITS.get(score, 3))
            cells = [tell(figures[name], digits.get(name, 2)) for name in names]
            rows.append([name_judge(judge), SCORES.get(score, score), *cells])
    caption = f"{direction.name}, n = {direction.n:,}"
    return Table(caption, ("judge", "score", *(COLUMNS[name] for name in names)), rows)


def tabulate_steps(saved: SavedEvaluation) -> list[Table]:
    """Shares of faces that moved by at least so much, of each judge that has steps."""
    tables = []
    for judge, score in saved.judges.items():
        rows, steps = [], []
        for direction in saved.directions:
            figures = direction.figures["judges"][judge][score]
            steps = [name for name in figures if name.startswith("moved_")]
            cells = [tell(figures[step]) for step in steps]
            rows.append([f"made {direction.to}", f"{direction.n:,}", *cells])
        if steps:
            caption = (
                f"Share of the faces that moved the right way by so many "
                f"{SCORES.get(score, score)} or more, by the {name_judge(judge)}"
            )
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
