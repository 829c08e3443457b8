"""What a frozen classifier said of the generated faces while the generators were trained."""

import numpy as np

from agegen.faces.records import DIRECTIONS
from agegen.report.cyclegan.curves import describe_ends, draw_looks
from agegen.report.cyclegan.frontier import draw_frontier, has_identity
from agegen.report.cyclegan.run import SavedCycleGAN, describe_watched
from agegen.report.parts.section import Section


def answer(saved: SavedCycleGAN) -> Section:
    """Answer the question after the age of the generated faces."""
    return Section(
        "judge",
        "How old does a classifier find the generated faces?",
        "Quel âge un classificateur donne-t-il aux visages générés ?",
        [*describe_choice(saved), describe_look(saved, -1, "At the last look")],
        pictures=[
            draw_looks(
                saved, "judge_share", "Share of the real gap", "share of the gap", 1.0,
                describe_ends,
                "Mean shift of the log-odds towards the age aimed at, over the gap between real "
                "faces of both classes. Dotted: as far apart as real faces are.",
            ),
            draw_looks(
                saved, "judge_flips", "Judged as the age aimed at", "share of the faces", 0.5,
                describe_ends,
                "Share of the generated faces that are judged as the class aimed at. Dotted: one "
                "half.",
            ),
            *([draw_frontier([saved])] if has_identity(saved) else []),
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
    rows = np.flatnonzero(saved.looks["pairs"] == pairs)
    return [
        f"Chosen as the best look: that after {pairs:,} pairs, where the smaller of both shares "
        f"(at most 1) was the largest, {saved.best['score']:.3f}; {describe_bounds(saved)}.",
        *(describe_look(saved, row, "Then") for row in rows[-1:]),
    ]


def weaker(saved: SavedCycleGAN, row: int, to: str) -> str:
    """At which strength of the change it was, where that is not the whole."""
    strengths = saved.looks.get(f"judge_strength_{to}")
    if strengths is None or not strengths[row] < 1:  # older looks have none
        return ""
    kept = saved.looks[f"judge_verified_{to}"][row]
    enough = "which keeps" if kept >= saved.config["verified"] else "which does not keep"
    return f" (at strength {strengths[row]:g}, {enough} the persons)"


def describe_look(saved: SavedCycleGAN, row: int, when: str) -> str:
    """Say how far the faces of both directions moved, and how many changed sides."""
    parts = [
        f"{source} faces made {to} moved by {100 * saved.looks[f'judge_share_{to}'][row]:.0f} % of "
        f"the real gap, and {100 * saved.looks[f'judge_flips_{to}'][row]:.0f} % of them were "
        f"judged {to}{weaker(saved, row, to)}"
        for source, to in DIRECTIONS
    ]
    return f"{when}, {'; '.join(parts)}."
