"""The section "Right and wrong": confusion matrix and ROC curve."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from agegen.faces.records import CLASS_NAMES
from agegen.report.saved_run import Scored
from agegen.report.style import BLACK, BLUE, GREY, VERMILLION, Picture, picture
from agegen.report.wording import percent, sample_of, show, span

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_errors(evaluation: dict, scored: Scored) -> list[Picture]:
    """Draw the section; a ROC curve needs both classes."""
    pictures = [picture_confusion(evaluation)]
    if evaluation["roc_auc"]["value"] is not None:
        text = f"Area under the curve: {show(evaluation['roc_auc'])}."
        draw = partial(draw_roc, y=scored.y, p=scored.p)
        caption = f"{text} Temperature scaling does not change the curve."
        pictures.append(picture("ROC curve", sample_of(evaluation), draw, text, caption))
    return pictures


def picture_confusion(evaluation: dict) -> Picture:
    """The confusion matrix, with the shares of each true class."""
    matrix, recall = evaluation["confusion_matrix"], evaluation["recall"]
    counts = [[matrix[f"true_{t}"][f"predicted_{q}"] for q in CLASS_NAMES] for t in CLASS_NAMES]
    young, old = (recall[name] for name in CLASS_NAMES)
    shares = [[young, remainder(young)], [remainder(old), old]]
    right = "; ".join(
        f"{counts[t][t]['value']:.0f} {name} faces right and {counts[t][1 - t]['value']:.0f} wrong"
        for t, name in enumerate(CLASS_NAMES)
    )
    return picture(
        "Confusion matrix", sample_of(evaluation),
        partial(draw_confusion, counts=counts, shares=shares), f"{right}.",
        "Faces with their 95 % interval; below, the share of the true class with its own.",
    )  # fmt: skip


def remainder(share: dict) -> dict:
    """1 − share, with its interval."""
    swapped = {"value": "value", "low": "high", "high": "low"}
    return {k: None if share[v] is None else 1 - share[v] for k, v in swapped.items()}


def draw_confusion(figure: Figure, counts: list, shares: list) -> None:
    """Two by two counts and shares of the true class, with intervals; the share is the shade.

    Args:
        figure: to draw on.
        counts: true → predicted → {"value", "low", "high"}.
        shares: true → predicted → the same, of the true class.
    """
    axes = figure.subplots()
    shade = [[cell["value"] or 0 for cell in row] for row in shares]
    axes.imshow(shade, cmap="Blues", vmin=0, vmax=1.4, aspect="auto")
    for t in (0, 1):
        for q in (0, 1):
            n, share = counts[t][q], shares[t][q]
            lines = f"{n['value']:,.0f} faces\n{span(n['low'], n['high'], 1, 0)}\n\n"
            lines += f"{percent(share['value'])}\n{span(share['low'], share['high'], 100, 1)}"
            axes.text(q, t, lines, ha="center", va="center", color=BLACK)
    axes.set_xticks([0, 1], CLASS_NAMES)
    axes.set_yticks([0, 1], CLASS_NAMES, rotation=90, va="center")
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.grid(visible=False)
    axes.tick_params(length=0)


def draw_roc(figure: Figure, y: np.ndarray, p: np.ndarray) -> None:
    """ROC curve, with the point of the threshold 0.5; ties are one slanted stretch."""
    axes = figure.subplots()
    order = np.argsort(-p, kind="stable")
    last = np.r_[np.diff(p[order]) != 0, True]
    true = np.r_[0, np.cumsum(y[order] == 1)[last]] / (y == 1).sum()
    false = np.r_[0, np.cumsum(y[order] == 0)[last]] / (y == 0).sum()
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="chance")
    axes.plot(false, true, color=BLUE, label="classifier")
    at = (p[y == 0] > 0.5).mean(), (p[y == 1] > 0.5).mean()
    axes.plot(*at, "o", color=VERMILLION, label="threshold p(old) = 0.5")
    axes.set(xlabel="young taken for old (share)", ylabel="old found (share)")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.legend(loc="lower right")
