"""Figures of an evaluation: shares of the gap beside the controls', and mean maps."""

from typing import Any, NamedTuple

import numpy as np

from agegen.evaluation.verdicts import is_adversarial
from agegen.faces.records import CLASS_NAMES
from agegen.report.evaluation.saved import SavedEvaluation, name_judge
from agegen.report.parts.style import BLACK, CLASS_COLOURS, GREY, Axes, Figure, draw_points

COLOURS = dict(zip(CLASS_NAMES, CLASS_COLOURS, strict=True))
IN_SCALE = 0.99  # of a map's cells: a single corner would else take the whole scale
WIDEST = (-1.0, 2.0)  # of the frame: a judge that sees hardly a gap may give any share


class Row(NamedTuple):
    """One judge: the generator's share of the gap, the controls', and adversarial noise's."""

    name: str
    share: dict
    controls: list[dict]
    adversarial: list[dict]


class Panel(NamedTuple):
    """One direction: the class aimed at, and every judge."""

    to: str
    rows: list[Row]


class Frame(NamedTuple):
    """Ends of the axis, and how many values lie outside."""

    low: float
    high: float
    outside: int


def list_shares(saved: SavedEvaluation) -> list[Panel]:
    """What the forest plot shows."""
    controls = saved.found.get("controls", {})
    panels = []
    for to in (direction.to for direction in saved.directions):
        rows = []
        for judge, score in saved.judges.items():
            row = Row(name_judge(judge), saved.share(to, judge), [], [])
            for name, both in controls.items():
                share = both[to][judge][score]["share_of_gap"]
                (row.adversarial if is_adversarial(name) else row.controls).append(share)
            rows.append(row)
        panels.append(Panel(to, rows))
    return panels


def frame(panels: list[Panel]) -> Frame:
    """An axis that holds 0, 1 and every interval that is not far away."""
    figures = [
        figure
        for panel in panels
        for row in panel.rows
        for figure in (row.share, *row.controls, *row.adversarial)
    ]
    ends = [x for figure in figures for x in figure.values() if x is not None]
    low = max(min([0.0, *ends]), WIDEST[0]) - 0.05
    high = min(max([1.0, *ends]), WIDEST[1]) + 0.05
    values = [figure["value"] for figure in figures if figure["value"] is not None]
    return Frame(low, high, sum(not low <= value <= high for value in values))


def draw_forest(figure: Figure, panels: list[Panel]) -> None:
    """Both directions, one below the other; judges from the top down."""
    low, high, _ = frame(panels)
    several = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, panel in zip(several, panels, strict=True):
        for place, row in enumerate(panel.rows):
            draw_row(axes, row, place, COLOURS[panel.to])
        for line in (0, 1):
            axes.axvline(line, color=BLACK, linewidth=0.8, linestyle="-" if line == 0 else ":")
        axes.set_yticks(range(len(panel.rows)), [row.name for row in panel.rows])
        axes.set(xlim=(low, high), ylim=(len(panel.rows) - 0.5, -0.5))
        axes.set_title(f"made {panel.to}", loc="left", color=COLOURS[panel.to], fontweight="bold")
        axes.grid(visible=False, axis="y")
    several[-1].set_xlabel("share of the real gap")


def draw_row(axes: Axes, row: Row, place: int, colour: str) -> None:
    """One judge: the controls spread around its line, the generator on it."""
    n = len(row.controls)
    spread = np.linspace(-0.36, 0.36, n) if n > 1 else np.full(n, 0.2)
    apart = [place + 0.24] * len(row.adversarial)
    points: list[tuple[Any, list[dict], dict]] = [
        (place + spread, row.controls, {"color": GREY, "alpha": 0.6, "markersize": 2}),
        (apart, row.adversarial, {"color": BLACK, "marker": "x", "markersize": 5}),
        ([place], [row.share], {"color": colour, "markersize": 6.5, "elinewidth": 2}),
    ]
    for at, shares, look in points:
        plain = {"marker": "o", "linestyle": "none", "elinewidth": 0.7}
        draw_points(axes, at, shares, rows=True, **plain | look)


def draw_maps(figure: Figure, maps: dict[str, list[list[float]]]) -> None:
    """Maps by title, whose shares add up to 1, on one scale, as multiples of an even share."""
    several = figure.subplots(1, len(maps), squeeze=False)[0]
    arrays = {title: np.array(shares) * np.size(shares) for title, shares in maps.items()}
    most = max(float(np.quantile(array, IN_SCALE)) for array in arrays.values())
    for axes, (title, array) in zip(several, arrays.items(), strict=True):
        image = axes.imshow(array, cmap="cividis", vmin=0, vmax=most, interpolation="nearest")
        axes.set_title(title)
        axes.set(xticks=[], yticks=[])
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
    bar = figure.colorbar(
        image, ax=list(several), location="bottom", shrink=0.6, aspect=30, extend="max"
    )
    bar.set_label("times an even share")
    bar.outline.set_visible(False)
