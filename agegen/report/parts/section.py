"""A section of a report: a question, its answer in words, tables, figures and galleries."""

from collections.abc import Sequence
from typing import NamedTuple

from agegen.report.parts.examples import Gallery
from agegen.report.parts.style import Picture


class Table(NamedTuple):
    """A small table; every cell is text as it shall be read."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


class FaceGrid(NamedTuple):
    """Faces in rows and columns.

    Attributes:
        name: its heading.
        heads: of the columns.
        rows: each face as (data URI, what it is in words), as many as there are heads.
        caption: shown below.
    """

    name: str
    heads: Sequence[str]
    rows: Sequence[Sequence[tuple[str, str]]]
    caption: str


class Section(NamedTuple):
    """One answer of a report.

    Attributes:
        anchor: its name in links within the page.
        question: in English.
        question_fr: the same in French; empty where the section answers no question.
        answer: sentences made from the measured figures, the most important one first.
        tables: shown after the answer.
        pictures: figures, two beside each other on a wide screen.
        grids: faces in rows and columns.
        galleries: faces with captions.
        details: sentences on how it was measured, in small print at the end.
        command: the command that makes it again.
    """

    anchor: str
    question: str
    question_fr: str
    answer: Sequence[str]
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    grids: Sequence[FaceGrid] = ()
    galleries: Sequence[Gallery] = ()
    details: Sequence[str] = ()
    command: str = ""


class Missing(NamedTuple):
    """A question that has no answer yet, and why."""

    question: str
    why: str
