"""What does more ageing cost? Age shift against persons kept, over strengths of the change."""

from math import isnan, nan

from agegen.report.evaluation.figures import COLOURS
from agegen.report.evaluation.saved import SavedEvaluation, listed, name_judge, tell
from agegen.report.parts.section import Missing, Section, Table
from agegen.report.parts.style import BLACK, Axes, Figure, Picture, picture

QUESTION = "What does more ageing cost?"
HEIGHTS = {"verified": "verified as the same person", "gains": "gain towards the real photo"}


def answer(saved: SavedEvaluation) -> Section | Missing:
    """Answer with a curve for each direction."""
    found = saved.found.get("trade_off")
    if not found:
        return Missing(QUESTION, "not measured: not asked for (--trade-off)")
    judge = outside(found)
    return Section(
        "trade-off",
        QUESTION,
        "Que coûte un vieillissement plus fort ?",
        [
            describe(to, points, judge, saved.found.get("strength", {}).get(to))
            for to, points in found.items()
        ],
        tables=[tabulate(to, points) for to, points in found.items()],
        pictures=[
            draw(saved, kind, title, judge)
            for kind, title in HEIGHTS.items()
            if all(point[kind] for points in found.values() for point in points)
        ],
        details=[
            "The same generators' change, made smaller or larger: at strength 1 it is as trained. "
            "Filled circles on the curve: the strength that the rest of this page is about."
        ],
    )


def outside(found: dict) -> str:
    """The judge whose shares are drawn: the age estimator, or the first one without it."""
    judges = list(next(iter(found.values()))[0]["shares"])
    return "age_estimator" if "age_estimator" in judges else judges[0]


def describe(to: str, points: list[dict], judge: str, shipped: float | None) -> str:
    """Name both ends of the curve, and the shipped strength."""
    ends = []
    for point in points:
        if point not in (points[0], points[-1]) and point["strength"] != shipped:
            continue
        kept = [f"{tell(share)} verified" for share in point["verified"].values()]
        kept += [f"gain {tell(gain, 3)}" for gain in point["gains"].values()]
        said = f"{tell(point['shares'][judge])} of the gap"
        ends.append(f"{listed([said, *kept])} at strength {point['strength']:g}")
    return f"Made {to}, by the {name_judge(judge)}: {'; '.join(ends)}."


def tabulate(to: str, points: list[dict]) -> Table:
    """A row for each strength."""
    first = points[0]
    header = (
        "strength",
        *(f"share, {name_judge(judge)}" for judge in first["shares"]),
        *(f"verified, {name}" for name in first["verified"]),
        *(f"gain, {name}" for name in first["gains"]),
    )
    rows = [
        [
            f"{point['strength']:g}",
            *map(tell, point["shares"].values()),
            *map(tell, point["verified"].values()),
            *(tell(gain, 3) for gain in point["gains"].values()),
        ]
        for point in points
    ]
    return Table(f"Made {to}, at strengths", header, rows)


def value_of(figure: dict | None) -> float:
    """NaN, which is not drawn, where it is undefined."""
    value = figure["value"] if figure else None
    return nan if value is None else value


def draw(saved: SavedEvaluation, kind: str, title: str, judge: str) -> Picture:
    """The curve of each direction; the shipped strength is filled."""
    found, shipped = saved.found["trade_off"], saved.found.get("strength", {})

    def draw_curves(figure: Figure) -> None:
        axes: Axes = figure.subplots()
        for to, points in found.items():
            places = {
                point["strength"]: (
                    value_of(point["shares"][judge]),
                    value_of(next(iter(point[kind].values()))),
                )
                for point in points
            }
            x, y = zip(*places.values(), strict=True)
            axes.plot(x, y, color=COLOURS[to], marker="o", mfc="white", label=f"made {to}")
            if here := places.get(shipped.get(to, 1.0)):
                axes.plot(*here, color=COLOURS[to], marker="o", markersize=8)
            for strength, place in places.items():
                if any(map(isnan, place)):
                    continue
                axes.annotate(
                    f"{strength:g}", place, (4, 4), textcoords="offset points", fontsize=7
                )
        axes.axhline(0, color=BLACK, linewidth=0.6)
        axes.set(xlabel=f"share of the real gap, {name_judge(judge)}", ylabel=title)
        axes.legend(loc="best")

    n = " and ".join(f"{n:,} {name}" for name, n in saved.found["n"].items())
    return picture(
        f"Age shift against {title}", f"{saved.found['split']} split, n = {n} faces", draw_curves,
        "; ".join(describe(to, points, judge, shipped.get(to)) for to, points in found.items()),
        "Numbers: strengths of the change. Filled: the strength judged on this page.",
    )  # fmt: skip
