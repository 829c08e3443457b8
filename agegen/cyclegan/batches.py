"""Unpaired batches: young and old faces in independent orders, each a function of (seed, step)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import FaceStore
from agegen.run.distributed import share_of


class PairIndices(NamedTuple):
    """Numbers in the store of one global batch: int64 (b,) of each domain."""

    young: np.ndarray
    old: np.ndarray


class Pairs(NamedTuple):
    """Faces of one share of a batch, uint8 (b, h, w, 3) of each domain, on the device."""

    young: Tensor
    old: Tensor


class Rounds:
    """The faces of one domain in shuffled rounds without end, each a function of seed and number.

    Args:
        faces: int64 (n,), numbers in the store.
        seed: of the run.
    """

    def __init__(self, faces: np.ndarray, seed: int) -> None:
        self.faces, self.seed = faces, seed
        self.number, self.order = -1, faces

    def take(self, places: range) -> np.ndarray:
        """The faces at these places of the row, int64, whatever was taken before."""
        numbers, within = np.divmod(np.arange(places.start, places.stop), len(self.faces))
        rounds = range(numbers[0], numbers[-1] + 1)
        return np.concatenate([self.round(i)[within[numbers == i]] for i in rounds])

    def round(self, number: int) -> np.ndarray:
        """One round; the last one is kept, as shuffling takes longer than the rest of a step."""
        if number != self.number:
            seed = [self.seed, number, int(self.faces[0])]
            self.number, self.order = number, np.random.default_rng(seed).permutation(self.faces)
        return self.order


class PairDrawer:
    """Chooses the faces of each step; every domain is gone through in whole shuffled rounds.

    A step's faces follow from the seed alone: a resumed run takes those that it would have taken.

    Args:
        store: whose training split is used.
        batch_size: faces of each domain.
        seed: of the run.
    """

    def __init__(self, store: FaceStore, batch_size: int, seed: int) -> None:
        train, self.batch_size = store.indices("train"), batch_size
        domains = (train[store.labels[train] == label] for label in range(len(CLASS_NAMES)))
        self.young, self.old = (Rounds(faces, seed) for faces in domains)

    def draw(self, step: int) -> PairIndices:
        """The faces of one step, counted from 0."""
        places = range(step * self.batch_size, (step + 1) * self.batch_size)
        return PairIndices(self.young.take(places), self.old.take(places))


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

    drawer = PairDrawer(store, batch_size, seed)

    def read(step: int) -> Pairs:
        chosen = drawer.draw(step)
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
