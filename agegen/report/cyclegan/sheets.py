"""What the generators make of held-out faces, and how it developed: cut out of the watch's sheets.

A sheet (`agegen.cyclegan.watch.save_sheet`) has a row a face and eight columns: a young face,
translated to old, translated back, translated to its own age, then the same of an old one. Each
face has a white gap to its right and below.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from agegen.faces.records import DIRECTIONS
from agegen.report.cyclegan.run import SavedCycleGAN
from agegen.report.parts.examples import as_jpeg
from agegen.report.parts.section import FaceGrid, Section
from agegen.report.parts.wording import count
from agegen.run.errors import UserError

COLUMNS = 4  # of a direction
STRIP_FACES, STRIP_LOOKS = 3, 8


class Sheet(NamedTuple):
    """The pictures of one look: `faces` by the class aimed at, uint8 (columns, n, h, w, 3)."""

    pairs: int
    faces: dict[str, np.ndarray]


def read_sheet(saved: SavedCycleGAN, pairs: int) -> Sheet:
    """Read and cut up the sheet of a look.

    Raises:
        UserError: it is missing or damaged.
    """
    path = saved.folder / "watch" / f"pairs_{pairs:09d}.png"
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
    except OSError:
        raise UserError(
            f"{path} is missing or damaged: the training writes it (recipes/train_cyclegan.py), so "
            "copy the whole folder of the run"
        ) from None
    return Sheet(pairs, cut_up(pixels, saved.config["size"], path))


def cut_up(
    pixels: np.ndarray,
    size: int,
    path: Path,
    directions: Sequence[tuple[str, str]] = DIRECTIONS,
    columns: int = COLUMNS,
) -> dict[str, np.ndarray]:
    """Cut a sheet into its faces.

    Args:
        pixels: uint8 (h, w, 3).
        size: side of a face in pixels.
        path: of the sheet, for the message.
        directions: that are on it.
        columns: of each.

    Returns:
        The faces by the class aimed at, uint8 (columns, n, size, size, 3).

    Raises:
        UserError: the sheet does not hold faces of that size.
    """
    across = len(directions) * columns
    pitch = pixels.shape[1] // across
    if pitch < size or pixels.shape[1] % across or pixels.shape[0] % pitch:
        raise UserError(f"{path} does not hold faces of {size} pixels, as config.json has it")
    cells = pixels.reshape(pixels.shape[0] // pitch, pitch, across, pitch, 3)
    faces = cells.transpose(2, 0, 1, 3, 4)[:, :, :size, :size]
    return {
        to: faces[columns * number : columns * (number + 1)]
        for number, (_, to) in enumerate(directions)
    }


def answer(saved: SavedCycleGAN) -> Section:
    """Answer the question after the generators' faces, from the best look or else the last."""
    pairs = int(saved.best.get("pairs", saved.looks["pairs"][-1]))
    sheet = read_sheet(saved, pairs)
    which = "the judge's choice" if saved.best else "the last look"
    said = [describe_faces(sheet, source, to) for source, to in DIRECTIONS]
    shown = len(sheet.faces[DIRECTIONS[0][1]][0])
    return Section(
        "faces",
        "What do the generators make of faces they were not trained on?",
        "Que font les générateurs de visages sur lesquels ils n'ont pas été entraînés ?",
        [f"Shown are the averaged generators (EMA) after {pairs:,} pairs, {which}.", *said],
        grids=[show_direction(sheet, source, to) for source, to in DIRECTIONS],
        details=[
            f"The first {shown} held-out faces of each class, chosen by the seed alone; none is "
            "left out. Differences are means of absolute differences over these faces' pixels, of "
            "255 grey levels.",
        ],
    )


def describe_faces(sheet: Sheet, source: str, to: str) -> str:
    """Say by how much the faces of one direction were changed."""
    real, *others = sheet.faces[to].astype(np.float32)
    changed, *rest = (float(np.abs(x - real).mean()) for x in others)
    said = f"{source.capitalize()} faces made {to} changed by {changed:.1f} grey levels on average"
    if not rest:
        return f"{said}."
    returned, kept = rest
    return (
        f"{said}; translated back, they differed from themselves by {returned:.1f}; translated to "
        f"their own age, by {kept:.1f}."
    )


def show_direction(sheet: Sheet, source: str, to: str) -> FaceGrid:
    """All faces of one direction."""
    every = (f"{source}, real", f"made {to}", f"and {source} again", f"made {source}")
    heads = every[: len(sheet.faces[to])]
    rows = [
        [
            (as_jpeg(face), f"{source} face {number}: {head}")
            for head, face in zip(heads, row, strict=True)
        ]
        for number, row in enumerate(sheet.faces[to].swapaxes(0, 1), 1)
    ]
    caption = (
        f"Last column: translated from {source} to {source}; an identity loss, where the training "
        "had one, asks that nothing changes."
    )
    return FaceGrid(f"{source} → {to}", heads, rows, caption if len(heads) > 2 else "")


def answer_development(saved: SavedCycleGAN) -> Section:
    """Answer the question after the development, in strips through time."""
    chosen = spread(saved.looks["pairs"], STRIP_LOOKS)
    sheets = [read_sheet(saved, int(pairs)) for pairs in chosen]
    looks = len(saved.looks["pairs"])
    said = [describe_change(sheets, source, to) for source, to in DIRECTIONS]
    return Section(
        "development",
        "How did the generated faces develop during training?",
        "Comment les visages générés ont-ils évolué pendant l'apprentissage ?",
        [
            f"Shown are {len(sheets)} of {count(looks, 'look')}, spread evenly over the training.",
            *(sentence for sentence in said if sentence),
        ],
        grids=[show_strips(sheets, source, to) for source, to in DIRECTIONS],
    )


def spread(values: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the values, evenly spaced by place, the first and the last with them."""
    places = np.linspace(0, len(values) - 1, min(most, len(values))).round().astype(int)
    return values[places]


def describe_change(sheets: list[Sheet], source: str, to: str) -> str:
    """Say by how much the generated faces changed from look to look; empty for one look."""
    if len(sheets) < 2:
        return ""
    fakes = np.stack([sheet.faces[to][1] for sheet in sheets]).astype(np.float32)
    steps = np.abs(np.diff(fakes, axis=0)).mean(axis=tuple(range(1, fakes.ndim)))
    most = int(steps.argmax())
    return (
        f"{source.capitalize()} faces made {to} changed by {steps[-1]:.1f} grey levels between the "
        f"last two of these looks; the largest change between neighbours, {steps[most]:.1f}, was "
        f"from {sheets[most].pairs:,} to {sheets[most + 1].pairs:,} pairs."
    )


def show_strips(sheets: list[Sheet], source: str, to: str) -> FaceGrid:
    """The same faces at each of the looks."""
    heads = [f"{source}, real", *(f"{sheet.pairs:,} pairs" for sheet in sheets)]
    real, _, _, _ = sheets[0].faces[to]
    rows = []
    for number in range(min(STRIP_FACES, len(real))):
        faces = [real[number], *(sheet.faces[to][1, number] for sheet in sheets)]
        rows.append(
            [
                (as_jpeg(face), f"{source} face {number + 1}: {head}")
                for head, face in zip(heads, faces, strict=True)
            ]
        )
    return FaceGrid(f"{source} → {to}", heads, rows, f"What was made {to} of the same faces.")
