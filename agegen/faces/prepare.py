"""Photos → FaceStore: list, decode once in parallel processes, split, write; resumes if killed.

While it works the folder holds ``journal.jsonl`` (the request, then one line per decoded chunk)
and ``images.npy.partial``. A re-run with the same request goes on after the last whole chunk.
"""

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from hashlib import sha256 as new_sha256
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np

from agegen.errors import UserError
from agegen.faces.catalog import (
    CLASS_NAMES,
    AgeRanges,
    Catalog,
    Face,
    Rejected,
    SourceKind,
    read_catalog,
)
from agegen.faces.decode import BadImageError, decode_face
from agegen.faces.near_duplicates import difference_hash, near_duplicate_pairs
from agegen.faces.split import SPLITS, Split, split_faces
from agegen.faces.store import COLUMNS, FORMAT, FaceStore, read_info
from agegen.files import (
    explained_write_errors,
    flush_to_disk,
    sha256,
    write_json,
    write_rows,
    written_whole,
)
from agegen.progress import Progress

CHUNK = 64


@dataclass(frozen=True)
class PrepareConfig:
    """Decode a folder of face photos once into a FaceStore."""

    source: Path
    """Folder of photos (lab course layout, CACD, UTKFace) or a CSV table of paths and ages."""
    out: Path
    """Folder of the store; made if missing."""
    kind: SourceKind | None = None
    """How to read the source; recognised from its names and folders if not given."""
    young: tuple[int, int] = (20, 26)
    """First and last age, in years, of class 0."""
    old: tuple[int, int] = (52, 62)
    """First and last age, in years, of class 1."""
    size: int = 100
    """Side of the stored faces in pixels (32 to 512)."""
    val_fraction: float = 0.10
    """Share of the faces that becomes the validation split."""
    test_fraction: float = 0.15
    """Share of the faces that becomes the test split, where the source has no test folder."""
    resplit: bool = False
    """Ignore the source's own test folder and split identity-disjointly from scratch."""
    seed: int = 0
    """Seed of the split."""
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Decoding processes."""
    overwrite: bool = False
    """Replace a store in --out that was made with other settings or from other photos."""

    def __post_init__(self) -> None:
        if not 32 <= self.size <= 512:
            raise UserError(f"--size {self.size} is not between 32 and 512 pixels")
        if self.workers < 1:
            raise UserError(f"--workers {self.workers} is not a number of processes")
        AgeRanges(self.young, self.old)


class Decoded(NamedTuple):
    """Journal entry of one file: its perceptual hash in hexadecimal, or why it was rejected."""

    hash: str
    reason: str


def prepare(config: PrepareConfig) -> FaceStore:
    """Make the store that `config` asks for, or go on where an earlier run was stopped.

    Raises:
        UserError: nothing to read, a class is missing, the disk is full, or `out` holds a store
            made from something else.
    """
    catalog = read_catalog(config.source, AgeRanges(config.young, config.old), config.kind)
    print(f"{config.source} is read as {catalog.kind}: {len(catalog.faces):,} photos in a class")
    request = describe_request(config, catalog)
    if is_done(config, request):
        print(f"{config.out} is already made from these photos with these settings: nothing to do")
        remove_leftovers(config.out)
        return FaceStore.open(config.out)
    with explained_write_errors(config.out):
        config.out.mkdir(parents=True, exist_ok=True)
        decoded = decode_all(config, catalog.faces, request)
    kept = [face for face, d in zip(catalog.faces, decoded, strict=True) if not d.reason]
    hashes = [d.hash for d in decoded if not d.reason]
    split = split_kept(config, kept, hashes)
    rejected = catalog.rejected + [
        Rejected(face.path, d.reason)
        for face, d in zip(catalog.faces, decoded, strict=True)
        if d.reason
    ]
    finish(config, request, kept, hashes, split, rejected)
    return FaceStore.open(config.out)


def describe_request(config: PrepareConfig, catalog: Catalog) -> dict:
    """State all that decides the store's content, to compare with an earlier run's."""
    digest = new_sha256()
    for face in catalog.faces:
        stat = face.path.stat()
        entry = (str(face.path.resolve()), face[1:], stat.st_size, stat.st_mtime_ns)
        digest.update(repr(entry).encode())
    asked = {k: v for k, v in asdict(config).items() if k not in ("out", "workers", "overwrite")}
    asked |= {"source": str(config.source.resolve()), "kind": catalog.kind}
    asked |= {"young": list(config.young), "old": list(config.old)}
    return {**asked, "photos": len(catalog.faces), "photos_sha256": digest.hexdigest()}


def is_done(config: PrepareConfig, request: dict) -> bool:
    """True if `out` holds this very store; otherwise clear the way, if that is allowed."""
    stored = config.out / "store.json"
    if not stored.exists():
        return False
    if config.overwrite:
        (config.out / "images.npy").unlink(missing_ok=True)
        stored.unlink()
        return False
    try:
        old = read_info(config.out)["request"]
    except UserError as error:
        raise UserError(f"{error}; replace it with --overwrite") from None
    if old == request:
        return True
    raise UserError(
        f"{config.out} holds a store made with another {differing(old, request)}: "
        "choose another --out, or replace it with --overwrite"
    )


def differing(old: dict, new: dict) -> str:
    """Name the settings in which two requests differ."""
    names = [name for name in new if new[name] != old.get(name)]
    if "photos_sha256" in names:
        names.remove("photos_sha256")
        names = [name for name in names if name != "photos"] + ["set of photos"]
    return ", ".join(names)


def decode_all(config: PrepareConfig, faces: list[Face], request: dict) -> list[Decoded]:
    """Decode all faces into images.npy.partial, chunk by chunk, after what is already there."""
    partial, journal = config.out / "images.npy.partial", config.out / "journal.jsonl"
    decoded = recover(partial, journal, request, config.size)
    chunks = [faces[i : i + CHUNK] for i in range(len(decoded), len(faces), CHUNK)]
    if decoded:
        print(f"going on after {len(decoded):,} photos decoded by an earlier run")
    bar = Progress(len(faces), "decoding", "photos", initial=len(decoded))
    with partial.open("ab") as images, journal.open("a", encoding="utf-8") as log, bar:
        for arrays, entries in decode_chunks(chunks, config):
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
    chunks: list[list[Face]], config: PrepareConfig
) -> Iterator[tuple[bytes, list[Decoded]]]:
    """Decode chunks in worker processes, yielding them in order, a bounded number ahead."""
    paths = [[face.path for face in chunk] for chunk in chunks]
    context = multiprocessing.get_context("spawn")
    ahead = 4 * config.workers
    with ProcessPoolExecutor(config.workers, context, initializer=end_with_parent) as pool:
        pending = [pool.submit(decode_chunk, chunk, config.size) for chunk in paths[:ahead]]
        try:
            for i in range(len(paths)):
                yield pending[i].result()
                pending[i] = None  # release the pixels
                if i + ahead < len(paths):
                    pending.append(pool.submit(decode_chunk, paths[i + ahead], config.size))
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
        multiprocessing.parent_process().join()
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


def split_kept(config: PrepareConfig, faces: list[Face], hashes: list[str]) -> Split:
    """Split the decoded faces by identity and near-duplicates."""
    for label, name in enumerate(CLASS_NAMES):
        if not any(face.label == label for face in faces):
            raise UserError(f"no photo of class {name} in {config.source} could be decoded")
    bits = np.array([list(bytes.fromhex(h)) for h in hashes], dtype=np.uint8)
    given = np.array(["" if config.resplit else face.split for face in faces])
    return split_faces(
        labels=np.array([face.label for face in faces]),
        identities=np.array([face.identity for face in faces]),
        pairs=near_duplicate_pairs(bits),
        given=given,
        val_fraction=config.val_fraction,
        test_fraction=config.test_fraction,
        seed=config.seed,
    )


def finish(
    config: PrepareConfig,
    request: dict,
    faces: list[Face],
    hashes: list[str],
    split: Split,
    rejected: list[Rejected],
) -> None:
    """Write the final files; store.json comes last and makes the folder a store."""
    out = config.out
    rejected = rejected + [
        Rejected(faces[i].path, f"near-duplicate of {faces[j].path} in the given {faces[j].split}")
        for i, j in sorted(split.dropped.items())
    ]
    keep = [i for i in range(len(faces)) if i not in split.dropped]
    write_rows(
        out / "faces.csv", COLUMNS, [face_row(faces[i], hashes[i], split.names[i]) for i in keep]
    )
    write_rows(out / "rejected.csv", ("path", "reason"), sorted(rejected))
    write_images(out, len(faces), keep, config.size)
    names = ("images.npy", "faces.csv")
    labels = np.array([faces[i].label for i in keep])
    write_json(
        out / "store.json",
        {
            "format": FORMAT,
            "request": request,
            "counts": count(labels, split.names[keep], len(rejected)),
            "bytes": {name: (out / name).stat().st_size for name in names},
            "checksums": {name: sha256(out / name) for name in names},
        },
    )
    remove_leftovers(out)


def remove_leftovers(out: Path) -> None:
    """Remove what only a resumed run reads; the journal first, since it vouches for the rest."""
    for name in ("journal.jsonl", "images.npy.partial"):
        (out / name).unlink(missing_ok=True)


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


def face_row(face: Face, hash_: str, split: str) -> tuple:
    """Return the cells of faces.csv in the order of `COLUMNS`."""
    age = "" if face.age is None else face.age
    return (face.path, age, face.label, face.identity, face.gender, split, hash_)


def count(labels: np.ndarray, splits: np.ndarray, rejected: int) -> dict:
    """Count faces by split and class."""
    by_split = {
        split: {
            name: int(np.sum((splits == split) & (labels == label)))
            for label, name in enumerate(CLASS_NAMES)
        }
        for split in SPLITS
    }
    return {"faces": len(labels), "rejected": rejected, **by_split}
