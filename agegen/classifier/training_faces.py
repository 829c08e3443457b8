"""The faces of a store as one training sees them: which are trained on, which are held out."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from agegen.classifier.config import TrainConfig
from agegen.faces.near_duplicates import near_duplicate_pairs
from agegen.faces.records import CLASS_NAMES, OTHER
from agegen.faces.split import SPLITS, group_faces, place_others
from agegen.faces.store import FaceStore
from agegen.run.errors import UserError
from agegen.run.pretrained import PRETRAINED

UNUSED = "unused"


def open_faces(config: TrainConfig, folder: Path | None = None) -> FaceStore:
    """Open a training's store with the splits that its config asks for: the faces in a class.

    Args:
        config: of the training; its `subset` and `seed` decide.
        folder: where the store is now, if not where the config says.

    Raises:
        UserError: there is no whole store, or the training's was not handed on with it.
    """
    return open_every_age(config, folder).of_classes()


def open_training_faces(config: TrainConfig, folder: Path | None = None) -> FaceStore:
    """The same with all that is trained on: where ages are learnt, with the faces of other ages.

    Raises:
        UserError: as above.
    """
    store = open_every_age(config, folder)
    return store if config.model.ages else store.of_classes()


def open_every_age(config: TrainConfig, folder: Path | None = None) -> FaceStore:
    """The same with the faces of other ages, if it keeps any, learnt from or not."""
    if folder is None and config.faces == PRETRAINED:
        raise UserError(
            "the faces that this classifier was trained on do not come with it: --faces names a "
            "FaceStore"
        )
    every = FaceStore.open(folder or config.faces, other_ages=True)
    store, subset = every.of_classes(), config.subset
    n, splits = len(store), every.splits.astype("<U8")
    if subset.folds:
        pairs = near_duplicate_pairs(every.hashes)
        inside = pairs[(pairs < n).all(axis=1)]
        splits[:n] = fold_splits(store, inside, subset.folds, subset.fold)
        place_beside(every, splits, pairs, subset.folds)
    if subset.swap:
        splits = np.select([splits == "train", splits == "test"], ["test", "train"], splits)
    if subset.share < 1:  # of the classes, and of the others, each as if they were alone
        for part in (np.arange(n), np.arange(n, len(every))):
            training = splits[part] == "train"
            out = left_out(
                every.labels[part], every.identities[part], training, subset.share, config.seed
            )
            splits[part[out]] = UNUSED
    return replace(every, splits=splits)


def place_beside(every: FaceStore, splits: np.ndarray, pairs: np.ndarray, folds: int) -> None:
    """Write the splits of the faces of other ages beside those of the classes', which are folds."""
    in_class = every.labels != OTHER
    splits[~in_class] = ""
    shares = {"test": 1 / folds, "val": (1 - 1 / folds) / 10}
    given = np.full(len(splits), "")
    splits[place_others(splits, every.identities, pairs, in_class, given, shares, 0)] = UNUSED


def faces_at_hand(config: TrainConfig, folder: Path | None = None) -> FaceStore | None:
    """Open a training's store as `open_training_faces` does; None if it is gone, or not handed on.

    Raises:
        UserError: it is there, but is not whole.
    """
    gone = folder is None and (config.faces == PRETRAINED or not config.faces.exists())
    return None if gone else open_training_faces(config, folder)


def fold_splits(store: FaceStore, pairs: np.ndarray, folds: int, fold: int) -> np.ndarray:
    """Splits for cross-validation, stratified, persons and near-duplicates together; str (n,).

    The part `fold` is "test", a tenth of the others "val". It does not depend on the training's
    seed: fold 0 of every run is the same.
    """
    groups = group_faces(store.identities, pairs)
    count = groups.max(initial=-1) + 1
    young, old = (np.bincount(groups[store.labels == label], minlength=count) for label in (0, 1))
    # like groups stand together in this order, so that dealing them out in turn is stratified
    order = np.lexsort((np.random.default_rng(0).permutation(count), old, young))
    part = np.empty(count, dtype=int)
    part[order] = np.arange(count) % (10 * folds)
    part = part[groups]
    splits = np.where(part % 10 == 9, "val", "train").astype("<U8")
    splits[part // 10 == fold] = "test"
    return splits


def left_out(
    labels: np.ndarray, identities: np.ndarray, training: np.ndarray, share: float, seed: int
) -> np.ndarray:
    """Indices of the training faces left out where a share of each class stays, whole identities.

    Smaller shares are subsets of larger ones at the same seed.
    """
    groups = group_faces(identities, np.empty((0, 2), dtype=int))
    order = np.random.default_rng(seed).permutation(groups.max(initial=-1) + 1)[groups]
    out = [np.empty(0, dtype=int)]
    for label in np.unique(labels):
        faces = np.flatnonzero(training & (labels == label))
        faces = faces[np.argsort(order[faces], kind="stable")]
        kept = max(round(share * len(faces)), 1)
        while kept < len(faces) and order[faces[kept]] == order[faces[kept - 1]]:
            kept += 1  # the last person stays whole
        out.append(faces[kept:])
    return np.sort(np.concatenate(out))


def count_faces(store: FaceStore) -> dict[str, dict[str, int]]:
    """Count the faces by split and class ("other" for those in neither), as they are used."""
    names = [*CLASS_NAMES, "other"] if (store.labels == OTHER).any() else CLASS_NAMES
    return {
        split: {
            name: int(((store.splits == split) & (store.labels == label)).sum())
            for label, name in enumerate(names)
        }
        for split in SPLITS
    }
