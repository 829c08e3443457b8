"""Would more training faces help? Scores against the number of training faces."""

from pathlib import Path

import numpy as np

from agegen.report.classifier.study import SCORES, find_factor, read_study, sample_of_study
from agegen.report.parts.section import Section, Table
from agegen.report.parts.style import BLUE, GREY, VERMILLION, Figure, Picture, draw_points, picture
from agegen.report.parts.wording import is_clear, remainder, show, signed

FACTOR = "training_faces"


def answer(folder: Path, evaluation: dict) -> Section:
    """Answer the question after the number of training faces."""
    study = read_study(folder)
    factor = find_factor(study, FACTOR)
    command = f"--run {folder.parent} --factors {FACTOR} --seeds 5"
    base = study["base"]
    widths = "–".join(map(str, base["model"]["widths"]))
    return Section(
        "number-of-faces",
        "Would more training faces help?",
        "Davantage de visages d'apprentissage aideraient-ils ?",
        describe_doublings(factor) if factor else ["Not measured yet: see the command below."],
        tables=[
            Table(
                "Means over the seeds, with 95 % intervals",
                ("share", "training faces", "steps", "seeds", *SCORES.values()),
                [
                    [
                        s["label"], f"{s['n_train']:,.0f}", f"{s['steps']:,.0f}",
                        str(len(s["seeds"])), *(show(s["scores"][score]) for score in SCORES),
                    ]
                    for s in judged(factor)
                ],
            )
        ]
        if factor
        else [],
        pictures=[picture_sizes(study, factor)] if factor and judged(factor) else [],
        details=[
            f"{factor['does']} Each is a training of its own with {base['epochs']} epochs of all "
            f"faces (√2 times as many at each halving) and stages of {widths} channels: shorter "
            "and narrower than this run, so that the scores are lower.",
            f"Judged by the averaged weights of the last epoch on the {study['n']:,} validation "
            "faces, which had no part in these trainings; the section on hyperparameters says how "
            "the intervals are made.",
        ]
        if factor
        else [],
        command=f"python recipes/study_hyperparameters.py {command}",
    )  # fmt: skip


def judged(factor: dict) -> list[dict]:
    """The settings with scores, from few faces to all."""
    return sorted((s for s in factor["settings"] if not s["diverged"]), key=lambda s: s["x"])


def describe_doublings(factor: dict) -> list[str]:
    """Say what the last doubling and all of them brought, and what follows."""
    sizes = judged(factor)
    if not sizes:
        return ["The loss of every one of these trainings was no longer finite."]
    half = next((s for s in sizes if s["x"] == 0.5), None)
    sentences = []
    if half and sizes[-1]["x"] == 1:
        gains = {score: remainder(half["differences"][score], 0) for score in SCORES}
        each = ", ".join(f"{name} {signed(gains[score])}" for score, name in SCORES.items())
        sentences.append(
            f"From {half['n_train']:,.0f} to {sizes[-1]['n_train']:,.0f} faces, the last doubling "
            f"changed {each}. {conclude(gains)}"
        )
    first, last = sizes[0], sizes[-1]
    for score, name in SCORES.items():
        sentences.append(
            f"The {name} was {show(first['scores'][score])} with {first['n_train']:,.0f} faces "
            f"and {show(last['scores'][score])} with {last['n_train']:,.0f}."
        )
    return sentences


def conclude(gains: dict[str, dict]) -> str:
    """What follows from the gain of the last doubling."""
    clear = {score: gain for score, gain in gains.items() if is_clear(gain)}
    highest = [gain["high"] for gain in gains.values() if gain["high"] is not None]
    if not highest:
        return "A class is missing among the validation faces: no gain can be measured."
    if not clear:
        most = max(highest)
        return (
            "Neither interval leaves 0 out: this study does not show that more faces would help, "
            f"and it does not exclude a gain of up to {most:.3f} either."
        )
    names = " and ".join(SCORES[score] for score in clear)
    if all(gain["low"] > 0 for gain in clear.values()):
        return (
            f"The gain in {names} is larger than its uncertainty: the number of faces still limits "
            "such a training, and more of the same kind should help it."
        )
    return f"The change in {names} is clear, and not a gain alone: more faces did not simply help."


def picture_sizes(study: dict, factor: dict) -> Picture:
    """Scores against the number of training faces."""
    sizes = judged(factor)
    faces = np.array([s["n_train"] for s in sizes])
    each = "; ".join(
        f"{s['n_train']:,.0f} faces: "
        + ", ".join(f"{name} {show(s['scores'][score])}" for score, name in SCORES.items())
        for s in sizes
    )

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        styles = {"balanced_accuracy": (BLUE, "o", 0.985), "roc_auc": (VERMILLION, "D", 1.015)}
        for score, (colour, marker, shift) in styles.items():
            draw_points(
                axes, faces * shift, [s["scores"][score] for s in sizes], rows=False, color=colour,
                marker=marker, elinewidth=1, label=SCORES[score],
            )  # fmt: skip
        axes.axhline(0.5, color=GREY, linestyle="--", linewidth=1, label="chance")
        axes.set_xscale("log", base=2)
        axes.set_xticks(faces, [f"{n:,.0f}" for n in faces])
        axes.set(xlabel="training faces", ylabel="score", ylim=(None, 1.0))
        figure.legend(loc="outside lower center", ncols=3)

    return picture(
        "Scores against the number of training faces", sample_of_study(study, sizes), draw,
        f"{each}.",
        "Means over the seeds; bars: 95 % intervals of seeds and validation faces together. Points "
        "share the validation faces, so that differences between them are surer than the bars.",
    )  # fmt: skip
