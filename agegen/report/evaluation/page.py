"""The report of an evaluation: one static HTML page, from its files only."""

from pathlib import Path

from agegen.report.cyclegan.sheets import before_and_after
from agegen.report.evaluation import (
    ageing,
    changes,
    controls,
    faces,
    groups,
    identity,
    pixels,
    real_pairs,
    trade_off,
    truth,
)
from agegen.report.evaluation.saved import (
    SavedEvaluation,
    bracket,
    name_judge,
    number,
    read_evaluation,
    which_generators,
)
from agegen.report.parts.commands import write_commands
from agegen.report.parts.section import Missing, Section
from agegen.report.parts.templates import render
from agegen.report.parts.wording import by_class
from agegen.run.files import explained_damage

CHAPTERS = (
    ageing,
    identity,
    real_pairs,
    trade_off,
    changes,
    controls,
    groups,
    pixels,
    truth,
    faces,
)
"""Each has `answer(saved)`, which gives a `Section`, or says why it is `Missing`."""


FACTS = {
    "before": "pictures before",
    "run": "run of the generators, or pictures after",
    "weights": "weights of the generators",
    "generators": "generators' weights (SHA-256)",
    "judge": "judge's run",
    "judge_weights": "judge's weights (SHA-256)",
    "faces": "faces",
    "checksum": "checksum of the faces",
    "split": "split",
    "seed": "seed",
    "resamples": "bootstrap resamples",
    "share_intervals": "intervals of shares",
}


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
        recipe = "evaluate_pairs" if saved.is_of_pairs else "evaluate_cyclegan"
        judged = [
            (title, saved.found[name]) for name, title in FACTS.items() if name in saved.found
        ]
        if strength := saved.found.get("strength"):
            of_each = ", ".join(f"{value:g} to {name}" for name, value in strength.items())
            judged.append(("strength of the change", of_each))
        notes = saved.found["notes"].items()
        answers = [chapter.answer(saved) for chapter in CHAPTERS]
        return render(
            "evaluation/page.html",
            lead=before_and_after(answers[CHAPTERS.index(faces)]),
            title=Path(saved.found["run"]).name,
            tiles=make_tiles(saved),
            summary=summarise(saved),
            sections=[answer for answer in answers if isinstance(answer, Section)],
            missing=[answer for answer in answers if isinstance(answer, Missing)],
            commands=write_commands({recipe: saved.found["config"]}, {}),
            facts_known=[*judged, ("n", by_class(saved.found["n"]))],
            notes=[(name.replace("_", " "), note) for name, note in notes],
        )


def summarise(saved: SavedEvaluation) -> list[str]:
    """Say how many faces were judged, and what of."""
    found = saved.found
    counts = " and ".join(f"{n:,} {name}" for name, n in found["n"].items())
    judged = [
        f"Judged were the {which_generators(saved)}, on {counts} faces of the {found['split']} "
        f"split of the store {found['faces']}. In brackets: 95 % intervals."
    ]
    if saved.is_of_pairs:
        judged = summarise_pairs(found)
    return [*judged, *ageing.describe_verdicts(saved)]


def summarise_pairs(found: dict) -> list[str]:
    """Say how many pairs were judged, and what their measure is."""
    (n,), (to,) = found["n"].values(), found["directions"]
    whole = "the largest face of each photo" if found["kind"] == "photos" else "crops"
    measure = (
        f"The real gap is that of the test faces of {found['faces']}."
        if found["faces"]
        else "No real faces were named (--faces): shifts are in the judges' own units."
    )
    left_out = len(found["left_out"])
    return [
        f"Judged were {n:,} pairs of {found['before']} and {found['run']}, made {to}: {whole}"
        f"{f'; in no pair: {left_out:,} of the files' if left_out else ''}. In brackets: 95 % "
        "intervals.",
        measure,
    ]


def make_tiles(saved: SavedEvaluation) -> list[tuple[str, str, str]]:
    """The headline figures: name, value, interval."""
    judge = next(iter(saved.judges))
    shares, verified, shifts = [], [], []
    for direction in saved.directions:
        made, share = f"made {direction.to}", saved.share(direction.to, judge)
        shares.append(tile(f"{made}: {saved.measure}", share, name_judge(judge), 2))
        for matcher, figures in direction.figures["matchers"].items():
            verified.append(tile(f"{made}: same person", figures["verified"], matcher, 2))
        years = direction.figures["judges"].get("age_estimator", {}).get("years")
        if years:
            shifts.append(tile(f"{made}: years", years["shift"], "age estimator", 1, sign="+"))
    return shares + verified + shifts


def tile(name: str, figure: dict, whose: str, digits: int, sign: str = "") -> tuple[str, str, str]:
    """A figure as a tile; a shift with its sign."""
    value, low, high = figure["value"], figure["low"], figure["high"]
    shown = number(value, digits)
    interval = "interval undefined" if low is None or high is None else bracket(low, high, digits)
    return name, sign + shown if value is not None and value > 0 else shown, f"{interval}, {whose}"
