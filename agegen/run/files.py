"""Files are written whole: under a temporary name first, then renamed.

A reader therefore sees the old file or the new one, never half of one, whenever a process is
killed.
"""

import csv
import errno
import hashlib
import json
import math
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from agegen.run.errors import UserError
from agegen.run.outputs import note_written, require_replaceable

if sys.platform != "win32":
    import fcntl


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the body succeeds.

    The file has the rights that the umask gives, whatever the body writes with.

    Raises:
        UserError: the disk is full, the folder may not be written, or a file is in the way that
            agegen did not write.
    """
    with written_together(path) as (temporary,):
        yield temporary


@contextmanager
def written_together(*paths: Path) -> Iterator[list[Path]]:
    """The same of several files of one folder: all are whole before the first is renamed.

    They are renamed in the order given: what vouches for the others comes last.
    """
    temporaries = [path.with_name(f".{path.name}.{os.getpid()}.tmp") for path in paths]
    pairs = list(zip(temporaries, paths, strict=True))
    try:
        with explained_write_errors(paths[0]):
            paths[0].parent.mkdir(parents=True, exist_ok=True)
            for temporary, path in pairs:
                require_replaceable(path)
                temporary.touch()
            rights = stat.S_IMODE(temporaries[0].stat().st_mode)
            yield temporaries
            for temporary, path in pairs:
                temporary.chmod(rights)  # safetensors makes a file that only its owner may read
                flush_to_disk(temporary)
                note_written(path)
            for temporary, path in pairs:
                temporary.replace(path)
    finally:
        for temporary in temporaries:
            with suppress(OSError):  # already renamed, or never made
                temporary.unlink()


def require_writable(path: Path) -> None:
    """Refuse (by a UserError), before long work, a path that could not be written after it.

    Its folder is made.
    """
    require_replaceable(path)
    with explained_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=path.parent).close()


def flush_to_disk(path: Path) -> None:
    """Make sure that the file's bytes are on the disk before its name is."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


WRITE_ERRORS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "no permission to write there",
    errno.EPERM: "no permission to write there, or the folder is protected against changes",
    errno.EROFS: "the disk is read-only",
    errno.EIO: "the disk reports an error",
    errno.ENOTDIR: "a part of that path is a file, not a folder",
    errno.EEXIST: "a file of that name is in the way",
    errno.EISDIR: "a folder of that name is in the way",
    errno.ENAMETOOLONG: "the name is too long",
}


@contextmanager
def explained_write_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's errors into one sentence that names the path.

    That of `path`, or of the place elsewhere that the error itself names. What is no file's error
    (the reader of a pipe has left) is passed on.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or isinstance(error, ConnectionError):
            raise
        reason = WRITE_ERRORS.get(error.errno, os.strerror(error.errno))
        about, here = path, path.absolute()
        if isinstance(error.filename, str | bytes):
            named = Path(os.fsdecode(error.filename)).absolute()
            if not (named.is_relative_to(here.parent) or here.is_relative_to(named)):
                about = named
        raise UserError(f"cannot write {about}: {reason}") from error


def lock(folder: Path, busy: str) -> IO | None:
    """Keep other processes out of a folder, which is made, until the file returned is closed.

    Returns:
        The open lock; None where the file system has no locks, which is said.

    Raises:
        UserError: `busy`, as another process has the lock, or the folder may not be written.
    """
    if sys.platform == "win32":  # it has no fcntl
        return None
    with explained_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:  # ENOLCK, ENOSYS, ENOTSUP …: NFS and Lustre may have none
        file.close()
        if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK):  # BlockingIOError is of more
            raise UserError(busy) from None
        print(f"note: {folder} cannot be locked ({error.strerror}): let one command work there")
        return None
    return file


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, whole.

    File names that are not valid UTF-8 are kept as backslash escapes, which JSON reads back.
    """
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, content: Any) -> None:
    """Write `content` to `path` as indented JSON, whole."""
    write_text(path, as_json_text(content))


def as_json_text(content: Any) -> str:
    """The text of a JSON file."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def write_rows(path: Path, header: tuple, rows: list) -> None:
    """Write a CSV whole. Names that are not valid UTF-8 are kept as backslash escapes."""
    with written_whole(path) as temporary:
        put_rows(temporary, header, rows)


def put_rows(path: Path, header: tuple, rows: list) -> None:
    """Write a CSV in place."""
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        UserError: the file is missing, cannot be read or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))  # editors may add a mark
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged: not valid JSON ({error})") from None


@contextmanager
def explained_damage(path: Path) -> Iterator[None]:
    """Say that a file is damaged where what was read of it is not what the body expects.

    Raises:
        UserError: the body misses a name, or meets a value of another type.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        said = f"it has no {error}" if isinstance(error, KeyError) else "a value is of another kind"
        raise UserError(f"{path} is damaged, or of another version: {said}") from error


def read_metrics(path: Path) -> list[dict]:
    """Read the records of metrics.jsonl, each with a "kind" and a "step".

    A last line cut short by a kill is left out; so is a damaged one elsewhere, which is said.
    """
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines()
    records, damaged = [], []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            fit = isinstance(record["kind"], str) and isinstance(record["step"], int)
        except (ValueError, TypeError, KeyError, RecursionError):
            fit = False
        if fit:
            records.append(record)
        else:
            damaged.append(number)
    if damaged and damaged != [len(lines)]:
        numbers = ", ".join(map(str, damaged[:5])) + (" …" if len(damaged) > 5 else "")
        print(f"note: {path} is damaged in line {numbers}, which is left out", file=sys.stderr)
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


def without_nan(content: Any) -> Any:
    """The same with None for every number that is none, which JSON lacks."""
    if isinstance(content, dict):
        return {name: without_nan(value) for name, value in content.items()}
    if isinstance(content, list):
        return [without_nan(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
