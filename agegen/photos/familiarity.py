"""How unlike its training faces a face is to a classifier, so that it need not answer blindly.

The Mahalanobis distance to the nearer class in the network's own features (Lee et al., 2018, "A
simple unified framework for detecting out-of-distribution samples", with the features of all
stages side by side). It tells pictures without a face and faces that are cropped otherwise from
those that the network knows; a drawn or painted face that is cropped like a photo's passes.
"""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from agegen.classifier.model import Standardise
from agegen.classifier.predict import Classifier, require_size
from agegen.faces.store import FaceStore
from agegen.faces.views import evaluation_views
from agegen.run.errors import UserError
from agegen.run.files import sha256, written_whole
from agegen.run.progress import Progress

FILE = "familiarity.npz"
QUANTILE = 0.99  # of the held-out validation faces is called familiar
RIDGE = 1e-3  # variance added to each standardised feature: directions without any stay finite
BATCH = 128
UNREADABLE = (  # what a file that is cut, or no such file at all, makes numpy raise
    OSError, KeyError, ValueError, TypeError, EOFError, MemoryError, RuntimeError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
NO_FEATURES = (nn.Identity, Standardise)


class Familiarity(NamedTuple):
    """What the training faces look like to a network; d is the number of its features.

    `factor` is the Cholesky factor of the inverse of the covariance that both classes share. It is
    kept in float32, which changes a distance by 1e-7 of it; the inverse itself would take twice the
    space and 1e-6.
    """

    centre: np.ndarray  # float64 (d,), what is taken off the features
    scale: np.ndarray  # float64 (d,), what they are divided by then
    means: np.ndarray  # float64 (2, d), of both classes (3: of other ages, too)
    factor: np.ndarray  # (d, d)
    threshold: float  # the distance within which `QUANTILE` of the validation faces lie
    training: int  # number of faces
    validation: int  # number of faces

    def distances(self, features: np.ndarray) -> np.ndarray:
        """Distance to the nearer class, (n, d) → float64 (n,)."""
        off = ((features - self.centre) / self.scale)[:, None] - self.means
        return np.linalg.norm(off @ self.factor, axis=-1).min(axis=1)

    def unlikeness(self, classifier: Classifier, images: np.ndarray) -> np.ndarray:
        """Distance of faces as a multiple of the threshold, float64 (n,); above 1 is unfamiliar.

        Raises:
            UserError: it was read from a file that is not of this network.
        """
        if not len(images):
            return np.empty(0)
        features = stage_features(classifier, images)
        if features.shape[1:] != self.centre.shape:
            raise UserError(
                f"{FILE} is damaged: it is of {len(self.centre)} features, the network has "
                f"{features.shape[1]}"
            )
        return self.distances(features) / self.threshold


def familiarity_of(classifier: Classifier, store: FaceStore, run: Path) -> Familiarity:
    """Return what is kept with a run; measure and keep it if it is not, or is of other weights.

    The store has the splits of the run's training. A run that may not be written keeps nothing.

    Raises:
        UserError: the faces have another size than the classifier's, or a split is empty.
    """
    key = key_of(run, store.checksum)
    kept = read_familiarity(run / FILE, key)
    if kept:
        return kept
    measured = measure_familiarity(classifier, store)
    measured = measured._replace(factor=measured.factor.astype(np.float32))
    with suppress(UserError), written_whole(run / FILE) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, key=key, **measured._asdict())
    return measured


def key_of(run: Path, checksum: str) -> str:
    """What a familiarity belongs to: the run's weights, and the checksum of its faces."""
    return sha256(run / "best.safetensors")[:32] + checksum


def read_familiarity(path: Path, key: str) -> Familiarity | None:
    """Read the file if it is whole, of the right arrays, and of these weights and faces."""
    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file["key"]) != key:
                return None
            arrays = {name: np.asarray(file[name]) for name in Familiarity._fields}
    except UNREADABLE:
        return None
    if not are_right(arrays):
        return None
    fields: dict[str, Any] = {k: v if v.ndim else v.item() for k, v in arrays.items()}
    return Familiarity(**fields)


def are_right(arrays: dict[str, np.ndarray]) -> bool:
    """Whether arrays can be those of a `Familiarity`: it may come from somebody else."""
    d, classes = arrays["centre"].size, arrays["means"].shape[:1]
    shapes = {"centre": (d,), "scale": (d,), "means": (*classes, d), "factor": (d, d)}
    kinds = {"training": np.integer, "validation": np.integer}
    return (
        all(v.shape == shapes.get(name, ()) for name, v in arrays.items())
        and all(np.issubdtype(v.dtype, kinds.get(k, np.floating)) for k, v in arrays.items())
        and all(np.isfinite(v).all() for v in arrays.values())
        and min(d, *classes, arrays["threshold"], *arrays["scale"]) > 0
    )


def measure_familiarity(classifier: Classifier, store: FaceStore) -> Familiarity:
    """Fit means and covariance to the training faces, the threshold to the validation faces."""
    require_size(classifier, store)
    training, validation = store.indices("train"), store.indices("val")
    if len(training) < 2 or not len(validation):
        raise UserError(f"{store.folder} has too few training or validation faces")
    order = np.concatenate([training, validation])
    features = stage_features(classifier, store.images, order, "looking at the training faces")
    known, held_out = np.split(features, [len(training)])
    fitted = fit_familiarity(known, store.labels[training])
    threshold = float(np.quantile(fitted.distances(held_out), QUANTILE))
    return fitted._replace(threshold=threshold, validation=len(validation))


def fit_familiarity(features: np.ndarray, labels: np.ndarray) -> Familiarity:
    """Fit means and covariance to features (n, d) and labels (n,); the threshold is left at 1."""
    centre = features.mean(axis=0)
    scale = np.maximum(features.std(axis=0), 1e-6)
    x = ((features - centre) / scale).astype(np.float64)
    means = np.stack([x[labels == label].mean(axis=0) for label in np.unique(labels)])
    off = x - means[np.searchsorted(np.unique(labels), labels)]
    covariance = off.T @ off / len(off) + RIDGE * np.eye(x.shape[1])
    factor = np.linalg.cholesky(np.linalg.inv(covariance))
    return Familiarity(centre, scale, means, factor, 1.0, len(x), 0)


@torch.no_grad()
def stage_features(
    classifier: Classifier, images: np.ndarray, indices: np.ndarray | None = None, label: str = ""
) -> np.ndarray:
    """Channel means of the last map of each resolution in the network, of the centre crop.

    Images uint8 (n, h, w, 3), or those at `indices` → float64 (n, d). A `label` shows progress.
    """
    chosen = np.arange(len(images)) if indices is None else indices
    rows = []
    with Progress(len(chosen), label, "faces", enabled=bool(label)) as progress:
        for start in range(0, len(chosen), BATCH):
            batch = torch.from_numpy(images[chosen[start : start + BATCH]]).to(classifier.device)
            view = evaluation_views(batch, classifier.crop, "centre")[0]
            with recorded_maps(classifier.model) as maps:
                classifier.model(view)
            means = [features.float().mean(dim=(2, 3)) for features in maps.values()]
            rows.append(torch.cat(means, dim=1).double().cpu().numpy())
            progress.update(len(batch))
    return np.concatenate(rows)


@contextmanager
def recorded_maps(model: nn.Module) -> Iterator[dict[tuple[int, int], Tensor]]:
    """Record what the network's parts return while it runs: the last map of each resolution."""
    maps: dict[tuple[int, int], Tensor] = {}

    def record(_module: nn.Module, _inputs: tuple, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and min(output.shape[2:]) > 1:
            height, width = output.shape[2:]
            maps[height, width] = output

    parts = [m for m in model.modules() if m is not model and not isinstance(m, NO_FEATURES)]
    hooks = [part.register_forward_hook(record) for part in parts]
    try:
        yield maps
    finally:
        for hook in hooks:
            hook.remove()
    if not maps:
        raise UserError("this network has no feature maps to compare faces by")
