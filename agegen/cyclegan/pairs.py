"""Unpaired batches: young and old faces in independent orders, each a function of (seed, step)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from agegen.faces.batches import share_of
from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import FaceStore


class PairIndices(NamedTuple):
    """Numbers in the store of one global batch: int64 (b,) of each domain."""

    young: np.ndarray
    old: np.ndarray


class Pairs(NamedTuple):
    """Faces of one share of a batch, uint8 (b, h, w, 3) of each domain, on the device."""

    young: Tensor
    old: Tensor


def draw_pairs(store: FaceStore, batch_size: int, seed: int, step: int) -> PairIndices:
    """Choose the faces of one step; every domain is gone through in whole shuffled rounds.

    Nothing is kept between steps: a resumed run takes the faces that it would have taken.

    Args:
        store: whose training split is used.
        batch_size: faces of each domain.
        seed: of the run.
        step: number of the step, from 0.
    """
    train = store.indices("train")
    domains = [train[store.labels[train] == label] for label in range(len(CLASS_NAMES))]
    return PairIndices(*(from_rounds(d, batch_size, seed, step) for d in domains))


def from_rounds(faces: np.ndarray, batch_size: int, seed: int, step: int) -> np.ndarray:
    """Take places step·b … step·b + b − 1 of the endless row of shuffled rounds of `faces`."""
    places = np.arange(step * batch_size, (step + 1) * batch_size)
    chosen = []
    for number in np.unique(places // len(faces)):
        order = np.random.default_rng([seed, int(number), int(faces[0])]).permutation(faces)
        chosen.append(order[places[places // len(faces) == number] % len(faces)])
    return np.concatenate(chosen)


def rows_of(pairs: int, shown: int, process: int, processes: int) -> np.ndarray:
    """Which rows of a global batch a process takes, int64: its share of the pairs, then the rest.

    Args:
        pairs: rows, the first of the batch, that the generators translate.
        shown: rows of the batch, all of which the discriminators see.
        process: number of the process.
        processes: how many there are.
    """
    rows = np.arange(shown)
    further = rows[pairs:]
    return np.concatenate([
        rows[share_of(pairs, process, processes)],
        further[share_of(len(further), process, processes)],
    ])  # fmt: skip


def fetch_pairs(
    store: FaceStore,
    batch_size: int,
    seed: int,
    steps: range,
    rows: np.ndarray | slice,
    device: torch.device,
) -> Iterator[Pairs]:
    """Yield some rows of each step's batch, the next one being read meanwhile."""

    def read(step: int) -> Pairs:
        chosen = draw_pairs(store, batch_size, seed, step)
        images = [torch.from_numpy(store.images[i[rows]]) for i in chosen]
        return Pairs(*(i.pin_memory() if device.type == "cuda" else i for i in images))

    if not len(steps):
        return
    with ThreadPoolExecutor(1) as reader:
        upcoming = reader.submit(read, steps[0])
        for step in steps:
            pairs = upcoming.result()
            if step != steps[-1]:
                upcoming = reader.submit(read, step + 1)
            yield Pairs(*(images.to(device, non_blocking=True) for images in pairs))
