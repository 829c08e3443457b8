"""The section "Groups of faces": accuracy by age and by gender."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from agegen.report.style import BLUE, GREEN, GREY, Picture, error_bar, picture
from agegen.report.wording import show

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_group_figures(evaluation: dict) -> list[Picture]:
    """Draw the section; empty where neither age nor gender is known."""
    names = {"by_age": "Accuracy by age (years)", "by_gender": "Accuracy by gender"}
    return [picture_groups(evaluation, key, names[key]) for key in names if evaluation[key]]


def picture_groups(evaluation: dict, key: str, name: str) -> Picture:
    """Accuracy of the groups under `key`."""
    groups = dict(sorted(evaluation[key].items(), key=lambda item: first_number(item[0])))
    known = sum(group["n"] for group in groups.values())
    sample = f"{evaluation['split']} split, n = {known:,} with known {key.removeprefix('by_')}"
    each = "; ".join(f"{k}: {show(g['accuracy'])}, n = {g['n']}" for k, g in groups.items())
    return picture(
        name, sample,
        partial(draw_groups, groups=groups, overall=evaluation["accuracy"]["value"]), f"{each}.",
        "95 % intervals. Balanced accuracy where a group has both classes.",
        height=1.5 + 0.3 * len(groups),
    )  # fmt: skip


def first_number(band: str) -> int:
    """Lower age of a band such as 24–26; 0 for other names, which keep their order."""
    head = band.partition("–")[0]
    return int(head) if head.isdigit() else 0


def draw_groups(figure: Figure, groups: dict[str, dict], overall: float) -> None:
    """Accuracy of every group with its interval, balanced accuracy beside it where it is known.

    Args:
        figure: to draw on.
        groups: name → {"n", "accuracy", maybe "balanced_accuracy"}, from the top down.
        overall: accuracy of all faces, a dashed line.
    """
    axes = figure.subplots()
    shift = 0.12 if any("balanced_accuracy" in group for group in groups.values()) else 0
    styles = {"accuracy": (BLUE, "o", -shift), "balanced_accuracy": (GREEN, "D", shift)}
    for score, (colour, marker, offset) in styles.items():
        found = [(i, g[score]) for i, g in enumerate(groups.values()) if score in g]
        if not found:
            continue
        error = np.array([error_bar(**s) for _, s in found]).T
        axes.errorbar(
            [s["value"] for _, s in found], [i + offset for i, _ in found], xerr=error,
            color=colour, marker=marker, linestyle="none", label=score.replace("_", " "),
        )  # fmt: skip
    axes.axvline(overall, color=GREY, linestyle="--", linewidth=1, label="accuracy of all")
    axes.set_yticks(range(len(groups)), [f"{k}  (n = {g['n']:,})" for k, g in groups.items()])
    axes.set(xlabel="share right", xlim=(-0.02, 1.02), ylim=(len(groups) - 0.5, -0.5))
    figure.legend(loc="outside lower center", ncols=3)
