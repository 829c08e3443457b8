"""Commands and flags in words: ``agegen train-cyclegan`` runs ``recipes/train_cyclegan.py``."""

import re
from contextvars import ContextVar
from typing import Any

COMMANDS = {
    "draw": "draw_faces",
    "prepare": "prepare_faces",
    "audit": "audit_faces",
    "train-classifier": "train_classifier",
    "evaluate-classifier": "evaluate_classifier",
    "baselines": "compare_baselines",
    "domain-shift": "study_domain_shift",
    "analyze-classifier": "analyze_classifier",
    "report-classifier": "report_classifier",
    "classify": "classify_photos",
    "pack": "pack_run",
    "push-to-hub": "push_to_hub",
    "optimize-input": "optimize_input",
    "train-cyclegan": "train_cyclegan",
    "evaluate": "evaluate_cyclegan",
    "evaluate-pairs": "evaluate_pairs",
    "blind-test": "blind_test",
    "score-blind-test": "score_blind_test",
    "choose-strength": "choose_strength",
    "compare": "compare_cyclegans",
    "report-cyclegan": "report_cyclegan",
    "translate": "translate_photos",
    "app": "app",
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


def to_flags(name: str, value: Any) -> list[str]:
    """Turn one setting into flags; tyro checks names and types, the last flag wins."""
    if isinstance(value, dict):
        return [flag for key, inner in value.items() for flag in to_flags(f"{name}.{key}", inner)]
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        head, _, last = flag.rpartition(".")
        return [f"--{head}{'.' if head else ''}{'' if value else 'no-'}{last}"]
    values = value if isinstance(value, list | tuple) else [value]
    return [f"--{flag}", *map(str, values)]
