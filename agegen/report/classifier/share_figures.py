"""Shares of groups of faces, as text and as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agegen.report.parts.style import BLUE, GREY, error_bar

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def of_how_many(share: dict) -> str:
    """12 of 941."""
    return f"{share['count']:,.0f} of {share['n']:,}"


def draw_shares(figure: Figure, groups: dict, overall: float, what: str, of: str) -> None:
    """Share of every group with its interval, from the top down.

    Args:
        figure: to draw on.
        groups: name → {"n", "share"}.
        overall: share of all faces, a dashed line.
        what: name of the share.
        of: name of the groups.
    """
    axes = figure.subplots()
    found = [(i, group["share"]) for i, group in enumerate(groups.values()) if group["n"]]
    error = np.array([error_bar(**share) for _, share in found]).T
    axes.errorbar(
        [share["value"] for _, share in found], [i for i, _ in found], xerr=error, color=BLUE,
        marker="o", linestyle="none", elinewidth=1,
    )  # fmt: skip
    axes.axvline(overall, color=GREY, linestyle="--", linewidth=1)
    axes.set_yticks(range(len(groups)), [f"{k}  (n = {g['n']:,})" for k, g in groups.items()])
    axes.set(xlabel=what, ylabel=of, ylim=(len(groups) - 0.5, -0.5))
    axes.set_xlim(-0.02 * axes.get_xlim()[1], None)  # a point at 0 is seen whole
