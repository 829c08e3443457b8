"""What do random crops and the other random changes do to a face, and do they help?"""

import math
from pathlib import Path

from agegen.report.classifier.study import (
    SCORES,
    find_factor,
    picture_factor,
    read_study,
    sample_of_study,
)
from agegen.report.parts.section import Section
from agegen.report.parts.style import Picture, embed_png
from agegen.report.parts.wording import is_clear, signed
from agegen.run.files import read_json

FACTOR, PARTS = "augmentation", "augmentation_effects"


def answer(folder: Path, evaluation: dict) -> Section:
    """Answer the question after the random crops."""
    chapter = read_json(folder / "augmentation.json")
    faces, columns = len(chapter["faces"]), ", ".join(chapter["columns"])
    shown = Picture(
        "What the network is shown",
        embed_png(folder / chapter["picture"]),
        f"{faces} training faces in rows; columns: {columns}.",
        f"{faces} training faces (rows). Columns: {columns}.",
        wide=True,
    )
    measured, pictures = ["Its effect is not measured yet."], [shown]
    if any(path.exists() for path in (folder.parent / "study/study.json", folder / "study.json")):
        study = read_study(folder)
        whole, parts = (find_factor(study, name) for name in (FACTOR, PARTS))
        if whole:
            measured = [
                describe_effect(study, whole),
                f"In these trials every face was shown {study['base']['epochs']} times, in this "
                f"run up to {chapter['epochs']} times. What augmentation prevents, learning faces "
                "by heart, takes many repetitions; what it costs, a harder task, is there from the "
                "first.",
            ]
        pictures += [picture_factor(study, factor) for factor in (whole, parts) if factor]
    study_command = f"python recipes/study_hyperparameters.py --run {folder.parent} --factors"
    return Section(
        "augmentation",
        "What do random crops do to a face, and do they help?",
        "Que font les recadrages aléatoires à un visage, et sont-ils utiles ?",
        [describe_config(chapter), *measured],
        pictures=pictures,
        details=[
            "Faces of the training split. Each effect is shown at its largest extent, in opposite "
            "directions from row to row, except for the place and size of the erased rectangle, "
            "which are drawn at random like all that the last columns show.",
            f"The same at this run's length and width, as a study of its own: {study_command} "
            f"{FACTOR} --epochs {chapter['epochs']} --narrow 1 --out {folder.parent}/long_study",
        ],
        command=f"{study_command} {FACTOR} {PARTS}",
    )


def describe_config(chapter: dict) -> str:
    """Say how far each effect of this run's augmentation goes."""
    c = chapter["config"]
    extents = {
        "shift": f"shifted by up to {c['shift']:g} pixels each way",
        "scale": f"scaled by up to {100 * math.expm1(c['scale']):.0f} %",
        "rotation": f"rotated by up to {c['rotation']:g}° each way",
        "flip": "mirrored in half of the cases",
        "colour": "changed in contrast, saturation, brightness and tint "
        f"(strength {c['colour']:g})",
        "sharpness": "made sharper or blurred "
        f"(by up to {c.get('sharpness', 0):g} times their detail)",
        "grey": f"left without colours in {100 * c.get('grey', 0):.0f} % of the cases",
        "erasing": f"covered by a grey rectangle in {100 * c['erase_probability']:.0f} % of the "
        f"cases (mean side {100 * c['erase']:.0f} % of the view)",
    }
    if not chapter["effects"]:
        return (
            f"This run was trained without augmentation: every face is shown as its central "
            f"{c['crop']} × {c['crop']} pixels, in every epoch."
        )
    listed = "; ".join(extents[name] for name in chapter["effects"])
    side, share = chapter["early_side"], chapter["early_epochs"]
    early = f" In the first {100 * share:.0f} % of the epochs they are shrunk to {side} × {side}."
    return (
        f"Each time that a training face is shown, a view of {c['crop']} × {c['crop']} pixels is "
        f"drawn from it anew: {listed}.{early if share and side != c['crop'] else ''}"
    )


def describe_effect(study: dict, factor: dict) -> str:
    """Say what turning augmentation off changed, and whether that is clear."""
    other = next(setting for setting in factor["settings"] if setting["changes"])
    lost = [setting["label"] for setting in factor["settings"] if setting["diverged"]]
    if lost:
        return f"With augmentation {' and '.join(lost)}, the loss was no longer finite."
    differences = {score: other["differences"][score] for score in SCORES}
    each = ", ".join(f"{name} {signed(differences[score])}" for score, name in SCORES.items())
    clear = [SCORES[score] for score, d in differences.items() if is_clear(d)]
    verdict = (
        f"The change in {' and '.join(clear)} is larger than its uncertainty."
        if clear
        else "Neither interval leaves 0 out: in trainings as short as these, no effect is shown."
    )
    return (
        f"Trained with augmentation {other['label']} and otherwise alike "
        f"({sample_of_study(study, [other])}; {study['base']['epochs']} epochs), the change was: "
        f"{each}. {verdict}"
    )
