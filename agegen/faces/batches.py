"""Batches of faces from a store, fetched one ahead of the network."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from agegen.faces.store import FaceStore
from agegen.faces.views import stream_seed
from agegen.run.distributed import share_of


class Batch(NamedTuple):
    """This process's share of a global batch; tensors are on the device."""

    images: Tensor  # uint8 (n, h, w, 3)
    labels: Tensor  # int64, of the global batch
    ages: Tensor  # int64, years, likewise; −1 where unknown
    indices: np.ndarray  # int64 (n,), the faces' numbers in the store
    share: slice  # where they lie in the global batch
    waited: float  # seconds that the network stood waiting for them


def steps_in_epoch(faces: int, batch_size: int) -> int:
    """Return how many batches an epoch is cut into."""
    return -(-faces // batch_size)


def epoch_batches(indices: np.ndarray, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """Shuffle and cut an epoch into global batches that differ in size by one at most.

    Every face occurs exactly once: with 4,699 faces and batches of 64 there are 74 batches of 63 or
    64, not 73 and a small remainder. The order depends on the seed and the epoch alone.
    """
    order = np.random.default_rng([seed, epoch]).permutation(indices)
    return np.array_split(order, steps_in_epoch(len(order), batch_size))


def fetch_batches(
    store: FaceStore,
    batches: list[np.ndarray],
    device: torch.device,
    rank: int = 0,
    processes: int = 1,
) -> Iterator[Batch]:
    """Yield this process's share of each global batch, the next one being read meanwhile.

    Reading is a gather from the memory map in a thread of its own: no decoding, no per-image work.
    """

    def read(indices: np.ndarray) -> tuple[Tensor, Tensor, np.ndarray, slice]:
        share = share_of(len(indices), rank, processes)
        images = torch.from_numpy(store.images[indices[share]])
        said = torch.from_numpy(np.stack([store.labels[indices], store.ages[indices]]))
        if device.type == "cuda":
            images, said = images.pin_memory(), said.pin_memory()
        return images, said, indices[share], share

    if not batches:
        return
    with ThreadPoolExecutor(1) as reader:
        upcoming = reader.submit(read, batches[0])
        for following in [*batches[1:], None]:
            started = time.perf_counter()
            images, said, indices, share = upcoming.result()
            waited = time.perf_counter() - started
            if following is not None:
                upcoming = reader.submit(read, following)
            images, said = (x.to(device, non_blocking=True) for x in (images, said))
            labels, ages = said.unbind()
            yield Batch(images, labels, ages, indices, share, waited)


def seed_step(seed: int, step: int, rank: int) -> None:
    """Seed torch for one step of one process, so that dropout too repeats after a resume."""
    torch.manual_seed(stream_seed(seed + 1_000_003 * (rank + 1), step))
