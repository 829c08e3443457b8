"""Unpaired batches: whole rounds, independent orders, functions of the seed and the step."""

import dataclasses

import numpy as np
import pytest
import torch

from agegen.cyclegan.batches import PairDrawer, Rounds, fetch_pairs, rows_of
from agegen.cyclegan.pairing import pairable
from agegen.faces.store import FaceStore
from agegen.run.distributed import share_of

CPU = torch.device("cpu")


def drawer_of(store: FaceStore, batch_size: int, seed: int) -> PairDrawer:
    return PairDrawer(pairable(store), batch_size, seed)


def domains(store: FaceStore) -> tuple[np.ndarray, np.ndarray]:
    train = store.indices("train")
    return train[store.labels[train] == 0], train[store.labels[train] == 1]


@pytest.mark.parametrize("batch_size", [1, 4, 7, 30])
def test_every_face_comes_once_a_round(batch_size: int) -> None:
    faces = np.arange(100, 113)
    order, b = Rounds(faces, 1), batch_size
    row = np.concatenate([order.take(range(i * b, i * b + b)) for i in range(91)])
    rounds = row[: len(row) // 13 * 13].reshape(-1, 13)
    assert len(rounds) >= 7
    assert (np.sort(rounds, axis=1) == faces).all()
    assert len(np.unique(rounds, axis=0)) == len(rounds)


def test_pairs_are_training_faces_of_their_domain(striped_store: FaceStore) -> None:
    young, old = domains(striped_store)
    drawn = [drawer_of(striped_store, 8, 0).draw(step) for step in range(len(young) // 8 + 1)]
    assert set(np.concatenate([d.young for d in drawn])) == set(young)
    assert set(np.concatenate([d.old for d in drawn])) <= set(old)
    assert all(len(d.young) == len(d.old) == 8 for d in drawn)


def test_the_domains_orders_are_independent(striped_store: FaceStore) -> None:
    """Over many rounds, the places of a young face and of its partner do not hang together."""
    store = dataclasses.replace(striped_store, labels=np.arange(len(striped_store)) % 2)
    young, old = (d[:20] for d in domains(store))
    places = [
        [np.argsort(Rounds(faces, seed).take(range(20))) for seed in range(200)]
        for faces in (young, old)
    ]
    correlation = np.corrcoef(np.ravel(places[0]), np.ravel(places[1]))[0, 1]
    assert abs(correlation) < 4 / np.sqrt(20 * 200)


def test_a_step_hangs_on_seed_and_step_alone(striped_store: FaceStore) -> None:
    def drawn(seed: int, step: int) -> np.ndarray:
        return np.concatenate(drawer_of(striped_store, 6, seed).draw(step))

    first = drawn(0, 50)
    drawer = drawer_of(striped_store, 6, 0)
    for step in (3, 50, 3, 4, 50):  # whatever one has drawn before
        again = np.concatenate(drawer.draw(step))
    assert np.array_equal(again, first)
    assert np.array_equal(drawn(0, 50), first)
    assert not np.array_equal(drawn(1, 50), first)
    assert not np.array_equal(drawn(0, 51), first)


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_shares_add_up_to_the_batch(striped_store: FaceStore, processes: int) -> None:
    shares = [
        list(
            fetch_pairs(
                striped_store,
                drawer_of(striped_store, 6, 4),
                range(10, 13),
                share_of(6, rank, processes),
                CPU,
            )
        )
        for rank in range(processes)
    ]
    for number, step in enumerate(range(10, 13)):
        expected = drawer_of(striped_store, 6, 4).draw(step)
        for domain, chosen in enumerate(expected):
            images = torch.cat([share[number][domain] for share in shares])
            assert images.dtype == torch.uint8
            assert np.array_equal(images.numpy(), striped_store.images[chosen])


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_each_process_has_its_share_of_the_pairs_and_of_the_rest(processes: int) -> None:
    rows = [rows_of(4, 12, process, processes) for process in range(processes)]
    assert sorted(np.concatenate(rows)) == list(range(12))
    assert np.concatenate([r[: 4 // processes] for r in rows]).tolist() == [0, 1, 2, 3]
    assert {len(r) for r in rows} == {12 // processes}
    assert np.array_equal(rows_of(4, 4, 0, 1), np.arange(4))


def test_a_resumed_run_takes_the_faces_it_would_have_taken(striped_store: FaceStore) -> None:
    whole = list(
        fetch_pairs(striped_store, drawer_of(striped_store, 4, 0), range(5), slice(0, 4), CPU)
    )
    rest = list(
        fetch_pairs(striped_store, drawer_of(striped_store, 4, 0), range(3, 5), slice(0, 4), CPU)
    )
    assert len(whole) == 5
    for before, after in zip(whole[3:], rest, strict=True):
        assert torch.equal(before.young, after.young)
        assert torch.equal(before.old, after.old)


def test_no_steps_give_no_pairs(striped_store: FaceStore) -> None:
    assert (
        list(
            fetch_pairs(
                striped_store, drawer_of(striped_store, 4, 0), range(7, 7), slice(0, 4), CPU
            )
        )
        == []
    )
