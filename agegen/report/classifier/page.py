"""The report of a classifier's run: one static HTML page, made from saved files only.

Each question of the page has a module of its own here, named as its chapter; this one puts the
answers together.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from agegen.report.classifier import (
    ages,
    attributions,
    augmentation,
    beyond_accuracy,
    errors,
    label_noise,
    lead,
    learning_curves,
    multi_crop,
    optimize_input,
    structure,
    study,
    training,
    training_size,
    untrained,
)
from agegen.report.parts.commands import list_commands
from agegen.report.parts.examples import MOST_EXAMPLES, make_galleries
from agegen.report.parts.saved_run import SavedRun, Scored, read_run, read_scores
from agegen.report.parts.section import Section, Table
from agegen.report.parts.templates import render
from agegen.report.parts.wording import by_class, sample_of, share_intervals, show
from agegen.run.files import explained_damage, flatten, read_json, sha256

FIGURE_NAMES = {
    "balanced_accuracy": "balanced accuracy",
    "roc_auc": "AUC",
    "accuracy": "accuracy",
    "negative_log_likelihood": "NLL (nats)",
    "brier_score": "Brier score",
    "expected_calibration_error": "ECE",
}


def make_page(run: Path, faces: Path | None = None, examples: int = MOST_EXAMPLES) -> str:
    """Make the page of a run.

    Args:
        run: folder of a trained and evaluated classifier.
        faces: folder of the evaluated FaceStore; None takes the one that the evaluation names.
        examples: most faces in a gallery; 0 leaves out all pictures that are made of photos.

    Returns:
        HTML that refers to nothing outside itself; the same files give the same page.

    Raises:
        UserError: a file is missing (it says what makes it), damaged, or not of this evaluation.
    """
    with explained_damage(run):
        saved = read_run(run)
        scored = read_scores(saved, faces)

        sections, missing = answer_questions(saved, scored, examples)
        e = saved.evaluation
        caption = f"{e['split']} split, n = {e['n']:,}; views: {e['views']}; temperature "
        caption += f"{e['temperature']:.3f}"
        return render(
            "classifier/page.html",
            title=saved.folder.resolve().name,
            saved=saved,
            evaluation=e,
            faces=lead.draw_faces(e, scored) if examples else [],
            curve=lead.draw_curve(saved.folder / "analysis", e, scored),
            sentence=lead.say(e),
            summary=summarise(saved, scored),
            tiles=make_tiles(e),
            scores=Table(caption, ("figure", "after scaling", "before"), score_rows(e)),
            sections=sections,
            missing=missing,
            config=flatten(saved.config),
            environment=flatten(saved.environment),
            data=flatten(saved.data),
            commands=list_commands(saved, scored.store),
        )


class Question(NamedTuple):
    """A section that can be made if the analysis holds its chapter; "" needs none."""

    name: str
    chapter: str
    answer: Callable[[], Section]


def list_questions(saved: SavedRun, scored: Scored) -> list[Question]:
    """All questions, in the order of the lab course."""
    from_chapter = (saved.folder / "analysis", saved.evaluation)
    return [
        Question("structure", "structure", partial(structure.answer, *from_chapter)),
        Question("untrained network", "untrained", partial(untrained.answer, *from_chapter)),
        Question("learning curve", "", partial(learning_curves.answer, saved)),
        Question("number of faces", "study", partial(training_size.answer, *from_chapter)),
        Question("training", "", partial(training.answer, saved)),
        Question("beyond accuracy", "", partial(beyond_accuracy.answer, *from_chapter, scored)),
        *(
            [Question("ages", "", partial(ages.answer, saved))]
            if saved.evaluation.get("ages")
            else []
        ),
        Question("hyperparameters", "study", partial(study.answer, *from_chapter)),
        Question("random crops", "augmentation", partial(augmentation.answer, *from_chapter)),
        Question("multi-crop evaluation", "multi_crop", partial(multi_crop.answer, *from_chapter)),
        Question("errors and successes", "errors", partial(errors.answer, *from_chapter)),
        Question("attributions", "attributions", partial(attributions.answer, *from_chapter)),
        Question("label noise", "label_noise", partial(label_noise.answer, *from_chapter)),
        Question("input optimisation", "transfer", partial(optimize_input.answer, *from_chapter)),
    ]


def answer_questions(
    saved: SavedRun, scored: Scored, examples: int
) -> tuple[list[Section], list[str]]:
    """The sections that can be made, and the names of the others."""
    questions = list_questions(saved, scored)
    weights = saved.folder / "best.safetensors"
    checksum = sha256(weights)[:16] if weights.exists() else None
    there = {q.name: has_chapter(saved.folder, q.chapter, checksum) for q in questions}
    sections = [answer(saved, question) for question in questions if there[question.name]]
    if not examples:  # leave out what shows faces; figures, which are vector graphics, stay
        sections = [
            section._replace(
                galleries=(),
                grids=(),
                pictures=[p for p in section.pictures if p.src.startswith("data:image/svg")],
            )
            for section in sections
        ]
    elif not there["errors and successes"]:
        sections.append(show_examples(scored, saved.evaluation, examples))
    return sections, [name for name, is_there in there.items() if not is_there]


def answer(saved: SavedRun, question: Question) -> Section:
    """The section of a question, or which file it cannot be made from."""
    chapter = f"analysis/{question.chapter}.json" if question.chapter else "evaluation.json"
    with explained_damage(saved.folder / chapter):
        return question.answer()


def has_chapter(run: Path, chapter: str, weights: str | None) -> bool:
    """True if a chapter was computed, and for these weights of the run; "" is always there."""
    path = run / "analysis" / f"{chapter}.json"
    if not chapter or (chapter == "study" and (run / "study" / "study.json").exists()):
        return True  # a study trains networks of its own
    if not path.exists():
        return False
    with explained_damage(path):
        made_from = read_json(path).get("made_from", {})
        return chapter == "study" or weights is None or made_from.get("weights", weights) == weights


def show_examples(scored: Scored, evaluation: dict, examples: int) -> Section:
    """Faces right, wrong and uncertain: what stands in for the analysis of the errors."""
    return Section(
        "examples",
        "Which faces are right, and which are wrong?",
        "Quels visages sont bien classés, lesquels ne le sont pas ?",
        [f"{sample_of(evaluation)}. Under each face: the calibrated p(old) and the true age."],
        galleries=make_galleries(scored, examples),
    )


def summarise(saved: SavedRun, scored: Scored) -> list[str]:
    """Say in sentences what was measured, and how."""
    e = saved.evaluation
    counts = by_class(e["n_by_class"])
    same = saved.data["checksum"] == e["checksum"]
    source = "the store it was trained on" if same else "another store than it was trained on"
    known = (scored.store.identities[scored.indices] != "").any()
    people = "persons" if known else "faces, as no identities are known"
    return [
        f"Measured on {e['n']:,} faces ({counts}): the {e['split']} split of {e['faces']}, "
        f"{source}; {'' if e['held_out'] else 'not '}held out.",
        f"Brackets hold 95 % intervals of {e['resamples']:,} bootstrap resamples of {people}."
        + share_intervals(e),
    ]


def make_tiles(evaluation: dict) -> list[tuple[str, str, str]]:
    """The three figures that matter, the last of ages if it says any: name, value, interval."""
    chosen = {
        "balanced accuracy": show(evaluation["balanced_accuracy"]),
        "AUC": show(evaluation["roc_auc"]),
    }
    if ages := evaluation.get("ages"):
        chosen["years off"] = show(ages["age_error"], 2)
    else:
        chosen["ECE"] = show(evaluation["expected_calibration_error"])
    return [(name, *shown.partition(" ")[::2]) for name, shown in chosen.items()]


def score_rows(evaluation: dict) -> list[tuple[str, str, str]]:
    """Every figure after and before temperature scaling, which does not change all."""
    before = evaluation["before_scaling"]
    return [
        (title, show(evaluation[name]), show(before[name]) if name in before else "the same")
        for name, title in FIGURE_NAMES.items()
        if name in evaluation  # an older evaluation has fewer figures
    ] + [
        (f"recall of {name}", show(share), "the same")
        for name, share in evaluation["recall"].items()
    ]
