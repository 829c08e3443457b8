"""The pages' jinja2 templates: one beside each page's module, and what they share, in here."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, UndefinedError


class AbsentError(UndefinedError, LookupError):
    """A page asks for a name that the saved files lack: see `agegen.run.files.explained_damage`."""


class Absent(StrictUndefined):
    """What a template makes of such a name."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **{**named, "exc": AbsentError})


def open_templates() -> Environment:
    """Templates that escape what they are given, and fail where they are given too little."""
    here = Path(__file__).parent
    return Environment(
        loader=FileSystemLoader([here, here.parent]),
        autoescape=True,
        undefined=Absent,
        trim_blocks=True,
        lstrip_blocks=True,
    )
