"""The recipes' names as commands: ``agegen train-cyclegan`` runs ``recipes/train_cyclegan.py``."""

import re
from contextvars import ContextVar

COMMANDS = {
    "draw": "draw_faces",
    "prepare": "prepare_faces",
    "audit": "audit_faces",
    "train-classifier": "train_classifier",
    "evaluate-classifier": "evaluate_classifier",
    "analyze-classifier": "analyze_classifier",
    "report-classifier": "report_classifier",
    "classify": "classify_photos",
    "pack": "pack_run",
    "optimize-input": "optimize_input",
    "train-cyclegan": "train_cyclegan",
    "evaluate": "evaluate_cyclegan",
    "evaluate-pairs": "evaluate_pairs",
    "compare": "compare_cyclegans",
    "report-cyclegan": "report_cyclegan",
    "translate": "translate_photos",
    "export": "export_cyclegan",
    "benchmark": "benchmark",
    "check-machine": "check_machine",
}

called: ContextVar[str | None] = ContextVar("called", default=None)
"""The command that runs, as ``train-cyclegan``; None where a recipe was started itself."""

LAUNCHER = re.compile(r"accelerate launch|torchrun")


def as_commands(text: str) -> str:
    """Name commands where a text names recipes; what has no command stays."""
    return "\n".join(map(line_as_commands, text.split("\n")))


def line_as_commands(line: str) -> str:
    """The same of one line; launchers start a command as ``-m agegen NAME``."""
    start = "-m agegen" if LAUNCHER.search(line) else "agegen"
    for name, recipe in COMMANDS.items():
        line = re.sub(rf"(python )?\brecipes/{recipe}\.py\b", f"{start} {name}", line)
    return line
