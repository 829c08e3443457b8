"""Faces beside what was made of them, as one picture."""

from typing import NamedTuple

import numpy as np
from einops import rearrange
from torch import Tensor

from agegen.faces.records import DIRECTIONS
from agegen.faces.views import to_uint8

COLUMNS = ("source", "translated", "back", "identity")  # of each direction, young → old first
GAP = 2  # pixels between the faces


class Look(NamedTuple):
    """What the generators make of faces: float (n, 3, h, w) each."""

    fake: Tensor
    back: Tensor
    same: Tensor

    def first(self, n: int) -> "Look":
        """The first n faces of each."""
        return Look(*(faces[:n] for faces in self))


def make_sheet_of_looks(real: dict[str, Tensor], looks: dict[str, Look]) -> np.ndarray:
    """A sheet with `COLUMNS` for young, then for old."""
    return make_sheet([x for source, to in DIRECTIONS for x in (real[source], *looks[to])])


def make_sheet(faces: list[Tensor]) -> np.ndarray:
    """Columns of faces, float (n, 3, h, w) each, pixel for pixel: uint8 (h, w, 3).

    A row has one face of each; `agegen.report` cuts it up again.
    """
    rows = min(map(len, faces))
    columns = np.stack([to_uint8(x[:rows]).cpu().numpy() for x in faces])
    gaps = ((0, 0), (0, 0), (0, GAP), (0, GAP), (0, 0))
    return rearrange(np.pad(columns, gaps, constant_values=255), "c n h w x -> (n h) (c w) x")
