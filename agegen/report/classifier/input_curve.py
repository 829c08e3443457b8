"""The course of an input optimisation, as an SVG file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from agegen.report.parts.style import BLUE, GREY, HEIGHT, STYLE, WIDTH
from agegen.run.files import written_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_curve(path: Path, figures: dict) -> None:
    """Draw the log-odds of what every step showed the network; matplotlib is imported only here.

    Args:
        path: of the SVG.
        figures: the content of figures.json, see `agegen.analysis.inputs.save`.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        draw_curve(figure, figures)
        with written_whole(path) as temporary:
            figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})


def draw_curve(figure: Figure, figures: dict) -> None:
    """One line an image, and their mean where there are several."""
    axes = figure.subplots()
    histories = [image["history"] for image in figures["images"]]
    n = len(histories)
    for history in histories:
        axes.plot(range(1, len(history) + 1), history, color=GREY if n > 1 else BLUE, linewidth=0.8)
    if n > 1:
        mean = [sum(values) / n for values in zip(*histories, strict=True)]
        axes.plot(range(1, len(mean) + 1), mean, color=BLUE, label="mean")
        axes.legend(loc="lower right")
    axes.set(
        xlabel="step", ylabel=f"calibrated log-odds of {figures['target']} (nats)",
        title=f"What the network was shown, n = {n} {'image' if n == 1 else 'images'}",
    )  # fmt: skip
