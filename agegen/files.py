"""Files are written whole: under a temporary name first, then renamed.

A reader therefore sees the old file or the new one, never half of one, whenever a process is
killed.
"""

import csv
import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from agegen.errors import UserError


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the body succeeds.

    Raises:
        UserError: the disk is full or the folder may not be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with explained_write_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            flush_to_disk(temporary)
            temporary.replace(path)
    finally:
        with suppress(OSError):  # already renamed, or never made
            temporary.unlink()


def flush_to_disk(path: Path) -> None:
    """Make sure that the file's bytes are on the disk before its name is."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


@contextmanager
def explained_write_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's write errors into one sentence that names the path."""
    reasons = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "the disk quota is used up",
        errno.EACCES: "no permission to write there",
        errno.EROFS: "the disk is read-only",
        errno.ENOTDIR: "a part of that path is a file, not a folder",
        errno.EEXIST: "a file of that name is in the way",
        errno.EISDIR: "a folder of that name is in the way",
        errno.ENAMETOOLONG: "the name is too long",
    }
    try:
        yield
    except OSError as error:
        if error.errno not in reasons:
            raise
        raise UserError(f"cannot write {path}: {reasons[error.errno]}") from error


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, whole.

    File names that are not valid UTF-8 are kept as backslash escapes, which JSON reads back.
    """
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, content: Any) -> None:
    """Write `content` to `path` as indented JSON, whole."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_rows(path: Path, header: tuple, rows: list) -> None:
    """Write a CSV whole. Names that are not valid UTF-8 are kept as backslash escapes."""
    with (
        written_whole(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        UserError: the file is missing, cannot be read or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is damaged: not valid JSON ({error})") from None


def read_metrics(path: Path) -> list[dict]:
    """Read the records of metrics.jsonl; a last line cut short by a kill is left out."""
    if not path.exists():
        return []
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return records


def flatten(content: dict, prefix: str = "") -> dict[str, Any]:
    """Turn the nested dictionaries of a JSON file into one with dotted names."""
    flat: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def sha256(path: Path) -> str:
    """Return the SHA-256 checksum of a file as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
