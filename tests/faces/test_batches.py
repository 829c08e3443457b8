import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agegen.faces.batches import epoch_batches, fetch_batches, seed_step
from agegen.faces.store import FaceStore
from agegen.run.distributed import share_of


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 500), st.integers(1, 200), st.integers(0, 9), st.integers(0, 99))
def test_an_epoch_shows_each_face_once_in_batches_of_like_size(n, batch_size, seed, epoch):
    indices = np.arange(n) * 3 + 5
    batches = epoch_batches(indices, batch_size, seed, epoch)
    sizes = [len(batch) for batch in batches]
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) == -(-n // batch_size)
    np.testing.assert_array_equal(np.sort(np.concatenate(batches)), indices)


def test_the_order_depends_on_seed_and_epoch_alone():
    orders = {
        key: np.concatenate(epoch_batches(np.arange(100), 10, *key)).tobytes()
        for key in ((0, 0), (0, 1), (1, 0))
    }
    assert len(set(orders.values())) == 3
    assert orders[0, 0] == np.concatenate(epoch_batches(np.arange(100), 7, 0, 0)).tobytes()


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 300), st.integers(1, 17))
def test_shares_partition_the_batch(length, processes):
    shares = [share_of(length, rank, processes) for rank in range(processes)]
    rows = [i for share in shares for i in range(length)[share]]
    assert rows == list(range(length))
    sizes = [share.stop - share.start for share in shares]
    assert max(sizes) - min(sizes) <= 1


@pytest.fixture(scope="module")
def store(prepared):
    return FaceStore.open(prepared)


@pytest.mark.parametrize("processes", [1, 2, 5])
def test_batches_hold_the_stores_faces(store, processes):
    batches = epoch_batches(store.indices("train"), 7, seed=0, epoch=0)
    for rank in range(processes):
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # torch warns of arrays that it could not write to
            fetched = list(fetch_batches(store, batches, torch.device("cpu"), rank, processes))
        assert len(fetched) == len(batches)
        for got, whole in zip(fetched, batches, strict=True):
            np.testing.assert_array_equal(got.indices, whole[share_of(len(whole), rank, processes)])
            assert got.share == share_of(len(whole), rank, processes)
            np.testing.assert_array_equal(got.images.numpy(), store.images[got.indices])
            assert got.images.dtype == torch.uint8
            assert got.waited >= 0


def test_no_batches_give_none(store):
    assert list(fetch_batches(store, [], torch.device("cpu"))) == []


def test_leaving_early_does_not_hang(store):
    batches = epoch_batches(store.indices("train"), 2, seed=0, epoch=0)
    for batch in fetch_batches(store, batches, torch.device("cpu")):
        assert len(batch.images) == 2
        break


def test_a_reading_error_reaches_the_caller(store):
    with pytest.raises(IndexError):
        list(fetch_batches(store, [np.array([10**6])], torch.device("cpu")))


def test_seeding_a_step_repeats_its_randomness():
    drawn = []
    for key in ((1, 2, 0), (1, 2, 0), (1, 3, 0), (1, 2, 1)):
        seed_step(*key)
        drawn.append(torch.rand(8))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], drawn[3])
