"""What the page leads with: a face that is right, one that is wrong, the ROC curve, a sentence."""

from pathlib import Path

import numpy as np

from agegen.report.classifier.beyond_accuracy import read_curves
from agegen.report.classifier.right_and_wrong import picture_roc
from agegen.report.parts.examples import show_face
from agegen.report.parts.saved_run import Scored
from agegen.report.parts.section import FaceGrid
from agegen.report.parts.style import Picture
from agegen.report.parts.wording import by_class, percent

SEED = 0


def draw_faces(evaluation: dict, scored: Scored) -> list[FaceGrid]:
    """A right and a wrong face, drawn at random; one alone where there is no other."""
    generator = np.random.default_rng(SEED)
    is_right = (scored.p > 0.5) == scored.y
    kinds = {"right": np.flatnonzero(is_right), "wrong": np.flatnonzero(~is_right)}
    drawn, faces, said = [], [], []
    for kind, rows in kinds.items():
        if len(rows):
            src, what, _ = show_face(scored, int(generator.choice(rows)))
            drawn.append(kind)
            faces.append((src, f"{kind}: {what}"))
            said.append(f"{kind} is the {what}")
    counts = " and ".join(f"{len(rows):,} {kind}" for kind, rows in kinds.items())
    which = "held-out" if evaluation["held_out"] else "evaluated"
    caption = (
        f"From the left: {'; '.join(said)}. Drawn at random (seed {SEED}) from {counts} {which} "
        "faces. A touch enlarges."
    )
    return [FaceGrid("Right and wrong", drawn, [faces], caption)]


def draw_curve(folder: Path, evaluation: dict, scored: Scored) -> list[Picture]:
    """The ROC curve, if both classes are there; `folder` is that of the analysis."""
    if evaluation["roc_auc"]["value"] is None:
        return []
    curves = read_curves(folder, evaluation)
    return [picture_roc(evaluation, scored, curves["roc"] if curves else None)]


def say(evaluation: dict) -> str:
    """One sentence: how many are right, and how many would be by one answer for all."""
    counts = evaluation["n_by_class"]
    larger = max(counts, key=lambda name: counts[name])
    return (
        f"Of {evaluation['n']:,} {'held-out ' if evaluation['held_out'] else ''}faces "
        f"({by_class(counts)}), {percent(evaluation['accuracy']['value'])} are told right; always "
        f"answering “{larger}” gets {percent(counts[larger] / evaluation['n'])}."
    )
