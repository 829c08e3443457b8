"""The report of an evaluation of CycleGAN generators: one static HTML page, from its files only."""

from pathlib import Path

from agegen.faces.records import DIRECTIONS
from agegen.report.evaluation import ageing as evaluation_ageing
from agegen.report.evaluation import changes as evaluation_changes
from agegen.report.evaluation import controls as evaluation_controls
from agegen.report.evaluation import faces as evaluation_faces
from agegen.report.evaluation import groups as evaluation_groups
from agegen.report.evaluation import identity as evaluation_identity
from agegen.report.evaluation import making as evaluation_making
from agegen.report.evaluation import pixels as evaluation_pixels
from agegen.report.evaluation import truth as evaluation_truth
from agegen.report.evaluation.file import (
    SavedEvaluation,
    bracket,
    name_judge,
    number,
    read_evaluation,
    which_generators,
)
from agegen.report.parts.section import Section
from agegen.report.parts.templates import open_templates
from agegen.report.parts.wording import in_words
from agegen.run.files import explained_damage

CHAPTERS = (
    evaluation_ageing,
    evaluation_identity,
    evaluation_changes,
    evaluation_controls,
    evaluation_groups,
    evaluation_pixels,
    evaluation_truth,
    evaluation_faces,
)
"""Each has `QUESTION`, `answer(saved)`, and `why_missing(saved)`: empty if it can answer."""


def make_page(evaluation: Path) -> str:
    """Make the page of an evaluation.

    Args:
        evaluation: JSON file that recipes/evaluate_cyclegan.py wrote; its sheet of faces, of the
            same name with ``_faces.png``, is shown if it lies beside it.

    Returns:
        HTML that refers to nothing outside itself; the same files give the same page.

    Raises:
        UserError: a file is missing, damaged or something else.
    """
    with explained_damage(evaluation):
        saved = read_evaluation(evaluation)
        page = open_templates()
        page.filters["in_words"] = in_words
        return page.get_template("evaluation/page.html").render(
            title=Path(saved.found["run"]).name,
            tiles=make_tiles(saved),
            summary=summarise(saved),
            sections=answer_questions(saved),
            missing=list_missing(saved),
            commands=evaluation_making.list_commands(saved),
            facts_known=evaluation_making.list_facts(saved),
            notes=evaluation_making.list_notes(saved),
        )


def answer_questions(saved: SavedEvaluation) -> list[Section]:
    """All sections whose figures were measured."""
    return [chapter.answer(saved) for chapter in CHAPTERS if not chapter.why_missing(saved)]


def list_missing(saved: SavedEvaluation) -> list[tuple[str, str]]:
    """The other questions, each with why it has no answer."""
    reasons = [(chapter.QUESTION, chapter.why_missing(saved)) for chapter in CHAPTERS]
    return [(question, reason) for question, reason in reasons if reason]


def summarise(saved: SavedEvaluation) -> list[str]:
    """Say how many faces were judged, and what of."""
    found = saved.found
    faces = " and ".join(f"{n:,} {name}" for name, n in found["n"].items())
    return [
        f"Judged were the {which_generators(saved)}, on {faces} faces of the {found['split']} "
        f"split of the store {found['faces']}. In brackets: 95 % intervals.",
        *evaluation_ageing.describe_verdicts(saved),
    ]


def make_tiles(saved: SavedEvaluation) -> list[tuple[str, str, str]]:
    """The headline figures: name, value, interval."""
    judge = next(iter(saved.judges))
    tiles = [
        tile(f"made {to}: share of the gap", saved.share(to, judge), name_judge(judge), 2)
        for _, to in DIRECTIONS
    ]
    for _, to in DIRECTIONS:
        for matcher, figures in saved.found["directions"][to]["matchers"].items():
            tiles.append(tile(f"made {to}: same person", figures["verified"], matcher, 2))
    for _, to in DIRECTIONS:
        years = saved.found["directions"][to]["judges"].get("age_estimator", {}).get("years")
        if years:
            tiles.append(tile(f"made {to}: years", years["shift"], "age estimator", 1, sign="+"))
    return tiles


def tile(name: str, figure: dict, whose: str, digits: int, sign: str = "") -> tuple[str, str, str]:
    """A figure as a tile; a shift with its sign."""
    value, low, high = figure["value"], figure["low"], figure["high"]
    shown = number(value, digits)
    interval = "interval undefined" if low is None or high is None else bracket(low, high, digits)
    return name, sign + shown if value is not None and value > 0 else shown, f"{interval}, {whose}"
