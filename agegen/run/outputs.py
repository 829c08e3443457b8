"""What agegen wrote, it may replace; what it did not write is left alone.

Everything below a run or a FaceStore is theirs. Elsewhere (the folder or file of ``--out``) the
names of what was written are noted in a hidden file beside it.
"""

import json
import os
from pathlib import Path

from agegen.run.errors import UserError

NOTE = ".agegen"
DEPTH = 4  # folders above a file in which a run or a store is looked for


def require_replaceable(path: Path) -> None:
    """Refuse (by a UserError) to write over what agegen did not write."""
    if os.path.lexists(path) and not path.is_dir() and not is_known(path):
        raise UserError(
            f"{path} is in the way, and agegen did not write it: move it, or choose another place "
            "for the results"
        )


def note_written(path: Path) -> None:
    """Remember that a file is ours, before it is there."""
    if not is_known(path):
        with (path.parent / NOTE).open("a", encoding="utf-8", errors="surrogateescape") as file:
            file.write(json.dumps(path.name) + "\n")


def is_known(path: Path) -> bool:
    """True if the file is of a run or a store, or is noted as written."""
    if any(is_run(folder) or is_store(folder) for folder in path.absolute().parents[:DEPTH]):
        return True
    try:
        lines = (path.parent / NOTE).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return False
    return json.dumps(path.name) in lines.splitlines()


def is_run(folder: Path) -> bool:
    """True if a training, or what was packed of one, lies in a folder."""
    return isinstance(read_names(folder / "config.json").get("config"), dict)


def is_store(folder: Path) -> bool:
    """True if a FaceStore lies in a folder."""
    return "checksums" in read_names(folder / "store.json")


def read_names(path: Path) -> dict:
    """The content of a JSON file that holds names; empty if it is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
