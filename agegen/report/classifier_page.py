"""The report of a classifier's run: one static HTML page, made from saved files only.

Each section of the page has a module of its name; this one puts them together.
"""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from agegen.files import flatten
from agegen.report.commands import list_commands
from agegen.report.examples import MOST_EXAMPLES, make_galleries
from agegen.report.groups import draw_group_figures
from agegen.report.learning_curves import draw_learning
from agegen.report.probabilities import draw_probabilities
from agegen.report.right_and_wrong import draw_errors
from agegen.report.saved_run import SavedRun, Scored, read_run, read_scores
from agegen.report.style import Picture
from agegen.report.training import describe_training
from agegen.report.wording import by_class, in_words, show

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
        examples: most faces in a gallery; 0 leaves the galleries out.

    Returns:
        HTML that refers to nothing outside itself; the same files give the same page.

    Raises:
        UserError: a file is missing (it says what makes it), damaged, or not of this evaluation.
    """
    saved = read_run(run)
    scored = read_scores(saved, faces)
    page = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page.filters["in_words"] = in_words
    return page.get_template("page.html").render(
        title=saved.folder.resolve().name,
        saved=saved,
        evaluation=saved.evaluation,
        summary=summarise(saved, scored),
        tiles=make_tiles(saved.evaluation),
        rows=score_rows(saved.evaluation),
        training=describe_training(saved),
        sections=draw_sections(saved, scored),
        galleries=make_galleries(scored, examples) if examples else [],
        config=flatten(saved.config),
        environment=flatten(saved.environment),
        data=flatten(saved.data),
        commands=list_commands(saved, scored.store),
    )


def summarise(saved: SavedRun, scored: Scored) -> list[str]:
    """Say in sentences what was measured, and what a trivial answer would reach."""
    e, n = saved.evaluation, saved.evaluation["n_by_class"]
    same = saved.data["checksum"] == e["checksum"]
    source = "the store it was trained on" if same else "another store than it was trained on"
    known = (scored.store.identities[scored.indices] != "").any()
    people = "persons" if known else "faces, as no identities are known"
    larger = max(n, key=lambda name: n[name])
    return [
        f"Measured on {e['n']:,} faces ({by_class(n)}): the {e['split']} split of {e['faces']}, "
        f"{source}; {'' if e['held_out'] else 'not '}held out.",
        f"Always answering “{larger}” has an accuracy of {n[larger] / e['n']:.3f} "
        "and a balanced accuracy of 0.500 here.",
        f"Brackets hold 95 % intervals of {e['resamples']:,} bootstrap resamples of {people}.",
    ]


def make_tiles(evaluation: dict) -> list[tuple[str, str, str]]:
    """The headline figures: name, value, interval."""
    chosen = {
        "balanced accuracy": evaluation["balanced_accuracy"],
        "AUC": evaluation["roc_auc"],
        "ECE before scaling": evaluation["before_scaling"]["expected_calibration_error"],
        "ECE after scaling": evaluation["expected_calibration_error"],
    }
    return [(name, *(show(e) + " ").split(" ", 1)) for name, e in chosen.items()]


def score_rows(evaluation: dict) -> list[tuple[str, str, str]]:
    """Every figure after and before temperature scaling, which does not change all."""
    before = evaluation["before_scaling"]
    return [
        (title, show(evaluation[name]), show(before[name]) if name in before else "the same")
        for name, title in FIGURE_NAMES.items()
    ] + [
        (f"recall of {name}", show(share), "the same")
        for name, share in evaluation["recall"].items()
    ]


def draw_sections(saved: SavedRun, scored: Scored) -> dict[str, list[Picture]]:
    """Draw all figures by section."""
    return {
        "Learning curves": draw_learning(saved),
        "Right and wrong": draw_errors(saved.evaluation, scored),
        "Probabilities": draw_probabilities(saved.evaluation, scored),
        "Groups of faces": draw_group_figures(saved.evaluation),
    }
