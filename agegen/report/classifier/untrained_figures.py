"""The figures of untrained networks: their AUC, and p(old) before and after training."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from agegen.report.parts.style import BLACK, BLUE, CLASS_COLOURS, GREY, Picture, error_bar, picture
from agegen.report.parts.wording import by_class, show

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def sample(chapter: dict) -> str:
    """Say which faces are shown."""
    return f"test split, n = {chapter['n']:,}: {by_class(chapter['n_by_class'])}"


def picture_scores(chapter: dict) -> Picture:
    """AUC of every fresh network, and their mean."""
    networks = [network["roc_auc"] for network in chapter["estimated"]["networks"]]
    mean, trained = chapter["estimated"]["means"]["roc_auc"], chapter["trained"]["roc_auc"]
    return picture(
        "AUC of untrained networks", sample(chapter),
        partial(draw_scores, networks=networks, mean=mean, trained=trained),
        f"Mean of {len(networks)}: {show(mean)}; trained: {show(trained)}.",
        "Each row is one initialisation with its 95 % interval over faces; the mean has its "
        "t-interval over initialisations.",
        height=1.5 + 0.13 * len(networks),
    )  # fmt: skip


def draw_scores(figure: Figure, networks: list[dict], mean: dict, trained: dict) -> None:
    """AUC in rows: the fresh networks in ascending order, their mean, the trained network.

    Args:
        figure: to draw on.
        networks: AUC of each, with "value", "low" and "high".
        mean: over the networks, with its interval.
        trained: of the trained network.
    """
    axes = figure.subplots()
    ranked = sorted(networks, key=lambda auc: auc["value"])
    last = len(ranked)
    groups = (
        (ranked, range(last), GREY, "o", "one initialisation"),
        ([mean], [last + 0.5], BLACK, "D", "their mean"),
        ([trained], [last + 2], BLUE, "s", "trained"),
    )
    for found, rows, colour, marker, name in groups:
        error = np.array([error_bar(f["value"], f["low"], f["high"]) for f in found]).T
        axes.errorbar(
            [f["value"] for f in found], rows, xerr=error, color=colour, marker=marker,
            linestyle="none", elinewidth=1, label=name,
        )  # fmt: skip
    axes.axvline(0.5, color=BLACK, linestyle="--", linewidth=1)
    axes.set_yticks([])
    axes.set(xlabel="AUC (dashed: chance)", xlim=(min(0.3, axes.get_xlim()[0]), 1.02))
    figure.legend(loc="outside lower center", ncols=3)


def picture_distributions(chapter: dict) -> Picture:
    """Histograms of p(old) before and after training."""
    count = len(chapter["estimated"]["networks"])
    histograms = {
        f"untrained (mean of {count})": chapter["estimated"]["histogram"],
        "trained": chapter["trained"]["histogram"],
    }
    middle = "; ".join(
        f"{name}: " + ", ".join(f"{k} {spread_of(v, chapter['edges'])}" for k, v in shares.items())
        for name, shares in histograms.items()
    )
    return picture(
        "p(old) before and after training", sample(chapter),
        partial(draw_distributions, histograms=histograms, edges=chapter["edges"]), f"{middle}.",
        "Share of the class in each twentieth of p(old), before temperature scaling. Untrained: "
        f"the mean over {count} initialisations, each with p(old) in a place of its own.",
    )  # fmt: skip


def spread_of(shares: list[float], edges: list[float]) -> str:
    """Mean of a histogram in words."""
    centres = (np.array(edges[:-1]) + edges[1:]) / 2
    return f"mean about {float(centres @ np.array(shares)):.2f}"


def draw_distributions(figure: Figure, histograms: dict[str, dict], edges: list[float]) -> None:
    """Histograms by class, a panel for each entry.

    Args:
        figure: to draw on.
        histograms: title → class → share in each bin.
        edges: of the bins.
    """
    panels = figure.subplots(1, len(histograms), sharey=True)
    for axes, (title, by_name) in zip(panels, histograms.items(), strict=True):
        for (name, shares), colour in zip(by_name.items(), CLASS_COLOURS, strict=False):
            axes.stairs(shares, edges, color=colour, linewidth=1.2, label=name)
            axes.stairs(shares, edges, color=colour, fill=True, alpha=0.2)
        axes.set_title(title)
        axes.set(xlabel="p(old)", xlim=(0, 1))
    panels[0].set_ylabel("share of the class")
    panels[-1].legend(loc="upper center")
