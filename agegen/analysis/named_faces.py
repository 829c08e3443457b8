"""Single faces in plain JSON, in captions, and as pixels kept for a page."""

from pathlib import Path

import numpy as np

from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import UNKNOWN_AGE, FaceStore
from agegen.run.files import written_whole


def describe_face(store: FaceStore, index: int, p: float) -> dict:
    """One face in plain JSON; an unknown age is null, an unknown gender "".

    Args:
        store: where it is from.
        index: its number there.
        p: p(old) that a classifier gives it.
    """
    age = int(store.ages[index])
    return {
        "index": int(index),
        "label": int(store.labels[index]),
        "age": None if age == UNKNOWN_AGE else age,
        "gender": str(store.genders[index]),
        "split": str(store.splits[index]),
        "p_old": float(p),
    }


def name_face(store: FaceStore, index: int) -> str:
    """young, age 24."""
    age = "" if store.ages[index] == UNKNOWN_AGE else f", age {store.ages[index]}"
    return f"{CLASS_NAMES[store.labels[index]]}{age}"


def name_answer(store: FaceStore, index: int, p: float) -> str:
    """wrong: young, age 24 / p(old) 0.912."""
    kind = "right" if (p > 0.5) == store.labels[index] else "wrong"
    return f"{kind}: {name_face(store, index)}\np(old) {p:.3f}"


def save_faces(path: Path, store: FaceStore, indices: list[int]) -> None:
    """Save the pixels of some faces: `indices` int64 (k,) and `images` uint8 (k, h, w, 3)."""
    kept = np.unique(np.array(indices, dtype=np.int64))
    with written_whole(path) as temporary, temporary.open("wb") as file:
        np.savez(file, indices=kept, images=store.images[kept])
