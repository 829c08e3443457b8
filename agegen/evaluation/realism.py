"""Are generated faces still faces? Distances between sets of faces, in a stated network's features.

KID (Bińkowski et al., 2018, "Demystifying MMD GANs") and FID (Heusel et al., 2017), computed by
torchmetrics. Both of generated faces to real ones of the class aimed at are read beside two
others: that of the untouched sources (what doing nothing gives) and that of real faces to real
ones (what the number of faces allows). FID rises as faces become fewer, KID does not.
"""

from collections.abc import Callable

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn

GROUPS = 20  # of the jackknife
LARGEST = 512  # features, above which FID takes so long that it has no interval
FEWEST = 8  # faces of each set, below which there is nothing to compare
Distance = Callable[[Tensor, Tensor], float]


class Given(nn.Identity):
    """Passes on features that were computed before, where torchmetrics expects a network."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features


def kid(a: Tensor, b: Tensor) -> float:
    """Squared maximum mean discrepancy with the kernel (x·y / d + 1)³, without bias.

    Args:
        a: features (n, d).
        b: features of as many other faces, (n, d).
    """
    from torchmetrics.image.kid import poly_mmd  # takes seconds to import

    return float(poly_mmd(a.double(), b.double()))


def fid(a: Tensor, b: Tensor) -> float:
    """Fréchet distance of the Gaussians with the same means and covariances.

    Args:
        a: features (n, d), n > 1.
        b: features of other faces, (m, d), m > 1.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance

    metric = FrechetInceptionDistance(
        feature=Given(a.shape[1]),
        sync_on_compute=False,  # every process has all faces
    ).set_dtype(torch.float64)
    metric.update(a.double(), real=True)
    metric.update(b.double(), real=False)
    return float(metric.compute())


def measure_realism(
    source: Tensor, fake: Tensor, target: Tensor, source_persons: np.ndarray,
    target_persons: np.ndarray, seed: int = 0,
) -> dict:  # fmt: skip
    """Compare generated faces with real ones of the class aimed at.

    Args:
        source: features of the faces that were translated, float (n, d).
        fake: of what was made of them, (n, d).
        target: of real faces of the class aimed at, (m, d).
        source_persons: who the sources are, int (n,).
        target_persons: who the real faces are, int (m,); n and m at least `FEWEST`.
        seed: which of the faces are taken: as many of each set.

    Returns:
        ``kid`` and ``fid`` of generated to real faces, ``…_source`` of the sources to them,
        ``…_difference`` of the former less the latter, each with a 95 % interval by the
        delete-a-group jackknife over persons (FID of more than `LARGEST` features has none),
        ``…_real`` of one half of the real faces to the other, and ``n``, the faces of each set.
    """
    n = min(len(source), len(target))
    mine, theirs = (by_person(p, seed)[:n] for p in (source_persons, target_persons))
    source, fake, target = source[mine], fake[mine], target[theirs]
    found: dict = {"n": n}
    for name, distance in (("kid", kid), ("fid", fid)):
        groups = 0 if name == "fid" and target.shape[1] > LARGEST else GROUPS
        fakes = leave_out(distance, fake, target, groups)
        sources = leave_out(distance, source, target, groups)
        found[name], found[f"{name}_source"] = jackknife(fakes), jackknife(sources)
        found[f"{name}_difference"] = jackknife(fakes - sources)
        found[f"{name}_real"] = distance(target[: n // 2], target[n // 2 : 2 * (n // 2)])
    return found


def by_person(persons: np.ndarray, seed: int) -> np.ndarray:
    """An order of the faces in which each person's are together, and persons are shuffled."""
    place = np.random.default_rng(seed).permutation(int(persons.max(initial=-1)) + 1)
    return np.argsort(place[persons], kind="stable")


def leave_out(distance: Distance, a: Tensor, b: Tensor, groups: int = GROUPS) -> np.ndarray:
    """A distance of features (n, d) of all faces, then without each group of consecutive ones.

    There are fewer groups of fewer faces, and none of too few. Returns float64 (1 + groups,).
    """
    n = len(a)
    groups = min(groups, n // 3)
    found = [distance(a, b)]
    for group in np.array_split(np.arange(n), groups) if groups >= 2 else ():
        kept = torch.from_numpy(np.delete(np.arange(n), group))
        found.append(distance(a[kept], b[kept]))
    return np.array(found)


def jackknife(found: np.ndarray) -> dict[str, float | None]:
    """A figure of `leave_out` with its 95 % interval, which is None where there are no groups.

    Delete-a-group jackknife (Shao and Tu, 1995).
    """
    value, without = float(found[0]), found[1:]
    groups = len(without)
    if not groups:
        return {"value": value, "low": None, "high": None}
    deviation = float(np.sqrt((groups - 1) * np.var(without)))
    half = float(stats.t.ppf(0.975, groups - 1)) * deviation
    return {"value": value, "low": value - half, "high": value + half}
