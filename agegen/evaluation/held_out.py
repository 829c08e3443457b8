"""The faces that generators are judged on, and the resamples of their bootstrap."""

from typing import NamedTuple, Protocol

import numpy as np
from torch import Tensor

from agegen import metrics
from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import FaceStore, clusters
from agegen.run.errors import UserError


class Views(Protocol):
    """How faces are shown to a translator and to judges."""

    @property
    def store_size(self) -> int:
        """Side in pixels of the stored faces whose views they are."""
        ...

    def views(self, images: np.ndarray) -> Tensor:
        """Cut stored faces: uint8 (n, h, w, 3) → float (n, 3, size, size) in [−1, 1]."""
        ...


class Translator(Views, Protocol):
    """What makes faces older and younger: `agegen.cyclegan.translate.Translator` is ours."""

    def translate(self, faces: Tensor, to: str) -> Tensor:
        """Make such faces "young" or "old": float of the same shape, in [−1, 1]."""
        ...


class HeldOut(NamedTuple):
    """Real faces of both classes, by class name.

    Attributes:
        faces: float (n, 3, size, size) in [−1, 1].
        weights: bootstrap resamples (r, n): persons are drawn, where identities are known.
        indices: numbers in the store, int64 (n,).
        persons: who it is, int64 (n,); a face of unknown identity is a person of its own.
    """

    faces: dict[str, Tensor]
    weights: dict[str, np.ndarray]
    indices: dict[str, np.ndarray]
    persons: dict[str, np.ndarray]


def choose_faces(
    views: Views,
    store: FaceStore,
    split: str = "test",
    most: int = 0,
    seed: int = 0,
    resamples: int = 1000,
) -> HeldOut:
    """Choose the faces of a split, and draw their bootstrap resamples.

    Raises:
        UserError: the store has faces of another size, or none of a class in the split.
    """
    if store.size != views.store_size:
        raise UserError(
            f"the faces of {store.folder} have {store.size} pixels, those that are judged "
            f"{views.store_size}: prepare them with --size {views.store_size}"
        )
    chosen = choose_by_class(store, split, most, seed)
    faces, weights, persons = {}, {}, {}
    for label, name in enumerate(CLASS_NAMES):
        if not len(chosen[name]):
            raise UserError(f"{store.folder} has no {name} faces in its {split} split")
        faces[name] = views.views(store.images[chosen[name]])
        who = persons[name] = clusters(store, chosen[name])
        weights[name] = metrics.bootstrap_weights(len(who), who, resamples, seed + label)
    return HeldOut(faces, weights, chosen, persons)


def choose_by_class(store: FaceStore, split: str, most: int, seed: int) -> dict[str, np.ndarray]:
    """Numbers of a split's faces by class, at most so many (0: all), in random order."""
    found = {}
    for label, name in enumerate(CLASS_NAMES):
        faces = store.indices(split)
        faces = faces[store.labels[faces] == label]
        drawn = np.random.default_rng([seed, label]).permutation(faces)
        found[name] = drawn[: most or len(drawn)]
    return found
