"""What the generators make of held-out faces, and how it developed: cut out of the watch's sheets.

A sheet (`agegen.cyclegan.watch.save_sheet`) has a row a face and eight columns: a young face,
translated to old, translated back, translated to its own age, then the same of an old one. Each
face has a white gap to its right and below.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from einops import rearrange
from PIL import Image

from agegen.faces.records import DIRECTIONS
from agegen.report.cyclegan.run import SavedCycleGAN
from agegen.report.parts.examples import embed_face
from agegen.report.parts.section import FaceGrid, Missing, Section
from agegen.report.parts.wording import count
from agegen.run.errors import UserError

COLUMNS = 4  # of a direction
GAP = 2
"""White pixels right of and below a face: `agegen.evaluation.face_sheet` leaves them."""
STRIP_FACES, STRIP_LOOKS = 3, 8
LED_BY = 4  # faces of each direction at the top of a page


class Sheet(NamedTuple):
    """The pictures of one look: `faces` by the class aimed at, uint8 (columns, n, h, w, 3)."""

    pairs: int
    faces: dict[str, np.ndarray]


def read_look(saved: SavedCycleGAN, pairs: int) -> Sheet:
    """Read and cut up the sheet of a look.

    Raises:
        UserError: it is missing or damaged, or its faces have another size.
    """
    path, size = saved.folder / "watch" / f"pairs_{pairs:09d}.png", saved.config["size"]
    missing = (
        f"{path} is missing or damaged: the training writes it (recipes/train_cyclegan.py), so "
        "copy the whole folder of the run"
    )
    other = f"{path} does not hold faces of {size} pixels, as config.json has it"
    faces = read_sheet(path, [to for _, to in DIRECTIONS], COLUMNS, missing, other)
    if faces[DIRECTIONS[0][1]].shape[2] != size:
        raise UserError(other)
    return Sheet(pairs, faces)


def read_sheet(
    path: Path, aims: Sequence[str], columns: int, missing: str, other: str
) -> dict[str, np.ndarray]:
    """Read a sheet and cut it into its faces.

    Args:
        path: of the sheet.
        aims: classes aimed at that are on it.
        columns: of each.
        missing: what to say where it is missing or damaged.
        other: what to say where it is another picture.

    Returns:
        The faces by the class aimed at, uint8 (columns, n, size, size, 3).

    Raises:
        UserError: see `missing` and `other`.
    """
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
    except OSError:
        raise UserError(missing) from None
    (height, width, _), across = pixels.shape, columns * len(aims)
    pitch = width // across
    if pitch <= GAP or width % across or height % pitch:
        raise UserError(other)
    cells = rearrange(pixels, "(n h) (to c w) x -> to c n h w x", h=pitch, w=pitch, c=columns)
    return dict(zip(aims, cells[..., :-GAP, :-GAP, :], strict=True))


def answer(saved: SavedCycleGAN) -> Section:
    """Answer the question after the generators' faces, from the best look or else the last."""
    pairs = int(saved.best.get("pairs", saved.looks["pairs"][-1]))
    sheet = read_look(saved, pairs)
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
    caption = (
        f"Last column: translated from {source} to {source}; an identity loss, where the training "
        "had one, asks that nothing changes."
    )
    return show_grid(source, to, heads, sheet.faces[to], caption if len(heads) > 2 else "")


def show_grid(
    source: str, to: str, heads: Sequence[str], columns: np.ndarray, caption: str
) -> FaceGrid:
    """Faces of one direction in columns, uint8 (columns, n, h, w, 3)."""
    rows = [
        [
            (embed_face(face), f"{source} face {number}: {head}")
            for head, face in zip(heads, row, strict=True)
        ]
        for number, row in enumerate(columns.swapaxes(0, 1), 1)
    ]
    return FaceGrid(f"{source} → {to}", heads, rows, caption)


def before_and_after(section: Section | Missing) -> list[FaceGrid]:
    """The first faces of each direction and what was made of them, for the top of a page."""
    if not isinstance(section, Section):
        return []
    return [
        grid._replace(
            rows=[row[:2] for row in grid.rows[:LED_BY]],
            caption=f"Left: {grid.heads[0]}; right: {grid.heads[1]}. Chosen by chance, whatever "
            "became of them; all faces are below. A touch enlarges.",
        )
        for grid in section.grids
    ]


def answer_development(saved: SavedCycleGAN) -> Section:
    """Answer the question after the development, in strips through time."""
    chosen = spread(saved.looks["pairs"], STRIP_LOOKS)
    sheets = [read_look(saved, int(pairs)) for pairs in chosen]
    looks = len(saved.looks["pairs"])
    several = DIRECTIONS if len(sheets) > 1 else ()
    return Section(
        "development",
        "How did the generated faces develop during training?",
        "Comment les visages générés ont-ils évolué pendant l'apprentissage ?",
        [
            f"Shown are {len(sheets)} of {count(looks, 'look')}, spread evenly over the training.",
            *(describe_change(sheets, source, to) for source, to in several),
        ],
        grids=[show_strips(sheets, source, to) for source, to in DIRECTIONS],
    )


def spread(values: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the values, evenly spaced by place, the first and the last with them."""
    places = np.linspace(0, len(values) - 1, min(most, len(values))).round().astype(int)
    return values[places]


def describe_change(sheets: list[Sheet], source: str, to: str) -> str:
    """Say by how much the generated faces changed from look to look."""
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
    faces = np.stack([sheets[0].faces[to][0], *(sheet.faces[to][1] for sheet in sheets)])
    caption = f"What was made {to} of the same faces."
    return show_grid(source, to, heads, faces[:, :STRIP_FACES], caption)
