"""How an evaluation was made: the command, what was judged, and what was not measured and why."""

from agegen.report.commands import quoted_flags
from agegen.report.evaluation_file import JUDGES, SavedEvaluation
from agegen.report.wording import by_class

NOT_ASKED = "not measured: not asked for"
SECOND, OWN = "RUN_OF_THE_SECOND_JUDGE", "MODULE:CLASS"
FACTS = {
    "run": "run of the generators",
    "weights": "weights of the generators",
    "judge": "judge's run",
    "judge_weights": "judge's weights (SHA-256)",
    "faces": "faces",
    "checksum": "checksum of the faces",
    "split": "split",
    "seed": "seed",
    "resamples": "bootstrap resamples",
}


def list_commands(saved: SavedEvaluation) -> list[list[str]]:
    """The command that makes the figures and this page again, flag by flag."""
    return [["python", "recipes/evaluate_cyclegan.py", *quoted_flags(flags(saved))]]


def flags(saved: SavedEvaluation) -> dict:
    """What was asked for, as far as the file holds it."""
    found = saved.found
    directions = found["directions"].values()
    values = {name: found[name] for name in ("run", "judge", "faces", "split", "seed")}
    values["weights"] = found.get("weights")
    # as many as were taken of the larger class: the same faces, whatever was asked for
    values["most"] = max(found["n"].values())
    values["second_judge"] = SECOND if "second_classifier" in saved.judges else None
    values["own_judges"] = [OWN for judge in saved.judges if judge not in JUDGES] or None
    for name in ("age_estimator", "identity", "lpips"):
        values[name] = False if found["notes"].get(name) == NOT_ASKED else None
    values["agreement"] = None if any(d["agreement"] for d in directions) else False
    values["controls"] = True if found.get("controls") else None
    values["truth"] = found["truth"]["n"] if found.get("truth") else None
    default = saved.path.name == "evaluation.json"
    return values | {"out": None if default else saved.path.name}


def describe(saved: SavedEvaluation) -> list[str]:
    """Say what stands for what the file does not hold."""
    asked = flags(saved)
    open_ones = [name for name in (SECOND, OWN) if name in str(asked)]
    if not open_ones:
        return []
    return [f"To be filled in, as the figures do not name it: {', '.join(open_ones)}."]


def list_facts(saved: SavedEvaluation) -> list[tuple[str, object]]:
    """What was judged, on which faces."""
    facts: list[tuple[str, object]] = [
        (title, saved.found[name]) for name, title in FACTS.items() if name in saved.found
    ]
    return [*facts, ("n", by_class(saved.found["n"]))]


def list_notes(saved: SavedEvaluation) -> list[tuple[str, str]]:
    """What was measured, and why the rest was not."""
    return [(name.replace("_", " "), note) for name, note in saved.found["notes"].items()]
