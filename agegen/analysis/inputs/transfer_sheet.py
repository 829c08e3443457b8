"""The ablation as a picture: settings in rows, starts and targets in columns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agegen import metrics
from agegen.analysis.errors import CLASS_COLOURS
from agegen.analysis.inputs.optimize import Optimized
from agegen.analysis.inputs.transfer_figures import Case, Judged
from agegen.classifier.predict import Classifier
from agegen.faces.records import CLASS_NAMES
from agegen.run.files import written_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NOISES_SHOWN, FACES_SHOWN = 1, 2  # of each target
WIDTH, HEIGHT = 1.25, 1.5  # inches of a tile with its caption
DOTS_PER_INCH = 120  # noise hardly compresses: the page stays small


def choose_columns(cases: list[Case]) -> list[int]:
    """The first noises and faces towards young, then towards old; int rows of the cases."""
    columns = []
    for kind, most in (("noise", NOISES_SHOWN), ("other", FACES_SHOWN)):
        for target in (0, 1):
            rows = [i for i, c in enumerate(cases) if c.kind == kind and c.start.target == target]
            columns += rows[:most]
    return columns


def save_grid(
    path: Path,
    cases: list[Case],
    made: dict[str, Optimized],
    judged: dict[str, dict[str, Judged]],
    networks: dict[str, Classifier],
) -> None:
    """Write the grid: the starts, then a row a setting; matplotlib is imported only here.

    Under an image stands p(old) of the first and of the second classifier of the same kind; the
    frame has the colour of the class that the second one takes it for.
    """
    from matplotlib.figure import Figure

    columns, names = choose_columns(cases), list(networks)[:2]
    first = next(iter(made))
    rows = [("start", made[first].before, [judged[first][name].before for name in names])]
    rows += [(s, made[s].after, [judged[s][name].after for name in names]) for s in made]
    figure = Figure(figsize=(WIDTH * len(columns), HEIGHT * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), len(columns), squeeze=False)
    for line, (label, images, odds) in zip(grid, rows, strict=True):
        p = [metrics.sigmoid(z / networks[n].temperature) for z, n in zip(odds, names, strict=True)]
        line[0].set_ylabel(label, fontsize=8)
        for place, i in zip(line, columns, strict=True):
            show_image(place, images[i], p[0][i], p[1][i])
    for place, i in zip(grid[0], columns, strict=True):
        place.set_title(name_case(cases[i]), fontsize=8)
    with written_whole(path) as temporary:
        figure.savefig(temporary, format="png", dpi=DOTS_PER_INCH)


def show_image(place: Axes, image: np.ndarray, first: float, second: float) -> None:
    """Draw one image with its caption and its frame."""
    place.imshow(image)
    place.set(xticks=[], yticks=[])
    place.set_xlabel(f"{first:.2f} | {second:.2f}", fontsize=7, labelpad=2)
    place.spines[:].set(visible=True, color=CLASS_COLOURS[int(second > 0.5)], linewidth=2)


def name_case(case: Case) -> str:
    """old face → young, or noise → old."""
    target = CLASS_NAMES[case.start.target]
    if case.kind == "noise":
        return f"noise → {target}"
    return f"{CLASS_NAMES[1 - case.start.target]} face → {target}"
