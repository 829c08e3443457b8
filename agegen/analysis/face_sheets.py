"""Contact sheets: rows of captioned faces as one PNG."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from agegen.files import written_whole

TILE = 1.15  # side of a picture's place, in inches
CAPTION = 0.3  # height of the captions below a row, as a share of it
DOTS_PER_INCH = 130


class Tile(NamedTuple):
    """A picture, uint8 (h, w, 3), what stands under it, and the colour of its frame ("" none)."""

    image: np.ndarray
    caption: str
    frame: str = ""


def save_sheet(path: Path, rows: Sequence[Sequence[Tile]], heads: Sequence[str] = ()) -> None:
    """Write a sheet; matplotlib is imported only here.

    Args:
        path: of the PNG.
        rows: tiles from left to right; shorter rows end earlier.
        heads: what stands above the columns.
    """
    from matplotlib.figure import Figure

    columns = max(map(len, rows))
    heights = [1 + CAPTION * any(tile.caption for tile in row) for row in rows]
    figure = Figure(figsize=(TILE * columns, TILE * sum(heights)), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False, height_ratios=heights)
    for axes, row in zip(grid, rows, strict=True):
        for place, tile in zip(axes, row, strict=False):
            place.imshow(tile.image)
            place.set_xlabel(tile.caption, fontsize=7, labelpad=2)
        for place in axes:
            place.set(xticks=[], yticks=[])
            place.spines[:].set_visible(False)
        for place, tile in zip(axes, row, strict=False):
            if tile.frame:
                place.spines[:].set(visible=True, color=tile.frame, linewidth=2)
    for place, head in zip(grid[0], heads, strict=False):
        place.set_title(head, fontsize=8)
    with written_whole(path) as temporary:
        figure.savefig(temporary, format="png", dpi=DOTS_PER_INCH)
