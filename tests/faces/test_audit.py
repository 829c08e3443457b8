import dataclasses
import json
import warnings
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from agegen.faces.audit import audit_store, describe, lookup, straddling_pairs
from agegen.faces.store import FaceStore


def make_store(labels, splits, identities=None, genders=None, hashes=None, ages=None):
    """A store in memory, with random (so all different) hashes unless given."""
    n = len(labels)
    rng = np.random.default_rng(0)
    return FaceStore(
        folder=Path("nowhere"),
        images=np.zeros((n, 32, 32, 3), np.uint8),
        labels=np.asarray(labels),
        ages=np.full(n, -1) if ages is None else np.asarray(ages),
        identities=np.full(n, "") if identities is None else np.asarray(identities),
        genders=np.full(n, "") if genders is None else np.asarray(genders),
        splits=np.asarray(splits),
        hashes=rng.integers(0, 256, (n, 32), dtype=np.uint8) if hashes is None else hashes,
        paths=np.array([str(i) for i in range(n)]),
        info={},
    )


def test_a_prepared_store_has_no_leak(prepared):
    audit = audit_store(FaceStore.open(prepared))
    assert set(audit.shared_identities.values()) == {0}
    assert set(audit.shared_near_duplicates.values()) == {0}
    assert audit.identities == 24
    assert audit.identities_in_both_classes == 0
    assert audit.identity_lookup.known == 0
    assert audit.identity_lookup.balanced_accuracy == 0.5
    assert audit.identity_lookup_on_random_split.balanced_accuracy > 0.5
    text = describe(audit)
    assert "LEAK" not in text
    assert "no identities straddle two splits" in text
    assert "no near-duplicate pairs straddle two splits" in text


def test_leaks_are_counted_and_said():
    hashes = np.random.default_rng(1).integers(0, 256, (8, 32), dtype=np.uint8)
    hashes[7] = hashes[0]
    store = make_store(
        labels=[0, 0, 1, 1, 0, 1, 0, 1],
        splits=["train"] * 4 + ["val"] * 2 + ["test"] * 2,
        identities=["a", "b", "c", "d", "e", "f", "a", "c"],
        hashes=hashes,
    )
    audit = audit_store(store)
    assert audit.shared_identities == {"train-val": 0, "train-test": 2, "val-test": 0}
    assert audit.shared_near_duplicates == {"train-val": 0, "train-test": 1, "val-test": 0}
    assert audit.contradicting_near_duplicates == 1
    assert audit.identity_lookup.accuracy == audit.identity_lookup.known == 1
    text = describe(audit)
    assert "LEAK: 2 identities in both train-test" in text
    assert "LEAK: 1 near-duplicate pairs in both train-test" in text
    assert "1 of them with different labels" in text


def test_counts_ages_and_genders_by_hand():
    store = make_store(
        labels=[0, 0, 1, 0, 1, 0, 1],
        splits=["train"] * 3 + ["val"] * 2 + ["test"] * 2,
        genders=["female", "male", "", "female", "male", "female", "male"],
        ages=[20, 25, -1, 22, 60, 21, 55],
    )
    audit = audit_store(store)
    assert audit.counts["train"] == {
        "young": {"faces": 2, "mean_age": 22.5, "female": 0.5},
        "old": {"faces": 1, "mean_age": None, "female": None},
    }
    assert audit.identity_lookup is None
    assert "identities: unknown" in describe(audit)
    assert json.loads(json.dumps(asdict(audit))) == asdict(audit)


def test_women_are_counted_among_known_genders_alone():
    store = make_store(
        labels=[0, 0, 0, 1, 1, 1],
        splits=["train"] * 6,
        genders=["female", "male", "x", "x", "unknown", ""],
    )
    counts = audit_store(store).counts["train"]
    assert counts["young"]["female"] == 0.5
    assert counts["old"]["female"] is None


def test_lookup_weighs_classes_equally_and_falls_back_to_the_larger():
    # 4 young and 2 old in training; "m" is half of the young and all of the old → old.
    values = np.array(["f", "f", "m", "m", "m", "m", "m", "f", "new", "new"])
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 0, 0, 1])
    splits = np.array(["train"] * 6 + ["test"] * 4)
    score = lookup(values, labels, splits)
    assert score.accuracy == 0.75
    assert score.balanced_accuracy == 0.75
    assert score.known == 0.5


def test_lookup_of_an_unknown_attribute_is_none():
    assert lookup(np.full(4, ""), np.array([0, 1, 0, 1]), np.array(["train"] * 4)) is None


@pytest.mark.parametrize("missing", ["train", "test"])
def test_a_class_missing_from_a_random_split_gives_no_nan(missing):
    splits = np.array(["train", "train", "test", "test"])
    labels = np.where(splits == missing, 0, [0, 1, 0, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        score = lookup(np.array(["a", "b", "a", "b"]), labels, splits)
    assert np.isfinite(score.accuracy)
    assert np.isfinite(score.balanced_accuracy)


def test_straddling_pairs_counts_both_directions():
    splits = np.array(["train", "test", "val", "train"])
    pairs = np.array([[0, 1], [1, 3], [0, 3], [2, 3]])
    assert straddling_pairs(splits, pairs) == {"train-val": 1, "train-test": 2, "val-test": 0}


def test_other_ages_count_among_what_leaks_and_not_among_what_is_looked_up():
    classes = make_store([0, 1] * 6, ["train"] * 6 + ["val"] * 2 + ["test"] * 4)
    named = np.array([f"p{i}" for i in range(12)])
    alone = audit_store(dataclasses.replace(classes, identities=named))
    store = make_store(
        [0, 1] * 6 + [2, 2], ["train"] * 6 + ["val"] * 2 + ["test"] * 4 + ["train", "test"],
        identities=[*named, "p8", "q"],
    )  # fmt: skip
    audit = audit_store(store)
    assert audit.faces == alone.faces == 12
    assert audit.other_ages == {"train": 1, "val": 0, "test": 1}
    assert audit.counts == alone.counts
    assert audit.identity_lookup == alone.identity_lookup
    assert audit.shared_identities["train-test"] == 1
    assert "beside them 2 of other ages: 1 train, 0 val, 1 test" in describe(audit)
    assert "of other ages" not in describe(alone)
