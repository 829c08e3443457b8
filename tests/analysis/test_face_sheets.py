"""Contact sheets: one PNG with every face where it belongs."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agegen.analysis.face_sheets import Sheet, Tile, save_sheet

COLOURS = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30), (30, 200, 200)]


def plain(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((20, 20, 3), colour, dtype=np.uint8)


def middle_of(sheet: np.ndarray, colour: tuple[int, int, int]) -> tuple[float, float]:
    """Relative place of a plain face."""
    rows, columns = np.nonzero((np.abs(sheet.astype(int) - colour) < 3).all(axis=2))
    assert len(rows) > 100
    return rows.mean() / sheet.shape[0], columns.mean() / sheet.shape[1]


def test_faces_stand_in_their_rows_and_columns(tmp_path: Path) -> None:
    rows = [[Tile(plain(c), "young, age 24\np 0.5") for c in COLOURS[:3]],
            [Tile(plain(c), "") for c in COLOURS[3:]]]  # fmt: skip
    save_sheet(tmp_path / "sheet.png", Sheet(rows, ["first", "second", "third"]))
    sheet = np.asarray(Image.open(tmp_path / "sheet.png").convert("RGB"))
    places = [middle_of(sheet, colour) for colour in COLOURS]
    assert all(place[0] < 0.5 for place in places[:3])
    assert all(place[0] > 0.5 for place in places[3:])
    assert [place[1] for place in places] == pytest.approx(
        [1 / 6, 1 / 2, 5 / 6, 1 / 6, 1 / 2], abs=0.04
    )
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == [".agegen", "sheet.png"]  # nothing half-written


def test_a_frame_has_its_colour(tmp_path: Path) -> None:
    save_sheet(tmp_path / "framed.png", Sheet([[Tile(plain((9, 9, 9)), "", "#D55E00")]]))
    save_sheet(tmp_path / "bare.png", Sheet([[Tile(plain((9, 9, 9)), "")]]))
    orange = [
        (np.abs(np.asarray(Image.open(tmp_path / name).convert("RGB")).astype(int) - (213, 94, 0))
         .max(axis=2) < 6).sum()
        for name in ("framed.png", "bare.png")
    ]  # fmt: skip
    assert orange[0] > 100
    assert orange[1] == 0


def test_the_same_faces_give_the_same_sheet(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        save_sheet(tmp_path / name, Sheet([[Tile(plain(COLOURS[0]), "x")]]))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
