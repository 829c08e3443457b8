"""Train, validation and test: disjoint in identities and near-duplicates, stratified by class."""

from typing import NamedTuple

import numpy as np

from agegen.faces.records import CLASS_NAMES, OTHER
from agegen.run.errors import UserError

SPLITS = ("train", "val", "test")


class Split(NamedTuple):
    """Which split each face belongs to; `dropped` and `torn` faces belong to none."""

    names: np.ndarray  # str (n,), "train", "val", "test" or "" where in none
    dropped: dict[int, int]  # index of a face → of the given test (or val) face it nearly repeats
    torn: list[int]  # faces of other ages whose persons or near-duplicates are in several splits


def group_faces(identities: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Join faces that share an identity or are near-duplicates, transitively (union–find).

    Identities are str (n,), empty where unknown, pairs int (m, 2), the groups' numbers int64 (n,).
    """
    parent = np.arange(len(identities))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    _, first, same = np.unique(identities, return_index=True, return_inverse=True)
    links = [(i, first[same[i]]) for i in np.flatnonzero(identities != "")]
    for a, b in [*links, *pairs]:
        parent[root(a)] = root(b)
    return np.unique([root(i) for i in range(len(parent))], return_inverse=True)[1]


def split_faces(
    labels: np.ndarray,
    identities: np.ndarray,
    pairs: np.ndarray,
    given: np.ndarray,
    val_fraction: float = 0.1,
    test_fraction: float = 0.15,
    seed: int = 0,
) -> Split:
    """Assign every face to a split.

    Faces with a given split ("test" or "val") stay there. The rest is divided by whole groups
    (`group_faces`), each class to the fractions asked for. A face that nearly repeats a given test
    or validation face is dropped: the given set stays whole and nothing straddles. Identities of
    the rest may still occur in a *given* test set, since dropping those could leave no training
    data at all (CACD's usual random split shares every celebrity); `audit` counts them.

    Faces of other ages change nothing in that; see `place_others`. They go where their persons and
    near-duplicates are, and are divided to the same fractions where those are nowhere.

    Args:
        labels: int (n,), 0 young, 1 old, 2 another age.
        identities: str (n,), empty where unknown.
        pairs: int (m, 2), near-duplicates.
        given: str (n,), the split the source gives, or "".
        val_fraction: share of the faces to be divided that goes to validation.
        test_fraction: likewise for test; unused where test faces are given.
        seed: of the order in which groups are dealt out.

    Raises:
        UserError: a class has too few groups to appear in every split.
    """
    in_class = labels != OTHER
    fractions = {"val": val_fraction, "test": test_fraction}
    fractions = {name: 0.0 if name in given[in_class] else s for name, s in fractions.items()}
    names, dropped = split_classes(
        labels[in_class], identities[in_class], reindex(pairs, in_class), given[in_class],
        fractions, seed,
    )  # fmt: skip
    number = np.flatnonzero(in_class)
    placed = given.astype("<U5")
    placed[in_class] = names
    torn = place_others(placed, identities, pairs, in_class, given, fractions, seed)
    return Split(placed, {int(number[i]): int(number[j]) for i, j in dropped.items()}, torn)


def split_classes(
    labels: np.ndarray,
    identities: np.ndarray,
    pairs: np.ndarray,
    given: np.ndarray,
    fractions: dict[str, float],
    seed: int,
) -> tuple[np.ndarray, dict[int, int]]:
    """Names and dropped faces of `split_faces`, of the faces in a class."""
    names = given.astype("<U5")
    dropped = straddling(names, pairs)
    free = (names == "") & ~np.isin(np.arange(len(names)), list(dropped))
    names[list(dropped)] = ""
    wanted = with_rest(fractions)
    if min(wanted["train"], *wanted.values()) < 0 or wanted["train"] <= 0:
        raise UserError("--val-fraction and --test-fraction must leave some faces for training")
    groups = group_faces(identities[free], reindex(pairs, free))
    names[free] = deal(labels[free], groups, wanted, np.random.default_rng(seed))
    require_every_class(labels, names)
    return names, dropped


def with_rest(fractions: dict[str, float]) -> dict[str, float]:
    """The fractions with what is left, which goes to training."""
    return {**fractions, "train": 1 - fractions["val"] - fractions["test"]}


def place_others(
    names: np.ndarray,
    identities: np.ndarray,
    pairs: np.ndarray,
    in_class: np.ndarray,
    given: np.ndarray,
    fractions: dict[str, float],
    seed: int,
) -> list[int]:
    """Write the splits of the faces of other ages into `names`; returns those that have none.

    As of the classes, given faces stay, a free one that nearly repeats a given one is in no split,
    and identities are kept together among the free ones. The classes' faces are where they are: a
    face of another age that nearly repeats some in another split, or in two, is in none.
    """
    free, others = given == "", np.flatnonzero(~in_class & (given == ""))
    groups = group_faces(identities[others], reindex(pairs, ~in_class & free))
    group_of = dict(zip(others.tolist(), groups.tolist(), strict=True))
    of_group: list[set] = [set() for _ in range(groups.max(initial=-1) + 1)]
    by_person: dict[str, set] = {}
    for i in np.flatnonzero(in_class & free & (names != "") & (identities != "")).tolist():
        by_person.setdefault(identities[i], set()).add(str(names[i]))
    for i, group in group_of.items():
        of_group[group] |= by_person.get(identities[i], set())
    torn = set()
    for a, b in pairs.tolist():
        for other, face in ((a, b), (b, a)):
            if in_class[other] or names[face] == "":
                continue
            if not free[other]:  # stays, unless the classes' faces contradict
                torn |= {other} if in_class[face] and names[face] != given[other] else set()
            elif not free[face]:
                torn.add(other)
            elif in_class[face]:
                of_group[group_of[other]].add(str(names[face]))
    torn |= {i for i, group in group_of.items() if len(of_group[group]) > 1}
    alone = np.array([not known for known in of_group], dtype=bool)[groups]
    renumbered = np.unique(groups[alone], return_inverse=True)[1]
    labels = np.zeros(alone.sum(), dtype=int)
    names[others] = [next(iter(of_group[g]), "") for g in groups]
    rng = np.random.default_rng([seed, OTHER])
    names[others[alone]] = deal(labels, renumbered, with_rest(fractions), rng)
    names[sorted(torn)] = ""
    return sorted(torn)


def straddling(given: np.ndarray, pairs: np.ndarray) -> dict[int, int]:
    """Map each face outside a given split to the face inside one that it nearly repeats.

    Between two given sets, the test face stays and the validation face goes.
    """
    rank = np.select([given == "test", given == "val"], [2, 1], 0)
    dropped = {}
    for a, b in pairs:
        if rank[a] != rank[b]:
            low, high = (a, b) if rank[a] < rank[b] else (b, a)
            dropped[int(low)] = int(high)
    return dropped


def reindex(pairs: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Keep the pairs of kept faces, numbered among the kept ones."""
    number = np.cumsum(kept) - 1
    return number[pairs[kept[pairs].all(axis=1)]].reshape(-1, 2)


def deal(
    labels: np.ndarray, groups: np.ndarray, wanted: dict[str, float], rng: np.random.Generator
) -> np.ndarray:
    """Give each group, in random order, to the split that most lacks its faces' classes."""
    counts = np.zeros((groups.max(initial=-1) + 1, 2))
    np.add.at(counts, (groups, labels), 1)
    names = [name for name, share in wanted.items() if share > 0]
    targets = np.outer([wanted[name] for name in names], counts.sum(axis=0)).clip(min=1e-9)
    filled = np.zeros_like(targets)
    choice = np.zeros(len(counts), np.int64)
    for group in rng.permutation(len(counts)):
        lacking = (1 - filled / targets) @ counts[group]
        choice[group] = lacking.argmax()
        filled[choice[group]] += counts[group]
    return np.array(names)[choice[groups]] if len(groups) else np.empty(0, "<U5")


def require_every_class(labels: np.ndarray, names: np.ndarray) -> None:
    """Refuse a split in which a class is missing."""
    for split in SPLITS:
        for label, class_name in enumerate(CLASS_NAMES):
            if not np.any((names == split) & (labels == label)):
                raise UserError(
                    f"too few faces: no {class_name} face is left for the {split} split, as "
                    "identities and near-duplicates are kept together: add photos of that class, "
                    "or choose another share (--val-fraction, --test-fraction)"
                )
