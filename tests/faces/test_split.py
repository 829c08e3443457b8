import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agegen.faces.records import OTHER
from agegen.faces.split import SPLITS, group_faces, reindex, split_faces, straddling
from agegen.run.errors import UserError

NO_PAIRS = np.empty((0, 2), np.int64)


@st.composite
def face_sets(draw):
    """Faces of two classes with random identities (some unknown) and near-duplicates."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(120, 300))
    labels = rng.integers(0, 2, n)
    numbers = rng.integers(0, n // 2, n)
    identities = np.array([f"p{i}" if rng.random() < 0.7 else "" for i in numbers])
    pairs = np.sort(rng.integers(0, n, (n // 20, 2)), axis=1)
    return labels, identities, pairs[pairs[:, 0] < pairs[:, 1]]


@settings(max_examples=25, deadline=None)
@given(face_sets(), st.integers(0, 1000))
def test_nothing_straddles_and_fractions_are_kept(faces, seed):
    labels, identities, pairs = faces
    none_given = np.full(len(labels), "")
    split = split_faces(labels, identities, pairs, none_given, 0.1, 0.2, seed)

    assert not split.dropped
    assert set(split.names) == set(SPLITS)
    for identity in set(identities) - {""}:
        assert len(set(split.names[identities == identity])) == 1
    assert np.all(split.names[pairs[:, 0]] == split.names[pairs[:, 1]])

    largest = np.bincount(group_faces(identities, pairs)).max()
    for name, share in (("val", 0.1), ("test", 0.2), ("train", 0.7)):
        for label in (0, 1):
            found = np.sum((split.names == name) & (labels == label))
            assert abs(found - share * np.sum(labels == label)) <= largest + 1


@settings(max_examples=25, deadline=None)
@given(face_sets(), st.booleans())
def test_given_faces_stay_and_their_near_duplicates_are_dropped(faces, with_val):
    labels, identities, pairs = faces
    given_splits = np.full(len(labels), "", dtype="<U5")
    given_splits[::5] = "test"
    if with_val:
        given_splits[1::5] = "val"
    split = split_faces(labels, identities, pairs, given_splits, seed=1)

    in_none = np.flatnonzero(split.names == "")
    assert sorted(split.dropped) == list(in_none)
    assert np.all(split.names[given_splits == "test"] == "test")
    assert not np.any((split.names == "test") & (given_splits != "test"))
    if with_val:
        assert not np.any((split.names == "val") & (given_splits != "val"))
    kept = pairs[~np.isin(pairs, in_none).any(axis=1)]
    assert np.all(split.names[kept[:, 0]] == split.names[kept[:, 1]])
    for low, high in split.dropped.items():
        assert [low, high] in pairs.tolist() or [high, low] in pairs.tolist()
        assert given_splits[high] != ""


@settings(max_examples=40, deadline=None)
@given(face_sets(), st.integers(0, 1000), st.booleans())
def test_other_ages_follow_their_relations_and_change_nothing_else(faces, seed, with_test):
    labels, identities, pairs = faces
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(len(labels)) < 0.4, OTHER, labels)
    in_class = labels != OTHER
    given_splits = np.where(with_test & (rng.random(len(labels)) < 0.2), "test", "")
    split = split_faces(labels, identities, pairs, given_splits, seed=seed)

    alone = split_faces(
        labels[in_class], identities[in_class], reindex(pairs, in_class), given_splits[in_class],
        seed=seed,
    )  # fmt: skip
    np.testing.assert_array_equal(split.names[in_class], alone.names)
    dropped = np.flatnonzero(in_class)[list(alone.dropped)]
    assert set(split.dropped) == set(dropped)
    assert set(np.flatnonzero(split.names == "")) == set(dropped) | set(split.torn)
    free = given_splits == ""
    for i in np.flatnonzero(~in_class & (split.names != "")):
        if not free[i]:
            assert split.names[i] == "test"
            continue
        kin = (identities == identities[i]) & (identities[i] != "") & free
        assert set(split.names[kin]) <= {split.names[i], ""}
    apart = (split.names[pairs[:, 0]] != split.names[pairs[:, 1]]) & (split.names[pairs] != "").all(
        1
    )
    assert not apart.any()
    others = split.names[~in_class & (split.names != "")]
    if with_test:
        assert not ((split.names == "test") & free).any()
        stayed = split.names[~in_class & ~free] == "test"
        assert stayed.mean() > 0.5
    else:
        assert abs((others == "train").mean() - 0.75) < 0.25


def test_persons_in_train_and_a_given_test_folder_keep_their_other_ages():
    labels = np.array([0, 1] * 20 + [OTHER] * 40)
    identities = np.array([f"p{i % 10}" for i in range(80)])
    given_splits = np.where(np.arange(80) % 4 < 2, "test", "")
    split = split_faces(labels, identities, NO_PAIRS, given_splits)
    assert not split.torn
    assert ((split.names == "test") == (given_splits == "test")).all()


def test_an_other_age_between_two_splits_is_in_none():
    labels = np.array([0, 1] * 20 + [OTHER, OTHER])
    none = np.full(42, "")
    split = split_faces(labels, none, NO_PAIRS, none)
    train, test = (np.flatnonzero(split.names[:40] == name)[0] for name in ("train", "test"))
    chained = np.array([[train, 40], [40, 41], [test, 41]])
    again = split_faces(labels, none, chained, none)
    assert again.torn == [40, 41]
    assert list(again.names[40:]) == ["", ""]


def test_same_seed_same_split_and_other_seed_another():
    labels, none = np.arange(200) % 2, np.full(200, "")
    first, again, other = (split_faces(labels, none, NO_PAIRS, none, seed=s) for s in (3, 3, 4))
    np.testing.assert_array_equal(first.names, again.names)
    assert np.any(first.names != other.names)


def test_groups_join_identities_and_pairs_transitively():
    identities = np.array(["a", "b", "a", "", "", ""])
    groups = group_faces(identities, np.array([[1, 3], [2, 3]]))
    assert len(set(groups[[0, 1, 2, 3]])) == 1
    assert len(set(groups)) == 3  # the two unknown faces are not one person


def test_reindex_keeps_pairs_of_kept_faces():
    kept = np.array([True, False, True, True])
    np.testing.assert_array_equal(
        reindex(np.array([[0, 1], [0, 3], [2, 3]]), kept), [[0, 2], [1, 2]]
    )
    assert reindex(NO_PAIRS, kept).shape == (0, 2)


def test_between_given_sets_the_test_face_stays():
    given_splits = np.array(["val", "test", "", "val"])
    assert straddling(given_splits, np.array([[0, 1], [2, 3]])) == {0: 1, 2: 3}


def test_a_class_that_cannot_be_in_every_split_is_refused():
    labels = np.array([0] * 50 + [1] * 2)
    none = np.full(52, "")
    with pytest.raises(UserError, match=r"no old face is left for the (val|test|train) split"):
        split_faces(labels, none, NO_PAIRS, none)


def test_one_person_cannot_be_split():
    labels = np.arange(40) % 2
    with pytest.raises(UserError, match="identities and near-duplicates are kept together"):
        split_faces(labels, np.full(40, "same"), NO_PAIRS, np.full(40, ""))


@pytest.mark.parametrize("fractions", [(0.6, 0.4), (0.9, 0.3), (-0.1, 0.2)])
def test_fractions_that_leave_nothing_are_refused(fractions):
    labels, none = np.arange(40) % 2, np.full(40, "")
    with pytest.raises(UserError, match="must leave some faces for training"):
        split_faces(labels, none, NO_PAIRS, none, *fractions)
