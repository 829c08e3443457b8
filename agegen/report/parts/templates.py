"""Pages from jinja2 templates: one beside each page's module, and what they share, in here."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, UndefinedError

from agegen.report.parts.wording import in_words
from agegen.run.commands import as_commands, called


class AbsentError(UndefinedError, LookupError):
    """A page asks for a name that the saved files lack: see `agegen.run.files.explained_damage`."""


class Absent(StrictUndefined):
    """What a template makes of such a name."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **{**named, "exc": AbsentError})


def render(template: str, **content: Any) -> str:
    """Fill a template, which escapes what it is given, and fails where it is given too little."""
    here = Path(__file__).parent
    pages = Environment(
        loader=FileSystemLoader([here, here.parent]),
        autoescape=True,
        undefined=Absent,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["in_words"] = in_words
    page = pages.get_template(template).render(content)
    return as_commands(page) if called.get() else page
