"""The faces of an evaluation, cut out of its sheet."""

import numpy as np
from PIL import Image

from agegen.faces.records import DIRECTIONS
from agegen.report.cyclegan.sheets import COLUMNS, Sheet, cut_up, describe_faces, show_direction
from agegen.report.evaluation.file import SavedEvaluation
from agegen.report.parts.section import Section
from agegen.run.errors import UserError

QUESTION = "What do the faces look like?"
GAP = 2
"""White pixels right of and below a face: `agegen.evaluation.face_sheet` leaves them."""


def why_missing(saved: SavedEvaluation) -> str:
    """Why there are no faces."""
    return "" if saved.sheet.exists() else f"{saved.sheet.name} does not lie beside the figures"


def answer(saved: SavedEvaluation) -> Section:
    """Answer with the faces themselves."""
    sheet = read_sheet(saved)
    shown = len(sheet.faces[DIRECTIONS[0][1]][0])
    return Section(
        "faces",
        QUESTION,
        "À quoi ressemblent les visages ?",
        [
            f"Shown are {shown} faces of each class of the {saved.found['split']} split, drawn at "
            f"random (seed {saved.found['seed']}), whatever became of them.",
            *(describe_faces(sheet, source, to) for source, to in DIRECTIONS),
        ],
        grids=[show_direction(sheet, source, to) for source, to in DIRECTIONS],
        details=[
            "Differences are means of absolute differences over these faces' pixels, of 255 grey "
            "levels."
        ],
    )


def read_sheet(saved: SavedEvaluation) -> Sheet:
    """Read and cut up the sheet.

    Raises:
        UserError: it is damaged, or another picture.
    """
    try:
        with Image.open(saved.sheet) as image:
            pixels = np.asarray(image.convert("RGB"))
    except OSError:
        raise UserError(f"{saved.sheet} is damaged: evaluate again") from None
    pitch = pixels.shape[1] // (2 * COLUMNS)
    if pitch <= GAP or pixels.shape[1] % (2 * COLUMNS) or pixels.shape[0] % pitch:
        raise UserError(f"{saved.sheet} is not the sheet of an evaluation: evaluate again")
    return Sheet(0, cut_up(pixels, pitch - GAP, saved.sheet))
