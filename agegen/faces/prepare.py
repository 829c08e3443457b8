"""Photos → FaceStore: list, decode once in parallel processes, split, write; resumes if killed."""

import os
from dataclasses import asdict, dataclass, field
from hashlib import sha256 as new_sha256
from pathlib import Path

import numpy as np

from agegen.faces.catalog import Catalog, read_catalog
from agegen.faces.decode_all import JOURNAL, PARTIAL, decode_all, remove_leftovers, write_images
from agegen.faces.near_duplicates import near_duplicate_pairs
from agegen.faces.records import (
    CLASS_NAMES,
    OLD,
    OTHER,
    YOUNG,
    AgeRanges,
    Face,
    Rejected,
    SourceKind,
)
from agegen.faces.split import SPLITS, Split, split_faces
from agegen.faces.store import COLUMNS, FORMAT, FaceStore, read_info
from agegen.run.errors import UserError
from agegen.run.files import as_json_text, lock, put_rows, sha256, written_together
from agegen.run.outputs import is_run, require_replaceable

FINAL = ("images.npy", "faces.csv", "rejected.csv", "store.json")
WRITTEN = (*FINAL, PARTIAL, JOURNAL)


@dataclass(frozen=True)
class PrepareConfig:
    """Decode a folder of face photos once into a FaceStore."""

    source: Path
    """Folder of photos (class folders, CACD, UTKFace, IMDB-WIKI) or a table of paths and ages."""
    out: Path
    """Folder of the store; made if missing."""
    kind: SourceKind | None = None
    """How to read the source; recognised from its names and folders if not given."""
    young: tuple[int, int] = (20, 26)
    """First and last age, in years, of class 0."""
    old: tuple[int, int] = (52, 62)
    """First and last age, in years, of class 1."""
    keep_other_ages: bool = False
    """Keep the faces of all other ages, too, in neither class: a classifier then learns to say ages
    in years from all of them. The classes' faces and splits are the same as without."""
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
        for name in ("val_fraction", "test_fraction"):
            if not 0 < getattr(self, name) < 0.5:
                raise UserError(f"--{name.replace('_', '-')} must be above 0 and below 0.5")
        if self.seed < 0:
            raise UserError(f"--seed {self.seed} is negative")
        if self.workers < 1:
            raise UserError(f"--workers {self.workers} is not a number of processes")
        AgeRanges(self.young, self.old)


def prepare(config: PrepareConfig) -> FaceStore:
    """Make the store that `config` asks for, or go on where an earlier run was stopped.

    Raises:
        UserError: nothing to read, a class is missing, the disk is full, or `out` holds a store
            made from something else.
    """
    ranges = AgeRanges(config.young, config.old, config.keep_other_ages)
    catalog = read_catalog(config.source, ranges, config.kind)
    others = sum(face.label == OTHER for face in catalog.faces)
    also = f", {others:,} of other ages" if config.keep_other_ages else ""
    in_class = f"{len(catalog.faces) - others:,} photos in a class"
    print(f"{config.source} is read as {catalog.kind}: {in_class}{also}")
    for remark in catalog.remarks():
        print(remark)
    request = describe_request(config, catalog)
    require_free(config)
    held = lock(config.out, f"another prepare_faces.py is at work in {config.out}")
    try:
        if is_done(config, request):
            print(
                f"{config.out} is already made from these photos with these settings: nothing to do"
            )
            remove_leftovers(config.out)
        else:
            make(config, catalog, request)
        return FaceStore.open(config.out)
    finally:
        if held:
            held.close()


def require_free(config: PrepareConfig) -> None:
    """Refuse a folder in which something else than a store would be replaced."""
    out = config.out
    if is_run(out):
        raise UserError(f"{out} holds a training's run: choose another --out for the store")
    for path in (out / name for name in WRITTEN):
        if config.source.resolve() == path.resolve():
            raise UserError(f"--source {config.source} would be replaced: choose another --out")
        require_replaceable(path)


def make(config: PrepareConfig, catalog: Catalog, request: dict) -> None:
    """Decode, split and write; a store that is there stays until the new one is whole.

    store.json comes last and makes the folder a store.
    """
    out = config.out
    entries = decode_all(out, catalog.faces, request, config.size, config.workers)
    decoded = list(zip(catalog.faces, entries, strict=True))
    faces = [face for face, entry in decoded if not entry.reason]
    hashes = [entry.hash for entry in entries if not entry.reason]
    split = split_kept(config, faces, hashes)
    keep = np.flatnonzero(split.names != "").tolist()
    rows = [face_row(faces[i], hashes[i], split.names[i]) for i in keep]
    rejected = catalog.rejected + [Rejected(f.path, e.reason) for f, e in decoded if e.reason]
    rejected += [
        Rejected(faces[i].path, f"near-duplicate of {faces[j].path} in the given {faces[j].split}")
        for i, j in split.dropped.items()
    ]
    torn = "nearly the same photos, or the same person's, are in other splits"
    rejected += [Rejected(faces[i].path, torn) for i in split.torn]
    if split.torn:
        print(f"note: {len(split.torn):,} photos of other ages are left out: {torn}")
    with written_together(*(out / name for name in FINAL)) as (images, table, left_out, info):
        put_rows(table, COLUMNS, rows)
        put_rows(left_out, ("path", "reason"), sorted(rejected))
        write_images(out / PARTIAL, images, len(faces), keep, config.size)
        files = {"images.npy": images, "faces.csv": table}
        labels = np.array([faces[i].label for i in keep])
        content = {
            "format": FORMAT,
            "request": request,
            "counts": count(labels, split.names[keep], len(rejected), config.keep_other_ages),
            "bytes": {name: path.stat().st_size for name, path in files.items()},
            "checksums": {name: sha256(path) for name, path in files.items()},
        }
        info.write_text(as_json_text(content), encoding="utf-8", errors="backslashreplace")
    remove_leftovers(out)


def describe_request(config: PrepareConfig, catalog: Catalog) -> dict:
    """State all that decides the store's content, to compare with an earlier run's."""
    digest = new_sha256()
    for face in catalog.faces:
        entry = (str(face.path.resolve()), face[1:], *size_and_time(face.path))
        digest.update(repr(entry).encode())
    asked = {k: v for k, v in asdict(config).items() if k not in ("out", "workers", "overwrite")}
    if not config.keep_other_ages:
        del asked["keep_other_ages"]  # as stores of versions that could not
    asked |= {"source": str(config.source.resolve()), "kind": catalog.kind}
    asked |= {"young": list(config.young), "old": list(config.old)}
    return {**asked, "photos": len(catalog.faces), "photos_sha256": digest.hexdigest()}


def size_and_time(path: Path) -> tuple[int, int]:
    """Size in bytes and time of change in ns; zeros where it has gone (decoding says so)."""
    try:
        stat = path.stat()
    except OSError:
        return 0, 0
    return stat.st_size, stat.st_mtime_ns


def is_done(config: PrepareConfig, request: dict) -> bool:
    """True if `out` holds this very store; False if there is none, or it may be replaced."""
    if config.overwrite or not (config.out / "store.json").exists():
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


def split_kept(config: PrepareConfig, faces: list[Face], hashes: list[str]) -> Split:
    """Split the decoded faces by identity and near-duplicates, those of other ages last."""
    for label, name in enumerate(CLASS_NAMES):
        if not any(face.label == label for face in faces):
            raise UserError(f"no photo of class {name} in {config.source} could be decoded")
    pairs = near_duplicate_pairs(np.array([[*bytes.fromhex(h)] for h in hashes], dtype=np.uint8))
    say_contradictions(faces, pairs)
    return split_faces(
        labels=np.array([face.label for face in faces]),
        identities=np.array([face.identity for face in faces]),
        pairs=pairs,
        given=np.array(["" if config.resplit else face.split for face in faces]),
        val_fraction=config.val_fraction,
        test_fraction=config.test_fraction,
        seed=config.seed,
    )


def say_contradictions(faces: list[Face], pairs: np.ndarray) -> None:
    """Print how many near-duplicates (int m, 2) are young and old at once, with the first pair."""
    both = [
        (faces[i].path, faces[j].path)
        for i, j in pairs
        if {faces[i].label, faces[j].label} == {YOUNG, OLD}
    ]
    if both:
        are = "1 pair of photos is" if len(both) == 1 else f"{len(both):,} pairs of photos are"
        first = f"first {both[0][0]} and {both[0][1]}"
        print(f"note: {are} nearly the same, but one is young and one old: {first}")


def face_row(face: Face, hash_: str, split: str) -> tuple:
    """Return the cells of faces.csv in the order of `COLUMNS`."""
    age = "" if face.age is None else face.age
    return (face.path.absolute(), age, face.label, face.identity, face.gender, split, hash_)


def count(labels: np.ndarray, splits: np.ndarray, rejected: int, others: bool) -> dict:
    """Count faces by split and class, and those of other ages by split if they are kept."""
    counts: dict = {"faces": int((labels != OTHER).sum()), "rejected": rejected}
    for split in SPLITS:
        of_split = [np.sum((splits == split) & (labels == label)) for label in (YOUNG, OLD)]
        counts[split] = dict(zip(CLASS_NAMES, map(int, of_split), strict=True))
    if others:
        of_split = [np.sum((splits == split) & (labels == OTHER)) for split in SPLITS]
        counts["other"] = dict(zip(SPLITS, map(int, of_split), strict=True))
    return counts
