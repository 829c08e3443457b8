"""Figures of a classifier's run, from plain numbers; no files and no network.

Every ``draw_…`` function fills an empty matplotlib figure; `as_svg` gives all of them one style.
matplotlib is imported when a figure is made, and its global settings are left as they were.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from agegen import metrics
from agegen.faces.catalog import CLASS_NAMES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito (2008): told apart with every common kind of colour blindness.
BLUE, VERMILLION, GREEN, GREY, BLACK = "#0072B2", "#D55E00", "#009E73", "#767676", "#1a1a1a"
CLASS_COLOURS = (BLUE, VERMILLION)
STYLE = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.5,
    "lines.markersize": 4.5,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "svg.hashsalt": "agegen",  # the same numbers give the same bytes
}
WIDTH, HEIGHT = 4.6, 3.3  # inches; 331 points, so that 9 point text stays 9 px on a phone

Columns = dict[str, np.ndarray]
"""Equally long arrays by name: the step or the validation records of metrics.jsonl."""


class Bin(NamedTuple):
    """Faces of similar confidence: how many, their mean confidence and their accuracy."""

    n: int
    confidence: float
    accuracy: metrics.Estimate


def as_svg(draw: Callable[[Figure], None], title: str, height: float = HEIGHT) -> str:
    """Draw a figure and return it as a data URI, the same bytes for the same numbers.

    Args:
        draw: fills an empty figure.
        title: says which faces are shown, and how many.
        height: in inches.
    """
    import matplotlib
    from matplotlib.figure import Figure

    buffer = BytesIO()
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        figure.suptitle(title, x=0, ha="left", fontsize=9, color="#444444")
        draw(figure)
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()


def draw_loss(figure: Figure, steps: Columns, per_epoch: int, per_step: float, best: int) -> None:
    """Training loss: means of equal runs of steps, with the band of their middle 80 %.

    Args:
        figure: to draw on.
        steps: with "step" and "loss".
        per_epoch: steps in an epoch.
        per_step: training faces in a step, on average.
        best: step of the best epoch.
    """
    axes = figure.subplots()
    block = block_length(len(steps["step"]))
    ends = np.arange(block, len(steps["step"]) + block, block)
    losses = np.split(steps["loss"], ends[:-1])
    x = np.array([part.mean() for part in np.split(steps["step"], ends[:-1])])
    low, high = np.array([np.quantile(part, [0.1, 0.9]) for part in losses]).T
    axes.fill_between(x, low, high, color=BLUE, alpha=0.2, linewidth=0)
    axes.plot(x, [part.mean() for part in losses], color=BLUE)
    mark_best(axes, best)
    axes.set(xlabel=f"step ({per_epoch:,} an epoch)", ylabel="training loss (nats)")
    add_images_seen(axes, per_step)


def block_length(steps: int) -> int:
    """How many steps one point of the loss curve averages: at most 100 points."""
    return max(-(-steps // 100), 1)


def draw_rate(figure: Figure, steps: Columns, per_epoch: int, per_step: float, best: int) -> None:
    """Learning rate by step; arguments as in `draw_loss`."""
    axes = figure.subplots()
    thinned = slice(None, None, max(len(steps["step"]) // 500, 1))
    rate = steps["learning_rate"][thinned]
    power = int(np.floor(np.log10(rate.max()))) if rate.max() > 0 else 0
    axes.plot(steps["step"][thinned], rate / 10.0**power, color=BLUE)
    mark_best(axes, best)
    unit = rf"learning rate ($\times 10^{{{power}}}$)"
    axes.set(xlabel=f"step ({per_epoch:,} an epoch)", ylabel=unit, ylim=(0, None))
    add_images_seen(axes, per_step)


def draw_validation(
    figure: Figure, validation: Columns, curves: dict[str, str], per_epoch: float, best: int
) -> None:
    """Validation figures by epoch, the best epoch marked.

    Args:
        figure: to draw on.
        validation: with "epoch" and the curves.
        curves: column → name with unit; the first is in blue, the second in vermillion.
        per_epoch: training faces in an epoch.
        best: number of the best epoch, counted from 0.
    """
    axes = figure.subplots()
    epochs = validation["epoch"] + 1
    for (column, name), colour in zip(curves.items(), CLASS_COLOURS, strict=False):
        axes.plot(epochs, validation[column], "o-", color=colour, label=name, markersize=3)
    mark_best(axes, best + 1, low=len(curves) > 1)  # where these curves are not, as they rise
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set(xlabel="epoch", ylabel=", ".join(curves.values()), xlim=(0, epochs.max() * 1.03))
    if len(curves) > 1:
        figure.legend(loc="outside lower center", ncols=2)
        axes.set_ylabel("score (chance: 0.5)")
    add_images_seen(axes, per_epoch)


def mark_best(axes: Axes, x: float, low: bool = False) -> None:
    """Mark the epoch whose weights were kept by a dotted line, named at its top or low end."""
    axes.margins(x=0.04)
    axes.axvline(x, color=BLACK, linestyle=":", linewidth=1)
    axes.annotate(
        "best epoch", (x, 0 if low else 1), xycoords=("data", "axes fraction"),
        xytext=(-3, 3 if low else -3), textcoords="offset points", rotation=90,
        ha="right", va="bottom" if low else "top", fontsize=8,
    )  # fmt: skip


def add_images_seen(axes: Axes, per_unit: float) -> None:
    """Add a second horizontal axis on top: training faces seen, in thousands."""
    scale = per_unit / 1000
    top = axes.secondary_xaxis("top", functions=(lambda x: x * scale, lambda x: x / scale))
    top.set_xlabel("training faces seen (thousands)", fontsize=8)


def draw_confusion(figure: Figure, counts: list, shares: list) -> None:
    """Two by two counts and shares of the true class, with intervals; the share is the shade.

    Args:
        figure: to draw on.
        counts: true → predicted → {"value", "low", "high"}.
        shares: true → predicted → Estimate.
    """
    axes = figure.subplots()
    shade = np.array([[cell.value for cell in row] for row in shares])
    axes.imshow(np.nan_to_num(shade), cmap="Blues", vmin=0, vmax=1.4, aspect="auto")
    for t in (0, 1):
        for q in (0, 1):
            n, share = counts[t][q], shares[t][q]
            lines = f"{n['value']:,.0f} faces\n{span(n['low'], n['high'], 1, 0)}\n\n"
            lines += percent(share) + f"\n{span(share.low, share.high, 100, 1)}"
            axes.text(q, t, lines, ha="center", va="center", color=BLACK)
    axes.set_xticks([0, 1], CLASS_NAMES)
    axes.set_yticks([0, 1], CLASS_NAMES, rotation=90, va="center")
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.grid(visible=False)
    axes.tick_params(length=0)


def percent(share: metrics.Estimate) -> str:
    """Share in per cent, or a dash where there are no faces."""
    return f"{100 * share.value:.1f} %" if np.isfinite(share.value) else "–"


def span(low: float | None, high: float | None, scale: float, digits: int) -> str:
    """Interval in brackets that does not break over lines; empty where it is undefined."""
    if low is None or high is None or not np.isfinite([low, high]).all():
        return ""
    return f"[{scale * low:,.{digits}f},\u00a0{scale * high:,.{digits}f}]"


def reliability_bins(
    y: np.ndarray, p: np.ndarray, weights: np.ndarray, bins: int = 15
) -> list[Bin]:
    """Gather faces into the confidence bins of `metrics.expected_calibration_error`."""
    confidence = np.maximum(p, 1 - p)
    right = ((p > 0.5) == y).astype(np.float64)
    member = np.minimum((confidence * bins).astype(int), bins - 1)
    result = []
    for number in np.unique(member):
        of = member == number
        accuracy = metrics.estimate(partial(metrics.mean, right[of]), weights[:, of])
        result.append(Bin(int(of.sum()), float(confidence[of].mean()), accuracy))
    return result


def draw_reliability(figure: Figure, before: list[Bin], after: list[Bin]) -> None:
    """Accuracy against confidence before and after scaling; below, the faces in each bin."""
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    top.plot([0.5, 1], [0.5, 1], color=GREY, linestyle="--", linewidth=1, label="calibrated")
    styles = (("before scaling", before, GREY, "s"), ("after scaling", after, BLUE, "o"))
    for shift, (name, bins, colour, marker) in zip((-0.004, 0.004), styles, strict=True):
        x = np.array([b.confidence for b in bins])
        y = [b.accuracy.value for b in bins]
        error = np.array([error_bar(*b.accuracy) for b in bins]).T
        top.errorbar(
            x, y, error, color=colour, marker=marker, elinewidth=0.8, linewidth=1, label=name
        )
        bottom.bar(x + shift, [b.n for b in bins], 0.008, color=colour)
    top.set(ylabel="accuracy", ylim=(-0.03, 1.03))
    top.legend(loc="lower right")
    bottom.set(xlabel="confidence: p of the predicted class", ylabel="faces", xlim=(0.48, 1.02))
    figure.align_ylabels()


def error_bar(value: float | None, low: float | None, high: float | None) -> tuple[float, float]:
    """Lengths below and above the value; 0 where the interval is undefined."""
    if low is None or high is None or not np.isfinite([low, high]).all():
        return 0.0, 0.0
    return max(value - low, 0), max(high - value, 0)


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
        error = np.array([error_bar(s["value"], s["low"], s["high"]) for _, s in found]).T
        axes.errorbar(
            [s["value"] for _, s in found], [i + offset for i, _ in found], xerr=error,
            color=colour, marker=marker, linestyle="none", label=score.replace("_", " "),
        )  # fmt: skip
    axes.axvline(overall, color=GREY, linestyle="--", linewidth=1, label="accuracy of all")
    axes.set_yticks(range(len(groups)), [f"{k}  (n = {g['n']:,})" for k, g in groups.items()])
    axes.set(xlabel="share right", xlim=(-0.02, 1.02), ylim=(len(groups) - 0.5, -0.5))
    figure.legend(loc="outside lower center", ncols=3)
