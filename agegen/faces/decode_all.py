"""Decode photos once in worker processes into one array on disk; goes on where a kill stopped it.

While it works the folder holds ``journal.jsonl`` (the request, then one line per decoded chunk
with the checksum of its images) and ``images.npy.partial``. A re-run with the same request goes on
after the last whole chunk whose images are those of its line.
"""

import json
import multiprocessing
import os
import shutil
import signal
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from hashlib import sha256 as new_sha256
from io import BytesIO
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from agegen.faces.decode import BadImageError, decode_face
from agegen.faces.near_duplicates import difference_hash
from agegen.faces.records import Face
from agegen.run.errors import UserError
from agegen.run.files import explained_write_errors
from agegen.run.outputs import note_written
from agegen.run.progress import Progress

CHUNK = 64
HASHED = 100  # pixels, a store's by default
PARTIAL, JOURNAL = "images.npy.partial", "journal.jsonl"


class Decoded(NamedTuple):
    """Journal entry of one file: its perceptual hash in hexadecimal, or why it was rejected."""

    hash: str
    reason: str


class Chunk(NamedTuple):
    """A line of the journal: the SHA-256 of the good images' bytes, and an entry a file."""

    checksum: str
    entries: list[Decoded]


def decode_all(
    out: Path, faces: list[Face], request: dict, size: int, workers: int
) -> list[Decoded]:
    """Decode all faces into images.npy.partial, chunk by chunk, after what is already there.

    `request` is all that decides the result, plain JSON; with another one it begins anew.

    Raises:
        UserError: the disk is full or fails, or another process wrote into the files.
    """
    partial, journal = out / PARTIAL, out / JOURNAL
    with explained_write_errors(out):
        done = recover(partial, journal, request, size)
    decoded = [entry for chunk in done for entry in chunk.entries]
    chunks = [faces[i : i + CHUNK] for i in range(len(decoded), len(faces), CHUNK)]
    if decoded:
        print(f"going on after {len(decoded):,} photos decoded by an earlier run")
    with Progress(len(faces), "decoding", "photos", initial=len(decoded)) as bar:
        for images, entries in decode_chunks(chunks, size, workers):
            chunk = Chunk(new_sha256(images).hexdigest(), entries)
            with explained_write_errors(out):
                append(partial, images)
                append(journal, json.dumps(chunk).encode() + b"\n")
            done.append(chunk)
            decoded += entries
            bar.update(len(entries))
    if count_whole(partial, done, size) < len(done):
        raise UserError(f"{partial} was changed by another process: run the command again")
    return decoded


def append(path: Path, content: bytes) -> None:
    """Add to a file."""
    with path.open("ab") as file:
        file.write(content)


def recover(partial: Path, journal: Path, request: dict, size: int) -> list[Chunk]:
    """Return what an earlier run of the same request decoded; begin anew otherwise."""
    lines = journal.read_bytes().splitlines() if journal.exists() else []
    first = json.dumps(request).encode()
    if not lines or lines[0] != first or not partial.exists():
        if lines and partial.exists():
            print(
                f"note: what an earlier run with other settings or photos left in {journal.parent} "
                "unfinished is begun anew"
            )
        for path, content in ((partial, array_header(0, size)), (journal, first + b"\n")):
            note_written(path)
            path.write_bytes(content)
        return []
    chunks = list(takewhile(lambda chunk: chunk.entries, map(parse_chunk, lines[1:])))
    chunks = chunks[: count_whole(partial, chunks, size)]
    good = [first, *(json.dumps(chunk).encode() for chunk in chunks)]
    journal.write_bytes(b"\n".join(good) + b"\n")
    rows = sum(not entry.reason for chunk in chunks for entry in chunk.entries)
    os.truncate(partial, len(array_header(0, size)) + rows * size * size * 3)
    return chunks


def parse_chunk(line: bytes) -> Chunk:
    """Read one chunk's line; one that is cut short or damaged has no entries."""
    try:
        checksum, entries = json.loads(line)
        return Chunk(checksum, [Decoded(*map(str, entry)) for entry in entries])
    except (ValueError, TypeError):
        return Chunk("", [])


def count_whole(partial: Path, chunks: list[Chunk], size: int) -> int:
    """How many of the first chunks have the images that they were written with."""
    with partial.open("rb") as file:
        file.seek(len(array_header(0, size)))
        for number, chunk in enumerate(chunks):
            rows = sum(not entry.reason for entry in chunk.entries)
            if new_sha256(file.read(rows * size * size * 3)).hexdigest() != chunk.checksum:
                return number
    return len(chunks)


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
    pool = make_pool(workers)
    if pool is None:
        yield from (decode_chunk(chunk, size) for chunk in paths)
        return
    ahead = 4 * workers
    with pool:
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


def make_pool(workers: int) -> ProcessPoolExecutor | None:
    """Start the processes; None where the system has no semaphores for them (/dev/shm)."""
    context = multiprocessing.get_context("spawn")
    try:
        return ProcessPoolExecutor(workers, context, initializer=end_with_parent)
    except OSError as why:
        print(f"note: no decoding processes can be started ({why}): photos are decoded in this one")
        return None


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
            entries.append(Decoded(difference_hash(as_hashed(path, image)).tobytes().hex(), ""))
    return b"".join(images), entries


def as_hashed(path: Path, image: np.ndarray) -> np.ndarray:
    """The face at one size, whatever the store's: all sizes have the same near-duplicates.

    So they have the same split: what one store trains on, no other one tests on.
    """
    if len(image) == HASHED:
        return image
    with suppress(BadImageError):  # too small for that
        return decode_face(path, HASHED)
    return image


def write_images(partial: Path, path: Path, n: int, keep: list[int], size: int) -> None:
    """Write the array of those of `n` decoded rows that are kept to `path`, an empty file.

    Nothing in the partial file moves, so that a kill at any point leaves it fit to resume from.
    """
    header = array_header(len(keep), size)
    if len(keep) == n:
        with partial.open("r+b") as file:
            file.write(header)
        path.unlink()
        try:
            os.link(partial, path)
        except OSError:  # a file system without links
            shutil.copyfile(partial, path)
        return
    rows = np.memmap(partial, np.uint8, "r", len(header), (n, size * size * 3))
    with path.open("wb") as file:
        file.write(header)
        for start in range(0, len(keep), CHUNK):
            file.write(rows[keep[start : start + CHUNK]].tobytes())


def remove_leftovers(out: Path) -> None:
    """Remove what only a resumed run reads; the journal first, since it vouches for the rest."""
    for name in (JOURNAL, PARTIAL):
        (out / name).unlink(missing_ok=True)
