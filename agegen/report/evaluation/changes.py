"""Is it still a face, and what else changed? Realism, distances to the source, symptoms."""

from agegen.evaluation.alarm_limits import LIMITS, LOW_IS_BAD, is_alarming
from agegen.faces.pixels import GREY_LEVELS
from agegen.report.cyclegan.symptoms import SYMPTOMS
from agegen.report.evaluation.saved import SavedEvaluation, number, tell
from agegen.report.parts.section import Section, Table
from agegen.report.parts.wording import is_clear

QUESTION = "Is it still a face, and what else changed?"
CHANGES = {
    "output_l1": "translated, L1",
    "output_lpips": "translated, LPIPS",
    "cycle_l1": "translated back, L1",
    "cycle_lpips": "translated back, LPIPS",
}
DISTANCES = {"kid": ("KID", 3), "fid": ("FID", 1)}


def why_missing(_: SavedEvaluation) -> str:
    """It never is."""
    return ""


def answer(saved: SavedEvaluation) -> Section:
    """Answer with what was measured of it."""
    return Section(
        "changes",
        QUESTION,
        "Est-ce toujours un visage, et qu'est-ce qui a changé d'autre ?",
        [
            *(describe_realism(saved, to) for _, to in saved.directions),
            *(describe_change(saved, source, to) for source, to in saved.directions),
            *(describe_symptoms(saved, to) for _, to in saved.directions),
        ],
        tables=[*tabulate_realism(saved), tabulate_changes(saved), tabulate_symptoms(saved)],
        details=explain(saved),
    )


def describe_realism(saved: SavedEvaluation, to: str) -> str:
    """Say whether generated faces are nearer to real ones than their sources are."""
    found = saved.found["directions"][to]["realism"]
    if not found:
        return f"How near faces made {to} are to real ones was {saved.note('realism')}."
    return (
        f"Faces made {to} have a KID of {tell(found['kid'], 3)} to real {to} faces, their "
        f"untouched sources {tell(found['kid_source'], 3)}, and real ones to each other "
        f"{number(found['kid_real'], 3)}: {compare(found.get('kid_difference'))}. Features: "
        f"{found['features']}; n = {found['n']:,} of each."
    )


def compare(difference: dict | None) -> str:
    """Say which of two distances is shorter, if that is clear; older evaluations do not know."""
    if difference is None or difference["low"] is None:
        return "without the interval of the difference, which are nearer cannot be said"
    told = f"a difference of {tell(difference, 3)}"
    if not is_clear(difference):
        return f"{told}, which may be none"
    nearer = "nearer to" if difference["value"] < 0 else "farther from"
    return f"{told}: they are {nearer} real ones than doing nothing is"


def describe_change(saved: SavedEvaluation, source: str, to: str) -> str:
    """Say by how much faces changed, and what the way back leaves."""
    changes = saved.found["directions"][to]["changes"]
    changed = in_levels(changes["output_l1"])
    said = f"{saved.faces(source)} made {to} changed by {changed} of 255 grey levels on average"
    if "cycle_l1" not in changes:
        return f"{said}."
    cycle = in_levels(changes["cycle_l1"])
    return f"{said}; translated back, they differed from themselves by {cycle}."


def in_levels(figure: dict) -> str:
    """A difference of values in [−1, 1] in grey levels."""
    scaled = {k: None if v is None else GREY_LEVELS * v for k, v in figure.items()}
    return tell(scaled, 1)


def describe_symptoms(saved: SavedEvaluation, to: str) -> str:
    """Name the symptoms beyond their limits."""
    symptoms = saved.found["directions"][to]["symptoms"]
    if not symptoms:
        return f"Made {to}: the symptoms of a training were not measured without real faces."
    beyond = [name for name in SYMPTOMS if alarms(name, symptoms.get(name))]
    if not beyond:
        return f"Made {to}: no symptom is beyond the limit of the training's alarms."
    named = "; ".join(
        f"{SYMPTOMS[name].title.lower()} {number(symptoms[name], 3)} (limit {LIMITS[name]:g})"
        for name in beyond
    )
    return f"Made {to}, beyond the limits of the training's alarms: {named}."


def alarms(name: str, value: float | None) -> bool:
    """True if a symptom is beyond its limit; what is undefined is not."""
    return value is not None and is_alarming(name, value)


def tabulate_realism(saved: SavedEvaluation) -> list[Table]:
    """KID and FID of both directions; none if neither was measured."""
    rows = []
    for _, to in saved.directions:
        found = saved.found["directions"][to]["realism"]
        for name, (title, digits) in DISTANCES.items() if found else ():
            ends = ("", "_source", "_difference", "_real")
            cells = [tell(found.get(f"{name}{end}"), digits) for end in ends]
            rows.append([f"{title}, to real {to} faces", f"{found['n']:,}", *cells])
    header = ("distance", "n", "generated", "untouched sources", "difference", "real ones")
    return [Table(f"Distances in {name_features(saved)}", header, rows)] if rows else []


def name_features(saved: SavedEvaluation) -> str:
    """The feature network."""
    realism = (direction["realism"] for direction in saved.found["directions"].values())
    return next((found["features"] for found in realism if found), "")


def tabulate_changes(saved: SavedEvaluation) -> Table:
    """L1 and LPIPS of both directions, those that were measured."""
    directions = saved.found["directions"]
    rows = [
        [title, *(tell(directions[to]["changes"].get(name), 3) for _, to in saved.directions)]
        for name, title in CHANGES.items()
        if all(name in directions[to]["changes"] for _, to in saved.directions)
    ]
    header = ("distance to the source", *(f"made {to}" for _, to in saved.directions))
    return Table("How much faces changed", header, rows)


def tabulate_symptoms(saved: SavedEvaluation) -> Table:
    """Every symptom with its limit."""
    rows = []
    for name, symptom in SYMPTOMS.items():
        side = "below" if name in LOW_IS_BAD else "above"
        values = (saved.found["directions"][to]["symptoms"].get(name) for _, to in saved.directions)
        limit = f"{side} {LIMITS[name]:g}".replace("-", "−")
        rows.append([symptom.title, *(number(value, 3) for value in values), limit])
    header = ("symptom", *(f"made {to}" for _, to in saved.directions), "alarm")
    return Table("Symptoms", header, rows)


def explain(saved: SavedEvaluation) -> list[str]:
    """How it was measured, and what was not."""
    sentences = []
    if name_features(saved):
        sentences.append(
            "KID (Bińkowski et al., 2018) and FID (Heusel et al., 2017) compare sets of faces and "
            "hold for their features only. Untouched sources: what doing nothing gives. Real ones: "
            "one half of the real faces to the other, half as many. FID falls as faces become "
            "more, KID does not; an unbiased KID may be below 0. Their intervals: jackknife over "
            "persons."
        )
    sentences.append(
        "L1: mean absolute difference of values in [−1, 1]; LPIPS: Zhang et al., 2018."
    )
    if "output_lpips" not in saved.found["directions"][saved.directions[0][1]]["changes"]:
        sentences.append(f"LPIPS was {saved.note('lpips')}.")
    sentences.append(" ".join(f"{s.title}: {s.meaning}" for s in SYMPTOMS.values()))
    return sentences
