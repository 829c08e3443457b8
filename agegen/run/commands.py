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


def as_commands(text: str) -> str:
    """Name commands where a text names recipes; launchers start them as ``-m agegen NAME``."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        start = "-m agegen" if re.search("accelerate launch|torchrun", line) else "agegen"
        for name, recipe in COMMANDS.items():
            line = re.sub(rf"(python )?\brecipes/{recipe}\.py\b", f"{start} {name}", line)
        lines[number] = line
    return "\n".join(lines)
