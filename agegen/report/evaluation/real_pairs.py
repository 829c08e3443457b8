"""Does it come nearer to what the person became? Generated faces beside real photos."""

from agegen.report.evaluation.figures import COLOURS
from agegen.report.evaluation.saved import SavedEvaluation, tell
from agegen.report.parts.section import Missing, Section, Table
from agegen.report.parts.style import BLACK, GREY, Figure, Picture, draw_points, draw_rows, picture

QUESTION = "Does it come nearer to what the person became?"
ROWS = {
    "before": "source to the real photo",
    "after": "generated to the real photo",
    "gain": "gain",
    "strangers": "gain towards strangers of that age",
    "own": "gain towards the person alone",
    "verified": "real photo verified by the source",
    "verified_made": "real photo verified by the generated face",
}


def answer(saved: SavedEvaluation) -> Section | Missing:
    """Answer with distances to photos of the same people at the age aimed at."""
    found = saved.found.get("real_pairs")
    if not found:
        return Missing(QUESTION, "not measured: not asked for (--pairs PHOTOS)")
    matchers = list(found["reference"])
    return Section(
        "real-pairs",
        QUESTION,
        "Se rapproche-t-on de ce que la personne est devenue ?",
        [
            *(describe(to, of, m) for to, of in found["directions"].items() for m in matchers),
            *(describe_reference(m, found["reference"][m]) for m in matchers),
        ],
        tables=[table for m in matchers for table in tabulate(found, m)],
        pictures=[p for m in matchers for p in draw(found, m)],
        details=explain(found),
    )


def describe(to: str, figures: dict, matcher: str) -> str:
    """Say whether faces came nearer to the people, and whether to everybody of that age."""
    said = figures["matchers"][matcher]
    text = (
        f"Made {to}, {figures['pairs']:,} pairs of photos of {figures['people']:,} people, "
        f"{figures['years']:.0f} years apart: {nearer(said['gain'])} the person {of_age(to)} by "
        f"{tell(said['gain'], 3)} of the matcher {matcher}'s distance (source "
        f"{tell(said['before'], 3)}, generated {tell(said['after'], 3)}); towards strangers of "
        f"that age the gain is {tell(said['strangers'], 3)}."
    )
    if controls := said.get("controls"):
        best = max(controls, key=lambda name: controls[name]["value"])
        text += f" Of changes that age nobody, {best} gains most: {tell(controls[best], 3)}."
    for name, title in (("lpips", "LPIPS"), ("landmarks", "the shape of five landmarks")):
        if alike := figures.get(name):
            text += (
                f" By {title}, over the {alike['pairs']:,} pairs that look the same way: "
                f"{nearer(alike['gain'])} it by {tell(alike['gain'], 3)}."
            )
    return text


def nearer(gain: dict) -> str:
    """What a gain says, as far as its interval does."""
    if gain["low"] is not None and gain["low"] > 0:
        return "nearer to"
    if gain["high"] is not None and gain["high"] < 0:
        return "farther from"
    return "neither clearly nearer to nor farther from"


def of_age(to: str) -> str:
    """When the photo aimed at was taken."""
    return "when older" if to == "old" else "when younger"


def describe_reference(matcher: str, line: list[dict]) -> str:
    """Say how many of real pairs are verified, which no generated face can be asked to exceed."""
    if not line:
        return f"Real pairs are too few for a reference line of the matcher {matcher}."
    parts = [
        f"{tell(span['verified'])} at {years(span)} years ({span['people']:,} people)"
        for span in line
    ]
    return (
        f"Of real pairs of photos of one person the matcher {matcher} verifies a share of "
        f"{', '.join(parts)}."
    )


def years(span: dict) -> str:
    """As "20–29"."""
    low, high = span["years"]
    return f"{low}–{high - 1}"


def tabulate(found: dict, matcher: str) -> list[Table]:
    """Both directions side by side, then what parts of the change and controls gain."""
    directions = {to: of["matchers"][matcher] for to, of in found["directions"].items()}
    heads = ("", *(f"made {to}" for to in directions))
    rows = [
        [title, *(tell(of[name], 3) for of in directions.values())] for name, title in ROWS.items()
    ]
    tables = [Table(f"Distances to real photos, matcher {matcher}", heads, rows)]
    for key, title in (("parts", "Parts of the change"), ("controls", "Changes that age nobody")):
        kinds = [of.get(key, {}) for of in directions.values()]
        if all(kinds):
            rows = [[name, *(tell(of[name], 3) for of in kinds)] for name in kinds[0]]
            tables.append(Table(f"{title} alone: gain", heads, rows))
    return tables


def draw(found: dict, matcher: str) -> list[Picture]:
    """The gains beside those of controls and strangers, and the reference line."""
    directions = {to: of["matchers"][matcher] for to, of in found["directions"].items()}
    names = ["generated", "towards strangers"]
    first = next(iter(directions.values()))
    for key in ("parts", "controls"):
        names += list(first.get(key, {}))

    def figures(of: dict) -> list[dict]:
        return [
            of["gain"],
            of["strangers"],
            *of["parts"].values(),
            *of.get("controls", {}).values(),
        ]

    def draw_gains(figure: Figure) -> None:
        axes = figure.subplots()
        series = [(f"made {to}", COLOURS[to], figures(of)) for to, of in directions.items()]
        draw_rows(axes, names, series, xlabel="gain: nearer to the real photo by so much")
        axes.axvline(0, color=BLACK, linewidth=0.8)
        axes.legend(loc="best")

    line = found["reference"][matcher]

    def draw_line(figure: Figure) -> None:
        axes = figure.subplots()
        places = list(range(len(line)))
        look = {"color": GREY, "marker": "o", "linestyle": "-"}
        draw_points(axes, places, [span["verified"] for span in line], rows=False, **look)
        for to, of in directions.items():
            made = of["verified_made"]["value"]
            if made is None:
                continue
            axes.axhline(made, color=COLOURS[to], linestyle=":", label=f"by a face made {to}")
        axes.set_xticks(places, [years(span) for span in line])
        axes.set(ylim=(0, 1.02), xlabel="years between two photos of a person", ylabel="verified")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="lower left")

    sample = f"{found['photos']:,} photos of {found['people']:,} people"
    pictures = [
        picture(
            "Nearer to the person, or farther",
            sample,
            draw_gains,
            "Gains with intervals, of generated faces, of parts of their change and of controls.",
            "Right of 0: nearer to photos of the same person at the age aimed at.",
            height=1.2 + 0.27 * len(names),
        )
    ]
    if line:
        pictures.append(
            picture(
                "What life leaves of a likeness",
                sample,
                draw_line,
                "Share of real pairs that are verified, by the years between the photos.",
                "Real pairs at 0.1 % false accepts; dotted: real photos at the other age that are "
                "verified by generated faces.",
            )
        )
    return pictures


def explain(found: dict) -> list[str]:
    """How it was measured."""
    young, old = (f"{low}–{high}" for low, high in found["ages"].values())
    return [
        f"Photos of people at {young} and at {old} years; every photo of a person at one age is "
        "paired with every one at the other; intervals by 1,000 resamples of people. "
        f"{found['left_out']:,} photos were left out (no face found, no adult, the only one of a "
        "person, …). A pair looks the same way if the noses lie alike beside the middle of the "
        "eyes, within a tenth of their distance; landmarks are compared without place, size and "
        "tilt (full Procrustes distance).",
        "Gain: the matcher's distance of the source to the real photo less that of the generated "
        "face to it. Verified: nearer than 0.1 % of the pairs of strangers, of the same kind of "
        "faces; on the reference line, of strangers as many years apart.",
    ]
