"""Why a classifier is worth less on photos in the wild: what they differ in, changed one by one.

Sharpness and colours are brought to the training faces', compression, resolution and crop are
changed by a fixed amount, and the threshold is fitted to other people's photos. How much of the
difference in balanced accuracy between test faces and photos a change makes up for says how much
that respect explains; respects overlap, so that these shares need not add up to 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from agegen import metrics
from agegen.classifier.evaluate import balanced_accuracy, in_words, interval, recalls
from agegen.evaluation.controls import jpeg, saturation, smaller
from agegen.faces.records import CLASS_NAMES
from agegen.faces.views import to_float, to_uint8
from agegen.photos.baselines import BATCH, Faces, ask, best_cut, known_faces, open_both, show
from agegen.run.files import write_json
from agegen.run.hub import as_typed

Change = Callable[[Tensor], Tensor]
"""From faces, float (n, 3, h, w) in [−1, 1], to the same."""
THIRDS = ("softest", "middle", "sharpest")


@dataclass(frozen=True)
class DomainShiftConfig:
    """Which classifier, and which photos."""

    run: Path
    """Folder of the trained classifier; pretrained means the one that comes with agegen."""
    photos: Path
    """Photos in the wild with known ages, as prepare_faces.py reads them; the largest face of each
    is taken. They must not be among the training photos."""
    faces: Path | None = None
    """Folder of the FaceStore that it was trained on, if it was moved; needed for pretrained."""
    out: Path = Path("domain_shift.json")
    """File for the figures."""
    resamples: int = 1000
    """Bootstrap resamples of the intervals."""
    seed: int = 0
    """Seed of the bootstrap."""


def study_domain_shift(config: DomainShiftConfig) -> dict:
    """Measure a classifier on photos as they are, and with each respect undone; save the figures.

    Returns:
        Plain JSON types. ``test`` and ``photos``: ``balanced_accuracy``, ``roc_auc`` and ``recall``
        by class; ``changes``: of each, these and ``gain``, the paired difference in balanced
        accuracy to the photos as they are, and ``explains``, that as a share of what is missing;
        ``groups``: the same figures of the photos' faces by their sharpness.

    Raises:
        UserError: the run, its store or the photos are missing or damaged, or an extra is missing.
    """
    loaded, store, test = open_both(config.run, config.faces)
    photos = known_faces(loaded, config.photos).of_classes()
    test = test.of_classes()
    inside, before = (ask(loaded, faces.images).odds for faces in (test, photos))
    temperature = loaded.classifier.temperature
    p_test, p = (metrics.sigmoid(odds / temperature) for odds in (inside, before))
    training = store.images[store.of_classes().indices("train")[::7]]
    found: dict = {
        "run": as_typed(config.run),
        "n": {"test": len(test.labels), "photos": len(photos.labels)},
        "test": figures(test, p_test, config),
        "photos": figures(photos, p, config),
        "changes": {},
        "groups": {},
    }
    missing = found["test"]["balanced_accuracy"]["value"] - right(photos, p).mean()
    for name, change in changes_towards(training).items():
        print(f"photos, {name}")
        after = metrics.sigmoid(ask(loaded, changed(photos.images, change)).odds / temperature)
        found["changes"][name] = compared(photos, p, after, missing, config)
    cuts = cross_fitted_cuts(photos, before, config.seed)
    after = metrics.sigmoid((before - cuts) / temperature)
    found["changes"]["a threshold of their own"] = compared(photos, p, after, missing, config)
    detail = sharpness(photos.images)
    ends = np.quantile(detail, [0, 1 / 3, 2 / 3, 1])
    for name, low, high in zip(THIRDS, ends, ends[1:], strict=False):
        chosen = (detail >= low) & (detail <= high)
        if not chosen.any():
            continue
        part = Faces(*(values[chosen] for values in photos))
        found["groups"][name] = {"n": int(chosen.sum()), **figures(part, p[chosen], config)}
    write_json(config.out, found)
    return found


def changes_towards(training: np.ndarray) -> dict[str, Change]:
    """The changes by their names; training faces are uint8 (n, h, w, 3)."""
    known = training.astype(np.float32) / 127.5 - 1
    levels = torch.from_numpy(known.mean(axis=(1, 2)).mean(axis=0))
    spreads = torch.from_numpy(known.std(axis=(1, 2)).mean(axis=0))
    detail = float(np.median(sharpness(training)))
    return {
        "as sharp as training faces": partial(as_sharp, detail=detail),
        "shrunk to half and enlarged": lambda x: smaller(x, x.shape[-1] // 2),
        "in training faces' mean colours and contrast": partial(
            recoloured, levels=levels, spreads=spreads
        ),
        "grey": partial(saturation, factor=0.0),
        "compressed (JPEG, quality 40)": partial(jpeg, quality=40),
        "cropped 5 % wider": partial(zoomed, by=0.95),
        "cropped 5 % narrower": partial(zoomed, by=1.05),
        "sharpness, and colours": lambda x: recoloured(
            as_sharp(x, detail=detail), levels=levels, spreads=spreads
        ),
    }


def sharpness(images: np.ndarray) -> np.ndarray:
    """Mean absolute second difference along rows of grey levels, float64 (n,) in grey levels."""
    parts = [images[i : i + BATCH].mean(axis=-1) for i in range(0, len(images), BATCH)]
    return np.concatenate([np.abs(np.diff(x, n=2, axis=2)).mean(axis=(1, 2)) for x in parts])


def as_sharp(x: Tensor, detail: float) -> Tensor:
    """Blur each face just so much that its `sharpness` is at most this."""
    weak, strong = torch.zeros(len(x)), torch.full((len(x),), 3.0)
    for _ in range(8):
        middle = (weak + strong) / 2
        sharp = sharpness(to_uint8(blurred(x, middle)).numpy()) > detail
        weak = torch.where(torch.from_numpy(sharp), middle, weak)
        strong = torch.where(torch.from_numpy(sharp), strong, middle)
    soft = torch.from_numpy(sharpness(to_uint8(x).numpy()) <= detail)
    return torch.where(soft[:, None, None, None], x, blurred(x, strong))


def blurred(x: Tensor, sigmas: Tensor) -> Tensor:
    """Gaussian blur of each face by its own standard deviation in pixels, (n,), above 0."""
    n, channels = x.shape[:2]
    offsets = torch.arange(-8.0, 9.0)
    weights = torch.exp(-(offsets**2) / (2 * sigmas.clamp(min=0.05)[:, None] ** 2))
    weights = (weights / weights.sum(dim=1, keepdim=True)).repeat_interleave(channels, dim=0)
    flat = F.pad(x.flatten(0, 1)[None], (8, 8, 8, 8), mode="reflect")
    rows = F.conv2d(flat, weights[:, None, None, :], groups=n * channels)
    return F.conv2d(rows, weights[:, None, :, None], groups=n * channels).reshape(x.shape)


def recoloured(x: Tensor, levels: Tensor, spreads: Tensor) -> Tensor:
    """Give each channel of each face this mean and this standard deviation, (3,) each."""
    variance, mean = torch.var_mean(x, dim=(2, 3), keepdim=True)
    standard = (x - mean) / variance.sqrt().clamp(min=1e-3)
    return (standard * spreads[:, None, None] + levels[:, None, None]).clamp(-1, 1)


def zoomed(x: Tensor, by: float) -> Tensor:
    """Enlarge around the centre; beyond the edges the mirrored picture shows."""
    theta = torch.tensor([[1 / by, 0, 0], [0, 1 / by, 0]]).expand(len(x), 2, 3)
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="bicubic", padding_mode="reflection", align_corners=False)


def changed(images: np.ndarray, change: Change) -> np.ndarray:
    """Apply a change to uint8 (n, h, w, 3), a batch at a time."""
    starts = range(0, len(images), BATCH)
    parts = [change(to_float(torch.from_numpy(images[i : i + BATCH]))) for i in starts]
    return np.concatenate([to_uint8(part).numpy() for part in parts])


def cross_fitted_cuts(faces: Faces, odds: np.ndarray, seed: int) -> np.ndarray:
    """For each half of the persons the best cut of the other half, (n,)."""
    person = np.unique(faces.persons, return_inverse=True)[1]
    half = np.random.default_rng(seed).permutation(person.max() + 1)[person] % 2
    cuts = np.zeros(len(odds))
    for side in (0, 1):
        other = half != side
        if len(set(faces.labels[other])) == 2:
            ordered = np.sort(odds[other])
            between = (ordered[:-1] + ordered[1:]) / 2
            cuts[half == side] = best_cut(faces.labels[other], odds[other], between)
    return cuts


def right(faces: Faces, p: np.ndarray) -> np.ndarray:
    """1 for faces that are classified as what they are, weighed so that the mean is balanced."""
    counts = np.bincount(faces.labels, minlength=2)
    return ((p > 0.5) == faces.labels) * (len(p) / 2 / counts)[faces.labels]


def figures(faces: Faces, p: np.ndarray, config: DomainShiftConfig) -> dict:
    """Balanced accuracy, AUC and recalls, with intervals."""
    weights = metrics.bootstrap_weights(len(p), faces.persons, config.resamples, config.seed)
    told = recalls(faces.labels, p, faces.persons)
    return {
        "balanced_accuracy": balanced_accuracy(faces.labels, p, weights, faces.persons),
        "roc_auc": interval(metrics.roc_auc, faces.labels, p, weights),
        "recall": dict(zip(CLASS_NAMES, map(metrics.as_json, told), strict=True)),
    }


def compared(
    photos: Faces, before: np.ndarray, after: np.ndarray, missing: float, config: DomainShiftConfig
) -> dict:
    """The figures after a change, and what it gained."""
    gained = right(photos, after) - right(photos, before)
    weights = metrics.bootstrap_weights(len(gained), photos.persons, config.resamples, config.seed)
    explains = float(gained.mean() / missing) if missing > 0 else None
    return {
        **figures(photos, after, config),
        "gain": metrics.mean_as_json(gained, weights),
        "explains": explains,
    }


def describe_domain_shift(found: dict) -> str:
    """The figures as a table in Markdown."""
    header = ["faces", "balanced accuracy", "AUC", "recall of young, old", "gain", "explains"]
    rows = [["test faces", *describe(found["test"]), "", ""]]
    rows.append(["photos", *describe(found["photos"]), "", ""])
    for name, change in found["changes"].items():
        explains = "–" if change["explains"] is None else f"{change['explains']:.0%}"
        rows.append(
            [f"photos, {name}", *describe(change), in_words(change["gain"], "+.3f"), explains]
        )
    for name, group in found["groups"].items():
        rows.append([f"the {name} third ({group['n']:,})", *describe(group), "", ""])
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows))


def describe(part: dict) -> list[str]:
    """Three cells of a row."""
    recalls = [part["recall"][name]["value"] for name in CLASS_NAMES]
    told = ", ".join("–" if recall is None else f"{recall:.2f}" for recall in recalls)
    return [*(show(part[name], name) for name in ("balanced_accuracy", "roc_auc")), told]
