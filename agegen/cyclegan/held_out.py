"""The held-out faces that generators are judged on, and the resamples of their bootstrap."""

from typing import NamedTuple

import numpy as np
from torch import Tensor

from agegen import metrics
from agegen.cyclegan.translate import Translator
from agegen.errors import UserError
from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import FaceStore, clusters


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
    translator: Translator,
    store: FaceStore,
    split: str = "test",
    most: int = 0,
    seed: int = 0,
    resamples: int = 1000,
) -> HeldOut:
    """Choose the faces of a split, and draw their bootstrap resamples."""
    if store.size != translator.store_size:
        raise UserError(
            f"the faces of {store.folder} have {store.size} pixels, these generators were trained "
            f"on {translator.store_size}: prepare them with --size {translator.store_size}"
        )
    chosen, faces, weights, persons = {}, {}, {}, {}
    for label, name in enumerate(CLASS_NAMES):
        of_class = store.indices(split)
        of_class = of_class[store.labels[of_class] == label]
        if not len(of_class):
            raise UserError(f"{store.folder} has no {name} faces in its {split} split")
        drawn = np.random.default_rng([seed, label]).permutation(of_class)
        chosen[name] = drawn[: most or len(drawn)]  # in random order: the first are any faces
        faces[name] = translator.views(store.images[chosen[name]])
        who = persons[name] = clusters(store, chosen[name])
        weights[name] = metrics.bootstrap_weights(len(who), who, resamples, seed + label)
    return HeldOut(faces, weights, chosen, persons)
