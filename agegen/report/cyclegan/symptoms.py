"""Symptoms of what goes wrong with CycleGANs, over time, and the alarms that were raised."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from agegen.evaluation.alarm_limits import FIRST_ALARM, LIMITS, LOW_IS_BAD, is_alarming
from agegen.faces.records import CLASS_NAMES
from agegen.report.cyclegan.curves import Curve, draw_looks
from agegen.report.cyclegan.run import SavedCycleGAN, describe_watched
from agegen.report.parts.section import Section, Table
from agegen.report.parts.wording import count


class Symptom(NamedTuple):
    """A figure of the looks: its title, its axis, and what it measures."""

    title: str
    ylabel: str
    meaning: str


SYMPTOMS = {
    "diversity": Symptom(
        "Diversity", "distance, outputs / inputs",
        "Distance between generated faces over that between their sources: 0 is collapse.",
    ),
    "luminance_correlation": Symptom(
        "Light and dark", "correlation with the source",
        "Correlation of light and dark with the source: negative is an inversion, and unrelated "
        "faces have about 0.",
    ),
    "checkerboard": Symptom(
        "Checkerboard", "spectral peak, generated / real",
        "Spectral peak at periods of 2 and 4 pixels over that of real faces: a pattern that is "
        "repeated has many times as much.",
    ),
    "change": Symptom(
        "Change", "mean |output − source|",
        "Mean absolute difference from the source, of values in [−1, 1]: 0 is doing nothing.",
    ),
    "copies": Symptom(
        "Copies", "share of the outputs",
        "Share of outputs that are closer to a training face than half of what is usual for "
        "real faces.",
    ),
}  # fmt: skip


ALARMS_HEADER = ("pairs", "symptom", "made", "value", "limit then")


def answer(saved: SavedCycleGAN) -> Section:
    """Answer the question after what went wrong."""
    titles = {name: symptom.title for name, symptom in SYMPTOMS.items()}
    alarms = [
        (
            f"{a['pairs']:,}", titles.get(a["name"], a["name"].replace("_", " ").capitalize()),
            a["direction"], f"{a['value']:.3f}", f"{a['limit']:g}",
        )
        for a in saved.alarms
    ]  # fmt: skip
    return Section(
        "alarms",
        "Did anything go wrong, and when?",
        "Quelque chose a-t-il mal tourné, et quand ?",
        [describe_alarms(saved), *describe_messages(saved)],
        tables=[
            tabulate_symptoms(saved),
            *([Table("All alarms", ALARMS_HEADER, alarms)] if alarms else []),
        ],
        pictures=[
            draw_looks(
                saved, name, symptom.title, symptom.ylabel, LIMITS[name], describe_spans,
                f"{symptom.meaning} Dotted: the limit; {alarm_side(name)} it is an alarm.",
            )
            for name, symptom in SYMPTOMS.items()
        ],
        details=[
            "Measured at every look with the averaged generators (EMA), on "
            f"{describe_watched(saved)}. No alarm is raised in the first {100 * FIRST_ALARM:g} % "
            "of the training. A symptom is a reason to look at the faces, not a proof; without "
            "one, faces may still be poor.",
        ],
    )  # fmt: skip


def alarm_side(name: str) -> str:
    """On which side of its limit a symptom is an alarm."""
    return "below" if name in LOW_IS_BAD else "above"


def name_limit(name: str) -> str:
    """From where on a symptom is an alarm."""
    return f"{alarm_side(name)} {LIMITS[name]:g}".replace("-", "−")


def describe_spans(curves: Sequence[Curve]) -> str:
    """Lowest and highest value of every curve."""
    return "; ".join(f"{k}: {np.min(v):.3f} to {np.max(v):.3f}" for k, _, v, _ in curves) + "."


def describe_alarms(saved: SavedCycleGAN) -> str:
    """Say how many alarms there were, and at how many looks; the last one apart."""
    looks = saved.looks["step"]
    if not saved.alarms:
        return f"No alarm was raised in {count(len(looks), 'look')}."
    alarmed = {alarm["step"] for alarm in saved.alarms}
    last = sum(alarm["step"] == looks[-1] for alarm in saved.alarms)
    return (
        f"{count(len(saved.alarms), 'alarm')} in {len(alarmed):,} of "
        f"{count(len(looks), 'look')}; {last or 'none'} at the last one."
    )


def describe_messages(saved: SavedCycleGAN) -> list[str]:
    """Each kind of alarm once, in plain language, with when it was first and last raised."""
    found = []
    groups: dict[tuple[str, str], list[dict]] = {}
    for alarm in saved.alarms:
        groups.setdefault((alarm["name"], alarm["direction"]), []).append(alarm)
    for group in groups.values():
        first, last = group[0]["pairs"], group[-1]["pairs"]
        times = f"{len(group):,} times, after {first:,} to {last:,} pairs"
        if len(group) == 1:
            times = f"once, after {first:,} pairs"
        message = group[0]["message"]
        found.append(f"{message[:1].upper()}{message[1:]}. Raised {times}.")
    return found


def tabulate_symptoms(saved: SavedCycleGAN) -> Table:
    """Every symptom at the last look, its limit, and how many looks were beyond it."""
    rows = []
    for name, symptom in SYMPTOMS.items():
        row = [symptom.title, name_limit(name)]
        for to in CLASS_NAMES[::-1]:
            values = saved.looks[f"{name}_{to}"]
            beyond = sum(is_alarming(name, value) for value in values)
            row += [f"{values[-1]:.3f}", f"{beyond} of {len(values)}"]
        rows.append(row)
    header = ["symptom", "alarm"]
    for to in CLASS_NAMES[::-1]:
        header += [f"made {to}", "looks beyond"]
    return Table("Symptoms at the last look, and the looks beyond the limit", header, rows)
