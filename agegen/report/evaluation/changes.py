"""Is it still a face, and what else changed? Realism, distances to the source, symptoms."""

from agegen.evaluation.alarm_limits import LIMITS, is_alarming
from agegen.faces.pixels import GREY_LEVELS
from agegen.report.cyclegan.symptoms import SYMPTOMS, name_limit
from agegen.report.evaluation.saved import Direction, SavedEvaluation, number, tell
from agegen.report.parts.section import Section, Table
from agegen.report.parts.wording import is_clear

CHANGES = {
    "output_l1": "translated, L1",
    "output_lpips": "translated, LPIPS",
    "cycle_l1": "translated back, L1",
    "cycle_lpips": "translated back, LPIPS",
}
KEPT = {
    "gender": "gender kept, by the age estimator",
    "gender_mirrored": "the same of mirror images",
    "eyes": "change around the eyes, L1",
    "face": "change of the face, L1",
    "background": "change outside the face, L1",
    "landmarks": "landmarks moved, in eye distances",
}
DISTANCES = {"kid": ("KID", 3), "fid": ("FID", 1)}


def answer(saved: SavedEvaluation) -> Section:
    """Answer with what was measured of it."""
    realism = [d.figures["realism"] for d in saved.directions if d.figures["realism"]]
    details = []
    if realism:
        details.append(
            "KID (Bińkowski et al., 2018) and FID (Heusel et al., 2017) compare sets of faces and "
            "hold for their features only. Untouched sources: what doing nothing gives. Real ones: "
            "one half of the real faces to the other, half as many. FID falls as faces become "
            "more, KID does not; an unbiased KID may be below 0. Their intervals: jackknife over "
            "persons."
        )
    details.append("L1: mean absolute difference of values in [−1, 1]; LPIPS: Zhang et al., 2018.")
    if "output_lpips" not in saved.directions[0].figures["changes"]:
        details.append(f"LPIPS was {saved.note('lpips')}.")
    details.append(" ".join(f"{s.title}: {s.meaning}" for s in SYMPTOMS.values()))
    return Section(
        "changes",
        "Is it still a face, and what else changed?",
        "Est-ce toujours un visage, et qu'est-ce qui a changé d'autre ?",
        [
            *(describe_realism(saved, direction) for direction in saved.directions),
            *map(describe_change, saved.directions),
            *map(describe_symptoms, saved.directions),
        ],
        tables=[
            *([tabulate_realism(saved, realism[0]["features"])] if realism else []),
            tabulate_changes(saved),
            *tabulate_kept(saved),
            *tabulate_symptoms(saved),
        ],
        details=details,
    )


def describe_realism(saved: SavedEvaluation, direction: Direction) -> str:
    """Say whether generated faces are nearer to real ones than their sources are."""
    found, to = direction.figures["realism"], direction.to
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


def describe_change(direction: Direction) -> str:
    """Say by how much faces changed, and what the way back leaves."""
    changed, *cycle = (
        tell({k: None if v is None else GREY_LEVELS * v for k, v in figure.items()}, 1)
        for figure in map(direction.figures["changes"].get, ("output_l1", "cycle_l1"))
        if figure
    )
    said = f"{direction.name} changed by {changed} of 255 grey levels on average"
    back = (f"; translated back, they differed from themselves by {figure}" for figure in cycle)
    return f"{said}{''.join(back)}."


def describe_symptoms(direction: Direction) -> str:
    """Name the symptoms beyond their limits."""
    symptoms, made = direction.figures["symptoms"], f"Made {direction.to}"
    if not symptoms:
        return f"{made}: the symptoms of a training were not measured without real faces."
    beyond = [
        f"{symptom.title.lower()} {number(symptoms[name], 3)} (limit {LIMITS[name]:g})"
        for name, symptom in SYMPTOMS.items()
        if symptoms.get(name) is not None and is_alarming(name, symptoms[name])
    ]
    if not beyond:
        return f"{made}: no symptom is beyond the limit of the training's alarms."
    return f"{made}, beyond the limits of the training's alarms: {'; '.join(beyond)}."


def tabulate_realism(saved: SavedEvaluation, features: str) -> Table:
    """KID and FID of the directions where they were measured."""
    rows = []
    for direction in saved.directions:
        found = direction.figures["realism"]
        for name, (title, digits) in DISTANCES.items() if found else ():
            ends = ("", "_source", "_difference", "_real")
            cells = [tell(found.get(f"{name}{end}"), digits) for end in ends]
            rows.append([f"{title}, to real {direction.to} faces", f"{found['n']:,}", *cells])
    header = ("distance", "n", "generated", "untouched sources", "difference", "real ones")
    return Table(f"Distances in {features}", header, rows)


def tabulate_changes(saved: SavedEvaluation) -> Table:
    """L1 and LPIPS of both directions, those that were measured."""
    changes = {f"made {d.to}": d.figures["changes"] for d in saved.directions}
    rows = [
        [title, *(tell(of[name], 3) for of in changes.values())]
        for name, title in CHANGES.items()
        if all(name in of for of in changes.values())
    ]
    return Table("How much faces changed", ("distance to the source", *changes), rows)


def tabulate_kept(saved: SavedEvaluation) -> list[Table]:
    """What ageing should leave alone, where the age estimator judged."""
    known = [(d, kept) for d in saved.directions if (kept := d.figures.get("kept"))]
    if not known:
        return []
    rows = [
        [title, *(tell(kept[name], 2 if name.startswith("gender") else 3) for _, kept in known)]
        for name, title in KEPT.items()
    ]
    heads = ("", *(f"made {direction.to}" for direction, _ in known))
    return [Table("What ageing should leave alone", heads, rows)]


def tabulate_symptoms(saved: SavedEvaluation) -> list[Table]:
    """Every symptom with its limit; no table where none was measured."""
    symptoms = {f"made {d.to}": d.figures["symptoms"] for d in saved.directions}
    if not any(symptoms.values()):
        return []
    rows = [
        [symptom.title, *(number(of.get(k), 3) for of in symptoms.values()), name_limit(k)]
        for k, symptom in SYMPTOMS.items()
    ]
    return [Table("Symptoms", ("symptom", *symptoms, "alarm"), rows)]
