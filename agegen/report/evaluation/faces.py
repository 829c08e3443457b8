"""The faces of an evaluation, cut out of its sheet."""

from agegen.report.cyclegan.sheets import (
    COLUMNS,
    Sheet,
    describe_faces,
    read_sheet,
    show_direction,
)
from agegen.report.evaluation.saved import SavedEvaluation
from agegen.report.parts.section import Missing, Section

QUESTION = "What do the faces look like?"


def answer(saved: SavedEvaluation) -> Section | Missing:
    """Answer with the faces themselves."""
    path = saved.path.with_name(f"{saved.path.stem}_faces.png")
    if not path.exists():
        return Missing(QUESTION, f"{path.name} does not lie beside the figures")
    aims = [direction.to for direction in saved.directions]
    columns = 2 if saved.is_of_pairs else COLUMNS
    damaged = f"{path} is damaged: evaluate again"
    other = f"{path} is not the sheet of an evaluation: evaluate again"
    sheet = Sheet(0, read_sheet(path, aims, columns, damaged, other))
    shown = len(sheet.faces[aims[0]][0])
    which = f"faces of each class of the {saved.found['split']} split"
    which = "of the pairs" if saved.is_of_pairs else which
    return Section(
        "faces",
        QUESTION,
        "À quoi ressemblent les visages ?",
        [
            f"Shown are {shown} {which}, drawn at random (seed {saved.found['seed']}), whatever "
            "became of them.",
            *(describe_faces(sheet, d.source, d.to) for d in saved.directions),
        ],
        grids=[show_direction(sheet, d.source, d.to) for d in saved.directions],
        details=[
            "Differences are means of absolute differences over these faces' pixels, of 255 grey "
            "levels."
        ],
    )
