"""Groups of faces: accuracy by age and by gender."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from agegen.report.parts.style import BLUE, CLASS_COLOURS, GREEN, GREY, Picture, error_bar, picture
from agegen.report.parts.wording import show

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_group_figures(evaluation: dict, years: dict | None) -> list[Picture]:
    """Draw all; empty where neither age nor gender is known.

    Args:
        evaluation: of the run.
        years: "by_year" of analysis/curves.json, in place of the evaluation's bands of age.
    """
    pictures = []
    if years and any(years.values()):
        pictures.append(picture_years(evaluation, years))
    elif evaluation["by_age"]:
        pictures.append(picture_groups(evaluation, "by_age", "Accuracy by age (years)"))
    if evaluation["by_gender"]:
        pictures.append(picture_groups(evaluation, "by_gender", "Accuracy by gender"))
    return pictures


def picture_years(evaluation: dict, years: dict[str, list[dict]]) -> Picture:
    """Accuracy at every year of age."""
    known = sum(year["n"] for of_class in years.values() for year in of_class)
    each = "; ".join(
        f"{year['age']}: {show(year['accuracy'])}, n = {year['n']}"
        for of_class in years.values()
        for year in of_class
    )
    return picture(
        "Accuracy by age", f"{evaluation['split']} split, n = {known:,} with known age",
        partial(draw_years, years=years, overall=evaluation["accuracy"]["value"]), f"{each}.",
        "Every year of true age, with the exact 95 % interval of its share and the number of faces "
        "below.",
    )  # fmt: skip


def draw_years(figure: Figure, years: dict[str, list[dict]], overall: float) -> None:
    """Accuracy against age, a panel for each class that has known ages.

    Args:
        figure: to draw on.
        years: class → [{"age", "n", "accuracy"}, …].
        overall: accuracy of all faces, a dashed line.
    """
    shown = {name: of_class for name, of_class in years.items() if of_class}
    spans = [of_class[-1]["age"] - of_class[0]["age"] + 2 for of_class in shown.values()]
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False, width_ratios=spans)[0]
    colours = dict(zip(years, CLASS_COLOURS, strict=True))
    for axes, (name, of_class) in zip(panels, shown.items(), strict=True):
        ages = [year["age"] for year in of_class]
        error = np.array([error_bar(**year["accuracy"]) for year in of_class]).T
        axes.errorbar(
            ages, [year["accuracy"]["value"] for year in of_class], error, color=colours[name],
            marker="o", linestyle="none", elinewidth=1,
        )  # fmt: skip
        axes.axhline(overall, color=GREY, linestyle="--", linewidth=1)
        for year in of_class:
            axes.annotate(
                f"{year['n']:,}", (year["age"], 0.02), xycoords=("data", "axes fraction"),
                ha="center", fontsize=6.5, color=GREY,
            )  # fmt: skip
        axes.set_title(name, color=colours[name])
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set(xlabel="true age (years)", xlim=(ages[0] - 1, ages[-1] + 1), ylim=(-0.06, 1.03))
    panels[0].set_ylabel("share right (dashed: all)")


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
