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
    lines = re.split(r"(?<!\\)\n", text)  # a command may go on over lines
    return "\n".join(map(name_commands, lines))


def name_commands(line: str) -> str:
    """The same for a line."""
    start = "-m agegen" if re.search("accelerate launch|torchrun", line) else "agegen"
    names = {recipe: f"{start} {name}" for name, recipe in COMMANDS.items()}
    recipe = r"(?:python )?\brecipes/(\w+)\.py\b"
    return re.sub(recipe, lambda found: names.get(found[1], found[0]), line)


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
