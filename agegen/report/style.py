"""The look that all figures share, and their way into a page: SVG as a data URI.

matplotlib is imported when a figure is made, and its global settings are left as they were.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
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


class Picture(NamedTuple):
    """A figure with its name, what it shows, and the same in words for those who cannot see it.

    `src` is a data URI; a `wide` one takes the whole width of the page.
    """

    name: str
    src: str
    alt: str
    caption: str
    wide: bool = False


def picture(
    name: str, sample: str, draw: Callable, alt: str, caption: str, height: float = HEIGHT
) -> Picture:
    """Draw one figure; `sample` says which faces it shows and stands on it."""
    return Picture(name, as_svg(draw, sample, height), f"{name} ({sample}). {alt}", caption)


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


def embed_png(path: Path) -> str:
    """Return a saved PNG as a data URI."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def error_bar(value: float | None, low: float | None, high: float | None) -> tuple[float, float]:
    """Lengths below and above the value; 0 where the interval is undefined."""
    if value is None or low is None or high is None:
        return 0.0, 0.0
    return max(value - low, 0), max(high - value, 0)
