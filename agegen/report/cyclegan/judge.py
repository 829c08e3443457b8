"""What a frozen classifier said of the generated faces while the generators were trained."""

from functools import partial

import numpy as np

from agegen.faces.records import CLASS_NAMES, DIRECTIONS
from agegen.report.cyclegan.curves import draw_curves
from agegen.report.cyclegan.frontier import draw_frontier, has_identity
from agegen.report.cyclegan.run import SavedCycleGAN, describe_watched, sample_watched
from agegen.report.parts.section import Section
from agegen.report.parts.style import CLASS_COLOURS, Picture, picture


def answer(saved: SavedCycleGAN) -> Section:
    """Answer the question after the age of the generated faces."""
    return Section(
        "judge",
        "How old does a classifier find the generated faces?",
        "Quel âge un classificateur donne-t-il aux visages générés ?",
        [*describe_choice(saved), describe_look(saved, -1, "At the last look")],
        pictures=[
            draw(saved, "share", "Share of the real gap", "share of the gap", 1.0,
                 "Mean shift of the log-odds towards the age aimed at, over the gap between real "
                 "faces of both classes. Dotted: as far apart as real faces are."),
            draw(saved, "flips", "Judged as the age aimed at", "share of the faces", 0.5,
                 "Share of the generated faces that are judged as the class aimed at. Dotted: one "
                 "half."),
            *draw_identity(saved),
        ],
        details=[
            f"The judge is the classifier {saved.config['judge']}; it was frozen and no part of "
            f"any loss. Measured on {describe_watched(saved)}. The same faces chose the best "
            "generators, whose figures here are therefore optimistic: evaluate_cyclegan.py "
            "measures them on test faces.",
            "A shift can be bought with something else than age, such as colours, or patterns that "
            "only this classifier reacts to: another judge and the faces themselves must agree.",
        ],
    )  # fmt: skip


def draw_identity(saved: SavedCycleGAN) -> list[Picture]:
    """Shift against identity, where the looks say whether the person was kept."""
    return [draw_frontier([saved])] if has_identity(saved) else []


def describe_bounds(saved: SavedCycleGAN) -> str:
    """Say which looks can be chosen at all."""
    verified = saved.config.get("verified", 0) if has_identity(saved) else 0
    person = f"in which fewer than {100 * verified:g} % are verified as the same person, "
    return (
        f"those with an alarm, {person if verified else ''}or whose faces are farther from real "
        "ones of the age aimed at (KID in the judge's features) than their sources are, never are"
    )


def describe_choice(saved: SavedCycleGAN) -> list[str]:
    """Say which look was chosen, and what was measured then."""
    if not saved.best:
        return [f"No look has been chosen as the best one: {describe_bounds(saved)}."]
    pairs = saved.best["pairs"]
    sentence = f"Chosen as the best look: that after {pairs:,} pairs, where the smaller of both "
    sentence += f"shares (at most 1) was the largest, {saved.best['score']:.3f}; "
    sentence += f"{describe_bounds(saved)}."
    rows = np.flatnonzero(saved.looks["pairs"] == pairs)
    return [sentence, *(describe_look(saved, row, "Then") for row in rows[-1:])]


def describe_look(saved: SavedCycleGAN, row: int, when: str) -> str:
    """Say how far the faces of both directions moved, and how many changed sides."""
    parts = [
        f"{source} faces made {to} moved by {100 * saved.looks[f'judge_share_{to}'][row]:.0f} % of "
        f"the real gap, and {100 * saved.looks[f'judge_flips_{to}'][row]:.0f} % of them were "
        f"judged {to}"
        for source, to in DIRECTIONS
    ]
    return f"{when}, {'; '.join(parts)}."


def draw(
    saved: SavedCycleGAN, name: str, title: str, ylabel: str, line: float, caption: str
) -> Picture:
    """A figure of the judge for both directions, the best look marked."""
    values = {to: saved.looks[f"judge_{name}_{to}"] for to in CLASS_NAMES}
    curves = [
        (f"made {to}", saved.looks["pairs"], values[to], colour)
        for to, colour in zip(CLASS_NAMES, CLASS_COLOURS, strict=True)
    ]
    drawn = partial(
        draw_curves, curves=curves, ylabel=ylabel, line=line, mark=saved.best.get("pairs")
    )
    ends = "; ".join(
        f"made {to}: {v[0]:.3f} at first, {v[-1]:.3f} at last" for to, v in values.items()
    )
    return picture(title, sample_watched(saved), drawn, f"{ends}.", caption)
