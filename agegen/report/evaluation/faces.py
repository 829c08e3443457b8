"""The faces of an evaluation, cut out of its sheet."""

import numpy as np
from PIL import Image

from agegen.report.cyclegan.sheets import COLUMNS, Sheet, cut_up, describe_faces, show_direction
from agegen.report.evaluation.saved import SavedEvaluation
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
    columns = 2 if saved.is_of_pairs else COLUMNS
    sheet = read_sheet(saved, columns)
    shown = len(sheet.faces[saved.directions[0][1]][0])
    which = f"faces of each class of the {saved.found['split']} split"
    which = "of the pairs" if saved.is_of_pairs else which
    return Section(
        "faces",
        QUESTION,
        "À quoi ressemblent les visages ?",
        [
            f"Shown are {shown} {which}, drawn at random (seed {saved.found['seed']}), whatever "
            "became of them.",
            *(describe_faces(sheet, source, to) for source, to in saved.directions),
        ],
        grids=[show_direction(sheet, source, to) for source, to in saved.directions],
        details=[
            "Differences are means of absolute differences over these faces' pixels, of 255 grey "
            "levels."
        ],
    )


def read_sheet(saved: SavedEvaluation, columns: int) -> Sheet:
    """Read and cut up the sheet.

    Raises:
        UserError: it is damaged, or another picture.
    """
    try:
        with Image.open(saved.sheet) as image:
            pixels = np.asarray(image.convert("RGB"))
    except OSError:
        raise UserError(f"{saved.sheet} is damaged: evaluate again") from None
    across = columns * len(saved.directions)
    pitch = pixels.shape[1] // across
    if pitch <= GAP or pixels.shape[1] % across or pixels.shape[0] % pitch:
        raise UserError(f"{saved.sheet} is not the sheet of an evaluation: evaluate again")
    return Sheet(0, cut_up(pixels, pitch - GAP, saved.sheet, saved.directions, columns))
