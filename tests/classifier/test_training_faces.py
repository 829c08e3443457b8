"""Which faces a training uses: shares, swapped splits, cross-validation."""

import numpy as np
import pytest

from agegen.classifier.config import SubsetConfig, TrainConfig
from agegen.classifier.training_faces import UNUSED, count_faces, open_faces
from agegen.faces.store import FaceStore
from agegen.run.errors import UserError


def opened(store: FaceStore, seed: int = 0, **subset) -> FaceStore:
    config = TrainConfig(store.folder, store.folder, subset=SubsetConfig(**subset), seed=seed)
    return open_faces(config)


def test_the_default_keeps_the_stores_splits(drawn_store: FaceStore) -> None:
    assert (opened(drawn_store).splits == drawn_store.splits).all()
    assert count_faces(drawn_store)["train"] == drawn_store.info["counts"]["train"]


def test_swapping_exchanges_train_and_test(drawn_store: FaceStore) -> None:
    swapped = opened(drawn_store, swap=True)
    assert (swapped.indices("train") == drawn_store.indices("test")).all()
    assert (swapped.indices("test") == drawn_store.indices("train")).all()
    assert (swapped.indices("val") == drawn_store.indices("val")).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_shares_are_nested_stratified_and_leave_the_rest_alone(
    drawn_store: FaceStore, seed: int
) -> None:
    half, quarter = (opened(drawn_store, seed, share=s) for s in (0.5, 0.25))
    assert set(quarter.indices("train")) < set(half.indices("train"))
    whole = drawn_store.indices("train")
    assert len(half.indices("train")) == pytest.approx(len(whole) / 2, abs=4)
    assert np.mean(half.labels[half.indices("train")]) == pytest.approx(
        np.mean(drawn_store.labels[whole]), abs=0.03
    )
    assert (half.indices("test") == drawn_store.indices("test")).all()
    assert (half.splits == UNUSED).sum() == len(whole) - len(half.indices("train"))


def test_another_seed_takes_other_faces(drawn_store: FaceStore) -> None:
    a, b = (set(opened(drawn_store, seed, share=0.25).indices("train")) for seed in (0, 1))
    assert a != b


def test_folds_hold_every_face_out_once_and_divide_no_person(drawn_store: FaceStore) -> None:
    stores = [opened(drawn_store, folds=3, fold=k) for k in range(3)]
    held_out = np.concatenate([s.indices("test") for s in stores])
    assert sorted(held_out) == list(range(len(drawn_store)))
    for store in stores:
        people = [set(store.identities[store.indices(s)]) for s in ("train", "val", "test")]
        assert sum(map(len, people)) == len(set.union(*people))
        assert all(min(c.values()) > 0 for c in count_faces(store).values())


@pytest.mark.parametrize(
    "wrong", [{"share": 0}, {"share": 1.1}, {"folds": 1}, {"folds": 2, "fold": 2}, {"fold": 1}]
)
def test_impossible_subsets_are_refused(wrong: dict) -> None:
    with pytest.raises(UserError, match="subset"):
        SubsetConfig(**wrong)
