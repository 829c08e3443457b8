"""How an evaluation was made: the command, what was judged, and what was not measured and why."""

from agegen.report.evaluation.saved import SavedEvaluation
from agegen.report.parts.commands import quoted_flags
from agegen.report.parts.wording import by_class

FACTS = {
    "before": "pictures before",
    "run": "run of the generators, or pictures after",
    "weights": "weights of the generators",
    "judge": "judge's run",
    "judge_weights": "judge's weights (SHA-256)",
    "faces": "faces",
    "checksum": "checksum of the faces",
    "split": "split",
    "seed": "seed",
    "resamples": "bootstrap resamples",
    "share_intervals": "intervals of shares",
}


def list_commands(saved: SavedEvaluation) -> list[list[str]]:
    """The command that makes the figures and this page again, flag by flag."""
    recipe = "evaluate_pairs" if saved.is_of_pairs else "evaluate_cyclegan"
    return [["python", f"recipes/{recipe}.py", *quoted_flags(saved.found["config"])]]


def list_facts(saved: SavedEvaluation) -> list[tuple[str, object]]:
    """What was judged, on which faces."""
    facts: list[tuple[str, object]] = [
        (title, saved.found[name]) for name, title in FACTS.items() if name in saved.found
    ]
    if strength := saved.found.get("strength"):
        said = ", ".join(f"{value:g} to {name}" for name, value in strength.items())
        facts.append(("strength of the change", said))
    return [*facts, ("n", by_class(saved.found["n"]))]


def list_notes(saved: SavedEvaluation) -> list[tuple[str, str]]:
    """What was measured, and why the rest was not."""
    return [(name.replace("_", " "), note) for name, note in saved.found["notes"].items()]
