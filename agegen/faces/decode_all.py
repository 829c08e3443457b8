"""Decode photos once in worker processes into one array on disk; goes on where a kill stopped it.

While it works the folder holds ``journal.jsonl`` (the request, then one line per decoded chunk)
and ``images.npy.partial``. A re-run with the same request goes on after the last whole chunk.
"""

import json
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np

from agegen.errors import UserError
from agegen.faces.decode import BadImageError, decode_face
from agegen.faces.near_duplicates import difference_hash
from agegen.faces.records import Face
from agegen.files import explained_write_errors, flush_to_disk, written_whole
from agegen.progress import Progress

CHUNK = 64


class Decoded(NamedTuple):
    """Journal entry of one file: its perceptual hash in hexadecimal, or why it was rejected."""

    hash: str
    reason: str


def decode_all(
    out: Path, faces: list[Face], request: dict, size: int, workers: int
) -> list[Decoded]:
    """Decode all faces into images.npy.partial, chunk by chunk, after what is already there.

    Args:
        out: the folder of the store to be.
        faces: the photos, in the order of the array's rows.
        request: all that decides the result, plain JSON; with another one it begins anew.
        size: side of the faces in pixels.
        workers: decoding processes.

    Returns:
        One entry per face.
    """
    partial, journal = out / "images.npy.partial", out / "journal.jsonl"
    decoded = recover(partial, journal, request, size)
    chunks = [faces[i : i + CHUNK] for i in range(len(decoded), len(faces), CHUNK)]
    if decoded:
        print(f"going on after {len(decoded):,} photos decoded by an earlier run")
    bar = Progress(len(faces), "decoding", "photos", initial=len(decoded))
    with partial.open("ab") as images, journal.open("a", encoding="utf-8") as log, bar:
        for arrays, entries in decode_chunks(chunks, size, workers):
            images.write(arrays)
            images.flush()
            log.write(json.dumps(entries) + "\n")
            log.flush()
            decoded += entries
            bar.update(len(entries))
    return decoded


def recover(partial: Path, journal: Path, request: dict, size: int) -> list[Decoded]:
    """Return what an earlier run of the same request decoded; begin anew otherwise."""
    lines = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []
    images = partial.with_suffix("")
    if lines and lines[0] == json.dumps(request) and not partial.exists() and images.exists():
        images.rename(partial)  # stopped after `write_images`
    if not lines or lines[0] != json.dumps(request) or not partial.exists():
        partial.write_bytes(array_header(0, size))
        journal.write_text(json.dumps(request) + "\n", encoding="utf-8")
        return []
    decoded, good = [], [lines[0]]
    length = len(array_header(0, size))
    for line in lines[1:]:
        entries = parse_journal_line(line)
        length += sum(not entry.reason for entry in entries) * size * size * 3
        if not entries or partial.stat().st_size < length:
            break
        decoded += entries
        good.append(line)
    journal.write_text("\n".join(good) + "\n", encoding="utf-8")
    rows = sum(not entry.reason for entry in decoded)
    os.truncate(partial, len(array_header(0, size)) + rows * size * size * 3)
    return decoded


def parse_journal_line(line: str) -> list[Decoded]:
    """Read one chunk's entries; a line cut short by a kill gives none."""
    try:
        return [Decoded(*entry) for entry in json.loads(line)]
    except (json.JSONDecodeError, TypeError):
        return []


def array_header(n: int, size: int) -> bytes:
    """Return the .npy header of a uint8 (n, size, size, 3) array; its length is the same for any n.

    NumPy pads headers so that the first axis can grow in place.
    """
    buffer = BytesIO()
    shape = {"descr": "|u1", "fortran_order": False, "shape": (n, size, size, 3)}
    np.lib.format.write_array_header_1_0(buffer, shape)
    return buffer.getvalue()


def decode_chunks(
    chunks: list[list[Face]], size: int, workers: int
) -> Iterator[tuple[bytes, list[Decoded]]]:
    """Decode chunks in worker processes, yielding them in order, a bounded number ahead."""
    paths = [[face.path for face in chunk] for chunk in chunks]
    context = multiprocessing.get_context("spawn")
    ahead = 4 * workers
    with ProcessPoolExecutor(workers, context, initializer=end_with_parent) as pool:
        pending = deque(pool.submit(decode_chunk, chunk, size) for chunk in paths[:ahead])
        try:
            for i in range(len(paths)):
                yield pending.popleft().result()  # which releases the pixels
                if i + ahead < len(paths):
                    pending.append(pool.submit(decode_chunk, paths[i + ahead], size))
        except BrokenProcessPool:
            raise UserError(
                "a decoding process was killed (out of memory?): run the command again to go on, "
                "with fewer --workers"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def end_with_parent() -> None:
    """Let a worker end when its parent does, however that ends, and leave Ctrl-C to the parent.

    A worker holds both ends of the queue that it reads its work from: it would wait for ever.
    """

    def wait() -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None  # this is a worker
        parent.join()
        os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=wait, daemon=True).start()


def decode_chunk(paths: list[Path], size: int) -> tuple[bytes, list[Decoded]]:
    """Decode some files; runs in a worker. The bytes are those of the good images, in order."""
    images, entries = [], []
    for path in paths:
        try:
            image = decode_face(path, size)
        except BadImageError as error:
            entries.append(Decoded("", str(error)))
        else:
            images.append(image.tobytes())
            entries.append(Decoded(difference_hash(image).tobytes().hex(), ""))
    return b"".join(images), entries


def write_images(out: Path, n: int, keep: list[int], size: int) -> None:
    """Make images.npy of the decoded rows, without those of dropped faces.

    Nothing in the partial file moves, so that a kill at any point leaves it fit to resume from.
    """
    partial, header = out / "images.npy.partial", array_header(len(keep), size)
    if len(keep) == n:
        with explained_write_errors(out), partial.open("r+b") as file:
            file.write(header)
        flush_to_disk(partial)
        partial.replace(out / "images.npy")
        return
    rows = np.memmap(partial, np.uint8, "r", len(header), (n, size * size * 3))
    with written_whole(out / "images.npy") as temporary, temporary.open("wb") as file:
        file.write(header)
        for start in range(0, len(keep), CHUNK):
            file.write(rows[keep[start : start + CHUNK]].tobytes())


def remove_leftovers(out: Path) -> None:
    """Remove what only a resumed run reads; the journal first, since it vouches for the rest."""
    for name in ("journal.jsonl", "images.npy.partial"):
        (out / name).unlink(missing_ok=True)
