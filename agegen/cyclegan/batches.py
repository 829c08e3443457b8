"""Unpaired batches: young and old faces in independent orders, each a function of (seed, step)."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from agegen.cyclegan.pairing import Domains
from agegen.faces.store import FaceStore
from agegen.run.distributed import share_of

ROUND = 1000  # pairs in which every group has its exact share


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

    def take(self, places: np.ndarray | range) -> np.ndarray:
        """The faces at these ascending places of the row, int64, whatever was taken before."""
        numbers, within = np.divmod(np.asarray(places), len(self.faces))
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

    Both faces of a pair are of one group. How often a group's turn comes is the geometric mean of
    its faces in both domains, exact in every `ROUND` pairs; in which order, is shuffled.

    A step's faces follow from the seed alone: a resumed run takes those that it would have taken.

    Args:
        groups: faces of both domains, a group each (`agegen.cyclegan.pairing.pairable`).
        batch_size: faces of each domain.
        seed: of the run.
    """

    def __init__(self, groups: Sequence[Domains], batch_size: int, seed: int) -> None:
        self.batch_size = batch_size
        self.groups = [[Rounds(x, seed) for x in (group.young, group.old)] for group in groups]
        means = np.sqrt([float(len(group.young)) * len(group.old) for group in groups])
        self.often = np.diff(np.rint(np.cumsum([0, *means]) / means.sum() * ROUND).astype(int))
        self.turns = Rounds(np.repeat(np.arange(len(groups)), self.often), seed)

    def draw(self, step: int) -> PairIndices:
        """The faces of one step, counted from 0."""
        places = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        if len(self.groups) == 1:
            return PairIndices(*(domain.take(places) for domain in self.groups[0]))
        found = np.empty((2, len(places)), np.int64)
        turns = self.turns.take(places)
        for group in np.unique(turns):
            mine = turns == group
            before = self.taken(group, places[0])
            for domain, rounds in enumerate(self.groups[group]):
                found[domain, mine] = rounds.take(np.arange(before, before + mine.sum()))
        return PairIndices(*found)

    def taken(self, group: int, place: int) -> int:
        """How many pairs of a group come before a place."""
        rounds, within = divmod(int(place), ROUND)
        return rounds * int(self.often[group]) + int(
            (self.turns.round(rounds)[:within] == group).sum()
        )


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
    drawer: PairDrawer,
    steps: range,
    rows: np.ndarray | slice,
    device: torch.device,
) -> Iterator[Pairs]:
    """Yield some rows of each step's batch, the next one being read meanwhile."""

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
