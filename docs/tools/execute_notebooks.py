"""Execute the tutorials' notebooks in place, and store their outputs: ``make notebooks``.

    python docs/tools/execute_notebooks.py docs/tutorials/classifier/01_structure.ipynb …

Run it where ``runs/demo`` is, or is to be made. What differs from one execution to the next without
meaning anything (times, versions, paths, progress) is left out of the files. The outputs are copied
into a chapter's translations, which are not executed themselves.
"""

import hashlib
import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config
from translations import DifferentCodeError, check_translations, copy_to_translations

LARGEST = 300_000  # bytes of a notebook with its outputs
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
SECONDS = 1800  # for a cell; the first one may train


def main() -> None:
    """Execute the notebooks that are named on the command line."""
    paths = [Path(name) for name in sys.argv[1:]]
    try:
        for path in paths:
            check_translations(path)
        for path in paths:
            started = time.monotonic()
            store_outputs(path)
            copy_to_translations(path)
            print(f"{path}: {time.monotonic() - started:.0f} s", flush=True)
    except DifferentCodeError as difference:
        sys.exit(f"error: {difference}: give it the same code")


def store_outputs(path: Path) -> None:
    """Execute a notebook, and write it with its outputs, unless they are too large."""
    notebook = nbformat.read(path, as_version=4)
    execute(notebook, Path.cwd())
    text = nbformat.writes(clean(notebook), indent=1) + "\n"
    if len(text.encode()) > LARGEST:
        sys.exit(f"error: {path} would have {len(text):,} bytes: make its figures smaller")
    path.write_text(text, encoding="utf-8")  # the tree is under git: nothing is lost


def execute(notebook: NotebookNode, folder: Path, seconds: int = SECONDS) -> None:
    """Run all cells in a fresh kernel.

    Args:
        notebook: its outputs are replaced.
        folder: where the kernel works.
        seconds: longest time of a cell.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # else the kernel warns in the outputs
    at = {"metadata": {"path": folder}}
    private = Config(KernelManager={"transport": "ipc"})  # no port that others could read
    client = NotebookClient(
        notebook, timeout=seconds, resources=at, record_timing=False, config=private
    )
    client.execute()


def clean(notebook: NotebookNode) -> NotebookNode:
    """Leave out what is different each time (stderr has progress), note which code was run."""
    notebook.metadata = NotebookNode(
        kernelspec=KERNEL, language_info={"name": "python"}, agegen={"executed": digest(notebook)}
    )
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = joined([o for o in cell.outputs if o.get("name") != "stderr"])
    return notebook


def joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Neighbouring pieces of printed text as one: where they are cut depends on the moment."""
    found: list[NotebookNode] = []
    for output in outputs:
        if found and output.output_type == found[-1].output_type == "stream":
            found[-1].text += output.text
        else:
            found.append(output)
    return found


def digest(notebook: NotebookNode) -> str:
    """A fingerprint of all code, without which nobody could tell old outputs from new ones."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256("\0".join(code).encode()).hexdigest()[:16]


if __name__ == "__main__":
    main()
