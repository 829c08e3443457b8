"""The FaceStore: all faces of a data set in one memory-mapped uint8 array beside a table.

On disk (written by `agegen.faces.prepare`):

- ``images.npy``: uint8 n h w c, RGB.
- ``faces.csv``: one row a face (`COLUMNS`).
- ``rejected.csv``: path and reason of every file that did not become a face.
- ``store.json``: what was asked, counts, checksums. Written last: a folder without it is no store.
"""

import csv
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from agegen.faces.names import gender_named
from agegen.faces.records import OTHER
from agegen.run.errors import UserError
from agegen.run.files import explained_damage, read_json, sha256

FORMAT = 1
COLUMNS = ("path", "age", "label", "identity", "gender", "split", "hash")
UNKNOWN_AGE = -1
FINISH = "run the same prepare_faces.py command again, which finishes it"


@dataclass(frozen=True)
class FaceStore:
    """An opened store; every array has one entry per face, in the order of `images`.

    Attributes:
        folder: where it lies.
        images: uint8 (n, h, w, 3), memory-mapped read-only.
        labels: int64 (n,), 0 young, 1 old; 2 in neither class, after all others.
        ages: int64 (n,), years; −1 where unknown.
        identities: str (n,), empty where unknown.
        genders: str (n,), "female", "male" or empty.
        splits: str (n,), "train", "val" or "test".
        hashes: uint8 (n, 32), the perceptual hash of `near_duplicates`.
        paths: str (n,), the source files.
        info: the content of store.json.
    """

    folder: Path
    images: np.ndarray
    labels: np.ndarray
    ages: np.ndarray
    identities: np.ndarray
    genders: np.ndarray
    splits: np.ndarray
    hashes: np.ndarray
    paths: np.ndarray
    info: dict

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def size(self) -> int:
        """Side of the faces in pixels."""
        return self.images.shape[1]

    @property
    def keeps_other_ages(self) -> bool:
        """True if it was made to keep the faces in neither class, opened with them or not."""
        return "other" in self.info["counts"]

    @property
    def checksum(self) -> str:
        """What identifies the store's content: the checksums of images and table together."""
        return self.info["checksums"]["images.npy"][:16] + self.info["checksums"]["faces.csv"][:16]

    def indices(self, split: str) -> np.ndarray:
        """Return the indices of the faces of "train", "val", "test" or "all", int64, ascending."""
        return np.flatnonzero((self.splits == split) | (split == "all"))

    @classmethod
    def open(cls, folder: Path | str, verify: bool = True, other_ages: bool = False) -> "FaceStore":
        """Open a store.

        Args:
            folder: what was `--out` of prepare.
            verify: compare the images' checksum too (about 1 s per GB); the table's always is.
            other_ages: with the faces in neither class that it was made to keep.

        Raises:
            UserError: the folder is no store, is half-written or is damaged; it says which.
        """
        folder = Path(folder)
        info = read_info(folder)
        with explained_damage(folder / "store.json"):
            check_files(folder, info, verify)
        images = np.load(folder / "images.npy", mmap_mode="r")
        columns = read_columns(folder / "faces.csv")
        if len(images) != len(columns["label"]):
            raise UserError(f"{folder} is damaged: images.npy and faces.csv differ in length")
        store = cls(
            folder=folder,
            images=images,
            labels=columns["label"].astype(np.int64),
            ages=np.where(columns["age"] == "", str(UNKNOWN_AGE), columns["age"]).astype(np.int64),
            identities=columns["identity"],
            genders=columns["gender"],
            splits=columns["split"],
            hashes=np.array([list(bytes.fromhex(h)) for h in columns["hash"]], dtype=np.uint8),
            paths=columns["path"],
            info=info,
        )
        return store if other_ages else store.of_classes()

    def of_classes(self) -> "FaceStore":
        """The store without the faces in neither class; the others keep their indices."""
        n = int((self.labels != OTHER).sum())
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        kept: dict[str, Any] = {
            name: v[:n] if isinstance(v, np.ndarray) else v for name, v in values.items()
        }
        return FaceStore(**kept)


def read_info(folder: Path) -> dict:
    """Read store.json, or say why the folder is not a store or is of another version."""
    if not folder.is_dir():
        raise UserError(
            f"no FaceStore at {folder}: make one with recipes/prepare_faces.py; if it was moved, "
            "--faces names where it is now"
        )
    if not (folder / "store.json").exists():
        what = "is not a FaceStore (no store.json): see recipes/prepare_faces.py"
        if (folder / "journal.jsonl").exists():
            what = f"is half-written: {FINISH} or says what is missing"
        raise UserError(f"{folder} {what}")
    info = read_json(folder / "store.json")
    if not isinstance(info, dict) or info.get("format") != FORMAT:
        raise UserError(f"{folder}/store.json is not of a format that this version reads")
    missing = [name for name in ("request", "counts", "bytes", "checksums") if name not in info]
    if missing:
        raise UserError(f"{folder} is damaged: store.json lacks {' and '.join(missing)}")
    return info


def check_files(folder: Path, info: dict, verify: bool) -> None:
    """Compare sizes and checksums with store.json."""
    half = (folder / "journal.jsonl").exists()  # stopped while the store was being replaced
    remedy = f": {FINISH}" if half else ""
    for name, expected in info["checksums"].items():
        path = folder / name
        if not path.exists():
            raise UserError(f"{folder} is damaged: {name} is missing{remedy}")
        if path.stat().st_size != info["bytes"][name]:
            said = f"{name} has not the size it was written with"
            raise UserError(f"{folder} is damaged: {said}{remedy}")
        if (verify or name != "images.npy") and sha256(path) != expected:
            raise UserError(f"{folder} is damaged: {name} has changed since it was written{remedy}")


def read_columns(path: Path) -> dict[str, np.ndarray]:
    """Read faces.csv into one str array per column."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:  # older versions kept what a table said, such as m and f
        row["gender"] = gender_named(row["gender"])
    return {name: np.array([row[name] for row in rows], dtype=np.str_) for name in COLUMNS}


def clusters(store: FaceStore, indices: np.ndarray) -> np.ndarray:
    """Number the faces by identity; a face of unknown identity is a cluster of its own."""
    return number_persons(store.identities[indices])


def number_persons(identities: np.ndarray) -> np.ndarray:
    """The same of identities, str (n,), empty where unknown."""
    alone = np.array([f"face {i}" for i in range(len(identities))])
    return np.unique(np.where(identities == "", alone, identities), return_inverse=True)[1]
