"""The look that all figures share, and their way into a page: SVG as a data URI.

matplotlib is imported when a figure is made, and its global settings are left as they were.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes
    from matplotlib.figure import Figure as Figure
    from matplotlib.typing import RcKeyType
else:
    Axes = Figure = Any  # in annotations of those who draw

# Okabe and Ito (2008): told apart with every common kind of colour blindness.
BLUE, VERMILLION, GREEN, GREY, BLACK = "#0072B2", "#D55E00", "#009E73", "#767676", "#1a1a1a"
CLASS_COLOURS = (BLUE, VERMILLION)
STYLE: dict[RcKeyType, Any] = {
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
PNG_DOTS_PER_INCH = 110
WIDTH, HEIGHT = 4.6, 3.3  # inches; 331 points, so that 9 point text stays 9 px on a phone


class Picture(NamedTuple):
    """A figure with its name, what it shows, and the same in words for those who cannot see it.

    `src` is a data URI; a `wide` one takes the whole width of the page. At the end of a notebook's
    cell it shows itself: as PNG where it can be drawn again (`png`), which is half the size.
    """

    name: str
    src: str
    alt: str
    caption: str
    wide: bool = False
    png: Callable[[], bytes] | None = None

    def _repr_mimebundle_(self, **_: object) -> tuple[dict, dict]:
        """What a notebook shows: the picture, and `alt` for those who cannot see it."""
        head, data = self.src.split(",", 1)
        kind = head.removeprefix("data:").removesuffix(";base64")
        if self.png:
            kind, data = "image/png", base64.b64encode(self.png()).decode()
        return {kind: data}, {kind: {"alt": self.alt}}

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        """What a notebook without pictures shows: `alt`."""
        printer.text(self.alt)


def picture(
    name: str,
    sample: str,
    draw: Callable,
    alt: str,
    caption: str,
    height: float = HEIGHT,
    wide: bool = False,
) -> Picture:
    """Draw one figure; `sample` says which faces it shows and stands on it."""
    png = partial(save, draw, sample, height, "png")
    alt = f"{name} ({sample}). {alt}"
    return Picture(name, as_svg(draw, sample, height), alt, caption, wide, png)


def as_svg(draw: Callable[[Figure], None], title: str, height: float = HEIGHT) -> str:
    """Draw a figure and return it as a data URI; the arguments are those of `save`."""
    drawn = base64.b64encode(save(draw, title, height, "svg")).decode()
    return f"data:image/svg+xml;base64,{drawn}"


def save(draw: Callable[[Figure], None], title: str, height: float, kind: str) -> bytes:
    """Draw a figure as "svg" or "png", the same bytes for the same numbers; height in inches."""
    import matplotlib
    from matplotlib.figure import Figure

    buffer, unsaid = BytesIO(), {"svg": ("Date", "Creator"), "png": ("Software",)}
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        if title:
            figure.suptitle(title, x=0, ha="left", fontsize=9, color="#444444")
        draw(figure)
        metadata = dict.fromkeys(unsaid[kind])
        figure.savefig(buffer, format=kind, dpi=PNG_DOTS_PER_INCH, metadata=metadata)
    return buffer.getvalue()


def embed_png(path: Path) -> str:
    """Return a saved PNG as a data URI."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def draw_points(
    axes: Axes,
    at: Sequence[float] | np.ndarray,
    figures: Sequence[dict | None],
    rows: bool,
    **look: Any,
) -> None:
    """Values with their intervals at places of an axis: the vertical one if they stand in rows.

    None and undefined ones are left out.
    """
    known = [(a, f) for a, f in zip(at, figures, strict=True) if f and f["value"] is not None]
    places, values = [a for a, _ in known], [f["value"] for _, f in known]
    bars = [error_bar(f["value"], f["low"], f["high"]) for _, f in known]
    error = np.array(bars).reshape(-1, 2).T
    if rows:
        axes.errorbar(values, places, xerr=error, **look)
    else:
        axes.errorbar(places, values, error, **look)


def draw_rows(
    axes: Axes,
    names: Sequence[str],
    series: Sequence[tuple[str, str, Sequence[dict | None]]],
    **named: Any,
) -> None:
    """Figures with their intervals in rows from the top down; what else is named is set too.

    A series is label, colour and figures, one a row.
    """
    for (label, colour, figures), marker, side in zip(series, "oD", (-0.12, 0.12), strict=False):
        places = np.arange(len(names)) + (side if len(series) > 1 else 0)
        look = {"color": colour, "marker": marker, "linestyle": "none", "label": label}
        draw_points(axes, places, figures, rows=True, **look)
    axes.set_yticks(range(len(names)), names)
    axes.set(ylim=(len(names) - 0.5, -0.5), **named)


def draw_histogram(
    axes: Axes, shares: Sequence[float] | np.ndarray, edges: Sequence[float] | np.ndarray,
    colour: str, label: str,
) -> None:  # fmt: skip
    """Shares of a class in each bin, its outline filled lightly."""
    axes.stairs(shares, edges, color=colour, linewidth=1.2, label=label)
    axes.stairs(shares, edges, color=colour, fill=True, alpha=0.2)


def error_bar(value: float | None, low: float | None, high: float | None) -> tuple[float, float]:
    """Lengths below and above the value; 0 where the interval is undefined."""
    if value is None or low is None or high is None:
        return 0.0, 0.0
    return max(value - low, 0), max(high - value, 0)
