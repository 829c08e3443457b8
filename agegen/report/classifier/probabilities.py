"""What the probabilities are worth: margins by class, reliability before and after scaling."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from agegen import metrics
from agegen.faces.records import CLASS_NAMES
from agegen.report.parts.saved_run import Scored
from agegen.report.parts.style import BLACK, BLUE, CLASS_COLOURS, GREY, Picture, error_bar, picture
from agegen.report.parts.wording import sample_of, show

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_probabilities(evaluation: dict, scored: Scored) -> list[Picture]:
    """Draw margins and reliability."""
    return [picture_margins(evaluation, scored), picture_reliability(evaluation)]


def picture_margins(evaluation: dict, scored: Scored) -> Picture:
    """Histograms of the margins, with their means and variances in words."""
    means = "; ".join(
        f"{name}: mean {show(m['mean'])}, variance {show(m['variance'])}"
        for name, m in evaluation["margin"].items()
    )
    margins = metrics.margin(scored.y, scored.p)
    return picture(
        "Margins", sample_of(evaluation),
        partial(draw_margins, y=scored.y, margins=margins), f"{means}.",
        "p(label) − p(other) after scaling: 1 is sure and right, −1 sure and wrong. "
        f"Dashed, the means. {means[0].upper()}{means[1:]}.",
    )  # fmt: skip


def picture_reliability(evaluation: dict) -> Picture:
    """Accuracy against confidence, before and after scaling."""
    before, ece = evaluation["before_scaling"], "expected_calibration_error"
    then, now = show(before[ece]), show(evaluation[ece])
    bins = {"before": before["calibration_bins"], "after": evaluation["calibration_bins"]}
    return picture(
        "Reliability", sample_of(evaluation), partial(draw_reliability, **bins),
        f"ECE {then} before and {now} after scaling.",
        f"Temperature {evaluation['temperature']:.3f}. ECE {then} before, {now} after "
        "scaling: the mean gap between accuracy and confidence over these bins, weighted by "
        "their faces. It is biased upwards on few faces.",
    )  # fmt: skip


def draw_reliability(figure: Figure, before: list[dict], after: list[dict]) -> None:
    """Accuracy against confidence before and after scaling; below, the faces in each bin."""
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    top.plot([0.5, 1], [0.5, 1], color=GREY, linestyle="--", linewidth=1, label="calibrated")
    styles = (("before scaling", before, GREY, "s"), ("after scaling", after, BLUE, "o"))
    for shift, (name, bins, colour, marker) in zip((-0.004, 0.004), styles, strict=True):
        x = np.array([b["confidence"] for b in bins])
        y = [b["accuracy"]["value"] for b in bins]
        error = np.array([error_bar(**b["accuracy"]) for b in bins]).T
        top.errorbar(
            x, y, error, color=colour, marker=marker, elinewidth=0.8, linewidth=1, label=name
        )
        bottom.bar(x + shift, [b["n"] for b in bins], 0.008, color=colour)
    top.set(ylabel="accuracy", ylim=(-0.03, 1.03))
    top.legend(loc="lower right")
    bottom.set(xlabel="confidence: p of the predicted class", ylabel="faces", xlim=(0.48, 1.02))
    figure.align_ylabels()


def draw_margins(figure: Figure, y: np.ndarray, margins: np.ndarray) -> None:
    """Histogram of p(label) − p(other) by class, as shares of it; dashed at its mean."""
    axes = figure.subplots()
    edges = np.linspace(-1, 1, 21)
    for label, (name, colour) in enumerate(zip(CLASS_NAMES, CLASS_COLOURS, strict=True)):
        of = margins[y == label]
        if not len(of):
            continue
        shares = np.histogram(of, edges)[0] / len(of)
        axes.stairs(shares, edges, color=colour, linewidth=1.2, label=f"{name}, n = {len(of):,}")
        axes.stairs(shares, edges, color=colour, fill=True, alpha=0.2)
        axes.axvline(of.mean(), color=colour, linestyle="--", linewidth=1)
    axes.axvline(0, color=BLACK, linewidth=0.8)
    axes.set(xlabel="p(label) − p(other)", ylabel="share of the class", xlim=(-1, 1))
    axes.legend(loc="upper left")
