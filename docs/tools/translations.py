"""A chapter's translations, ``<language>/<same name>`` beside it, have its code and its outputs.

Only their Markdown is written by hand. A changed code cell is changed in both files by hand, too.
"""

from pathlib import Path

import nbformat
from nbformat import NotebookNode


class DifferentCodeError(Exception):
    """A translation has other code than its original: one sentence that says where."""


def translations_of(original: Path) -> list[Path]:
    """The notebooks of the same name in the folders beside a chapter."""
    return sorted(original.parent.glob(f"*/{original.name}"))


def check_translations(original: Path) -> None:
    """Compare a chapter's code with that of its translations, before it is executed for minutes.

    Raises:
        DifferentCodeError: see `match_code`.
    """
    notebook = nbformat.read(original, as_version=4)
    for path in translations_of(original):
        match_code(notebook, nbformat.read(path, as_version=4), path)


def copy_to_translations(original: Path) -> None:
    """Store a chapter's outputs and metadata in its translations as well.

    Raises:
        DifferentCodeError: see `match_code`; that translation is left as it was.
    """
    notebook = nbformat.read(original, as_version=4)
    for path in translations_of(original):
        translation = nbformat.read(path, as_version=4)
        for source, target in match_code(notebook, translation, path):
            target.outputs, target.execution_count = source.outputs, source.execution_count
        translation.metadata = notebook.metadata
        path.write_text(nbformat.writes(translation, indent=1) + "\n", encoding="utf-8")


def match_code(
    original: NotebookNode, translation: NotebookNode, path: Path
) -> list[tuple[NotebookNode, NotebookNode]]:
    """Pair the code cells of a chapter and of a translation, in order.

    Args:
        original: the executed chapter.
        translation: the same chapter in another language.
        path: of the translation, for the message.

    Raises:
        DifferentCodeError: a code cell differs, or one has more of them than the other.
    """
    ours, theirs = code_cells(original), code_cells(translation)
    if len(ours) != len(theirs):
        raise DifferentCodeError(f"{path} has {len(theirs)} code cells, its original {len(ours)}")
    for number, (source, target) in enumerate(zip(ours, theirs, strict=True), 1):
        if source.source != target.source:
            raise DifferentCodeError(f"code cell {number} of {path} is not that of its original")
    return list(zip(ours, theirs, strict=True))


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The cells that are executed."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]
