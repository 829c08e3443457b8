"""Leakage audit of a FaceStore: what crosses the splits, and what trivial look-ups would score."""

from dataclasses import dataclass

import numpy as np

from agegen.faces.near_duplicates import near_duplicate_pairs
from agegen.faces.records import CLASS_NAMES, OTHER
from agegen.faces.split import SPLITS
from agegen.faces.store import UNKNOWN_AGE, FaceStore

PAIRS = (("train", "val"), ("train", "test"), ("val", "test"))


@dataclass(frozen=True)
class LookupScore:
    """Score on the test faces of a "classifier" that looks up one attribute in the training faces.

    It answers with the class in which the attribute's value is the more frequent among the training
    faces (so that unequal class sizes do not decide), and with the larger class where it never met
    the value.
    """

    accuracy: float
    balanced_accuracy: float
    known: float
    """Share of the test faces whose value occurs in training."""


@dataclass(frozen=True)
class Audit:
    """What the audit found; see `describe` for the words."""

    faces: int
    other_ages: dict[str, int]
    """split → faces in neither class, which are in the counts of what is shared, too."""
    counts: dict[str, dict[str, dict]]
    """split → class → faces, mean age, share of women among known genders (None where unknown)."""
    identities: int
    shared_identities: dict[str, int]
    """Pair of splits ("train-test") → identities that occur in both."""
    identities_in_both_classes: int
    near_duplicate_pairs: int
    shared_near_duplicates: dict[str, int]
    """Pair of splits → near-duplicate pairs that straddle them."""
    contradicting_near_duplicates: int
    """Near-duplicate pairs whose labels differ: label noise."""
    identity_lookup: LookupScore | None
    identity_lookup_on_random_split: LookupScore | None
    gender_lookup: LookupScore | None


def audit_store(store: FaceStore, seed: int = 0) -> Audit:
    """Audit a store, opened with its other ages or without.

    `seed` is of the random split that the identity look-up is also scored on.
    """
    pairs, every = near_duplicate_pairs(store.hashes), store
    known = every.identities != ""
    present = {split: set(every.identities[known & (every.splits == split)]) for split in SPLITS}
    shared = straddling_pairs(every.splits, pairs)
    others = {s: int(((every.splits == s) & (every.labels == OTHER)).sum()) for s in SPLITS}
    store = every.of_classes()
    pairs = pairs[(pairs < len(store)).all(axis=1)]
    known = store.identities != ""
    by_class = [set(store.identities[known & (store.labels == label)]) for label in (0, 1)]
    random = np.random.default_rng(seed).permutation(store.splits)
    differing = store.labels[pairs[:, 0]] != store.labels[pairs[:, 1]]
    return Audit(
        faces=len(store),
        other_ages=others,
        counts={split: split_counts(store, store.splits == split) for split in SPLITS},
        identities=len(by_class[0] | by_class[1]),
        shared_identities={f"{a}-{b}": len(present[a] & present[b]) for a, b in PAIRS},
        identities_in_both_classes=len(by_class[0] & by_class[1]),
        near_duplicate_pairs=len(pairs),
        shared_near_duplicates=shared,
        contradicting_near_duplicates=int(differing.sum()),
        identity_lookup=lookup(store.identities, store.labels, store.splits),
        identity_lookup_on_random_split=lookup(store.identities, store.labels, random),
        gender_lookup=lookup(store.genders, store.labels, store.splits),
    )


def split_counts(store: FaceStore, in_split: np.ndarray) -> dict[str, dict]:
    """Faces, mean age and share of women of one split by class."""
    counts = {}
    for label, name in enumerate(CLASS_NAMES):
        chosen = in_split & (store.labels == label)
        ages = store.ages[chosen & (store.ages != UNKNOWN_AGE)]
        genders = store.genders[chosen & np.isin(store.genders, ("female", "male"))]
        counts[name] = {
            "faces": int(chosen.sum()),
            "mean_age": float(ages.mean()) if len(ages) else None,
            "female": float((genders == "female").mean()) if len(genders) else None,
        }
    return counts


def straddling_pairs(splits: np.ndarray, pairs: np.ndarray) -> dict[str, int]:
    """Count the near-duplicate pairs with one face in each of two splits."""
    first, second = splits[pairs[:, 0]], splits[pairs[:, 1]]
    return {
        f"{a}-{b}": int((((first == a) & (second == b)) | ((first == b) & (second == a))).sum())
        for a, b in PAIRS
    }


def lookup(values: np.ndarray, labels: np.ndarray, splits: np.ndarray) -> LookupScore | None:
    """Score the look-up of one attribute; None where the attribute is unknown throughout."""
    if not np.any(values != ""):
        return None
    names, number = np.unique(values, return_inverse=True)
    train, test = splits == "train", splits == "test"
    old = np.bincount(number[train & (labels == 1)], minlength=len(names))
    young = np.bincount(number[train & (labels == 0)], minlength=len(names))
    majority = int(old.sum() > young.sum())
    known = (old + young > 0) & (names != "")
    excess = old / max(old.sum(), 1) - young / max(young.sum(), 1)
    answer = np.where(known & (excess != 0), excess > 0, majority)[number[test]]
    truth = labels[test]
    right = answer == truth
    recalls = [right[truth == label].mean() for label in (0, 1) if np.any(truth == label)]
    return LookupScore(*(float(np.mean(x)) for x in (right, recalls, known[number[test]])))


def describe(audit: Audit) -> str:
    """Put the audit into plain lines."""
    lines = [f"{audit.faces:,} faces"]
    for split, classes in audit.counts.items():
        lines += [f"  {split:5}  {name:5}  {describe_count(c)}" for name, c in classes.items()]
    if any(audit.other_ages.values()):
        said = ", ".join(f"{n:,} {split}" for split, n in audit.other_ages.items())
        lines.append(f"beside them {sum(audit.other_ages.values()):,} of other ages: {said}")
    lines += describe_identities(audit)
    lines.append(f"near-duplicate pairs: {audit.near_duplicate_pairs:,}")
    lines += describe_shared("near-duplicate pairs", audit.shared_near_duplicates)
    if audit.contradicting_near_duplicates:
        lines.append(f"  {audit.contradicting_near_duplicates:,} of them with different labels")
    if audit.gender_lookup:
        lines.append(describe_lookup("gender", audit.gender_lookup))
    if any(audit.shared_identities.values()) or any(audit.shared_near_duplicates.values()):
        lines.append("prepare_faces.py --resplit makes a store that keeps what leaks on one side")
    return "\n".join(lines)


def describe_count(count: dict) -> str:
    """One class of one split in words."""
    age = "" if count["mean_age"] is None else f"  mean age {count['mean_age']:.1f}"
    female = "" if count["female"] is None else f"  {count['female']:.0%} female"
    return f"{count['faces']:7,} faces{age}{female}"


def describe_identities(audit: Audit) -> list[str]:
    """Say what is known of identities, and what looking them up would score."""
    if audit.identity_lookup is None or audit.identity_lookup_on_random_split is None:
        return [
            "identities: unknown, so the split can only keep near-duplicates together; "
            "the same person may be in several splits"
        ]
    return [
        f"identities: {audit.identities:,}, of which {audit.identities_in_both_classes:,} "
        "occur in both classes",
        *describe_shared("identities", audit.shared_identities),
        describe_lookup("identity", audit.identity_lookup),
        describe_lookup("identity", audit.identity_lookup_on_random_split)
        + "  ← if the split were random over faces",
    ]


def describe_shared(what: str, shared: dict[str, int]) -> list[str]:
    """One line per pair of splits that share something, or one that says that none does."""
    lines = [f"  LEAK: {n:,} {what} in both {pair}" for pair, n in shared.items() if n]
    return lines or [f"  no {what} straddle two splits"]


def describe_lookup(attribute: str, score: LookupScore) -> str:
    """One look-up in words."""
    return (
        f"looking up {attribute} alone: accuracy {score.accuracy:.2%}, balanced "
        f"{score.balanced_accuracy:.2%} on the test faces ({score.known:.0%} of them known)"
    )
