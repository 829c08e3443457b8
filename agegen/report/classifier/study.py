"""What each hyperparameter does: the differences that a study measured, factor by factor."""

from functools import partial
from pathlib import Path

from agegen.report.parts.section import Section, Table
from agegen.report.parts.style import (
    BLACK,
    BLUE,
    VERMILLION,
    Figure,
    Picture,
    draw_rows,
    picture,
)
from agegen.report.parts.wording import is_clear, sample, show, signed
from agegen.run.files import read_json

SCORES = {"balanced_accuracy": "balanced accuracy", "roc_auc": "AUC"}
ELSEWHERE = ("training_faces", "augmentation", "augmentation_effects")
"""Factors that have a section of their own."""
LISTED = 6  # of the clear differences
HEADER = ("setting", "seeds", "steps", "s per trial", "balanced accuracy", "AUC", "NLL (nats)")


def answer(folder: Path, evaluation: dict) -> Section:
    """Answer the question after the hyperparameters."""
    study = read_study(folder)
    factors = [factor for factor in study["factors"] if factor["name"] not in ELSEWHERE]
    missing = []
    if study["missing"]:
        names = ", ".join(name.replace("_", " ") for name in study["missing"])
        missing.append(
            f"Not measured yet for this run: {names}. The command at the end of this section "
            "measures them; with --dry-run it says how long that takes."
        )
    base = study["base"]
    widths = "–".join(map(str, base["model"]["widths"]))
    intervals = len(SCORES) * sum(len(others(factor)) for factor in study["factors"])
    return Section(
        "hyperparameters",
        "What does each hyperparameter do, and how much does it matter?",
        "Que fait chaque hyperparamètre, et quelle est son importance ?",
        [*(describe_effects(factors) if factors else []), *missing],
        tables=[
            Table(
                f"{factor['title']}: difference from the base", HEADER,
                [
                    [
                        s["label"], str(len(s["seeds"])), f"{s['steps']:,.0f}",
                        f"{s['seconds']:,.0f}", *(cell(s, score) for score in s["scores"]),
                    ]
                    for s in factor["settings"]
                ],
            )
            for factor in factors
        ],
        pictures=[picture_factor(study, factor) for factor in factors],
        details=[
            f"The base is this run's config with {base['epochs']} epochs and stages of {widths} "
            "channels: short and narrow, so that many trials fit. What pays in a longer training "
            "of a wider network can differ; augmentation and the number of faces most of all.",
            f"Judged by the averaged weights of the last epoch (views: {study['views']}) on the "
            "validation faces. No epoch was chosen on them, and the test faces were not used, so "
            "that a setting may be chosen by these figures. NLL is before temperature scaling.",
            "A setting is compared with the base at the same seeds, on the same faces. The "
            "interval (95 %, Student's t) adds the variance between seeds, pooled over a factor's "
            f"settings, and that of the faces ({study['resamples']} bootstrap resamples).",
            f"The study holds {intervals} intervals of a difference in all: if nothing had an "
            f"effect, about {intervals / 20:.1f} of them would leave 0 out all the same.",
        ],
        command=f"python recipes/study_hyperparameters.py --run {folder.parent}",
    )  # fmt: skip


def read_study(folder: Path) -> dict:
    """Read a run's study: the one beside the analysis, which recipes/study_hyperparameters.py may
    have enlarged since, or else the analysis's copy.
    """
    beside = folder.parent / "study" / "study.json"
    return read_json(beside if beside.exists() else folder / "study.json")


def find_factor(study: dict, name: str) -> dict | None:
    """Return a factor of the study, or None if it was not studied."""
    return next((factor for factor in study["factors"] if factor["name"] == name), None)


def others(factor: dict) -> list[dict]:
    """The settings that differ from the base."""
    return [setting for setting in factor["settings"] if setting["changes"]]


def describe_effects(factors: list[dict]) -> list[str]:
    """Say how many settings differ clearly from the base, and which most."""
    compared = [(factor, setting) for factor in factors for setting in others(factor)]
    sentences = [describe_clear(compared, score) for score in SCORES]
    differences = [[setting["differences"][score] for score in SCORES] for _, setting in compared]
    better = [of for of in differences if any(is_clear(d) and d["low"] > 0 for d in of)]
    sentences.append(
        f"{len(better)} of them are better than the base in at least one of the two."
        if better
        else "None of them is better than the base by more than that."
    )
    return sentences + [
        f"With {factor['title'].lower()} {setting['label']}, the loss of {setting['diverged']} of "
        f"{len(setting['seeds'])} trainings was no longer finite."
        for factor, setting in compared
        if setting["diverged"]
    ]


def describe_clear(compared: list[tuple[dict, dict]], score: str) -> str:
    """Count the settings with a clear difference in a score, and list the largest ones."""
    clear = [
        (factor["title"].lower(), setting["label"], setting["differences"][score])
        for factor, setting in compared
        if is_clear(setting["differences"][score])
    ]
    clear.sort(key=lambda entry: -abs(entry[2]["value"]))
    listed = "; ".join(f"{title} {label} ({signed(d)})" for title, label, d in clear[:LISTED])
    among = f"; the {LISTED} largest" if len(clear) > LISTED else ""
    return (
        f"In {SCORES[score]}, {len(clear)} of {len(compared)} settings differ from the base by "
        f"more than the uncertainty of the measurement{among}{f': {listed}' if listed else ''}."
    )


def cell(setting: dict, score: str) -> str:
    """A score of the base, or the difference from it."""
    if setting["diverged"]:
        return "diverged"
    if not setting["changes"]:
        return f"base: {show(setting['scores'][score])}"
    return signed(setting["differences"][score])


def sample_of_study(study: dict, settings: list[dict]) -> str:
    """Say which faces judge the trials, and how many seeds there are."""
    seeds = sorted({len(setting["seeds"]) for setting in settings})
    counts = "–".join(map(str, dict.fromkeys((seeds[0], seeds[-1]))))
    return (
        f"{sample('validation', study['n_by_class'])}; {counts} "
        f"{'seed' if seeds[-1] == 1 else 'seeds'}"
    )


def picture_factor(study: dict, factor: dict) -> Picture:
    """Effect of every setting of a factor, with its interval."""
    settings = factor["settings"]
    each = "; ".join(
        f"{setting['label']}: "
        + ", ".join(
            f"{name} {signed(setting['differences'][score])}"
            for score, name in SCORES.items()
            if signed(setting["differences"][score]) != "undefined"
        )
        for setting in others(factor)
        if not setting["diverged"]
    )
    return picture(
        factor["title"], sample_of_study(study, settings),
        partial(draw_effects, factor=factor), f"{each}.",
        f"{factor['does']} Bars: 95 % intervals of the difference from the base.",
        height=1.5 + 0.3 * len(settings),
    )  # fmt: skip


def draw_effects(figure: Figure, factor: dict) -> None:
    """Difference of every setting from the base, in balanced accuracy and AUC."""
    axes, settings = figure.subplots(), factor["settings"]
    series = [
        (name, colour, [setting["differences"][score] for setting in settings])
        for (score, name), colour in zip(SCORES.items(), (BLUE, VERMILLION), strict=True)
    ]
    why = [
        " (diverged)" if setting["diverged"] else "" if setting["changes"] else " (base)"
        for setting in settings
    ]
    names = [setting["label"] + no_point for setting, no_point in zip(settings, why, strict=True)]
    draw_rows(axes, names, series, xlabel="difference from the base", ylabel=factor["axis"])
    axes.axvline(0, color=BLACK, linewidth=0.8)
    figure.legend(loc="outside lower center", ncols=2)
