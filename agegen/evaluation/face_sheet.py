"""Faces beside what was made of them, as one picture."""

from typing import NamedTuple

import numpy as np
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
    columns = [to_uint8(x).cpu().numpy() for x in faces]
    rows = min(map(len, columns))
    padded = [np.pad(c[:rows], ((0, 0), (0, GAP), (0, GAP), (0, 0)), constant_values=255)
              for c in columns]  # fmt: skip
    return np.concatenate([np.concatenate(list(c), axis=0) for c in padded], axis=1)
