"""The figures of the benchmark on photos: n, value and 95 % interval of every one.

Faces of one photo are found or missed together, so that every interval takes whole photos.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from agegen import metrics
from agegen.analysis.shares import share
from agegen.photos.benchmark import Measured, Placed
from agegen.photos.real_photos import RealFace, RealPhotos

TILTS = (0, 10, 20, 90)  # degrees


def scene_figures(measured: Measured) -> list[dict]:
    """The figures of scenes: `name`, `n`, `value`, `low`, `high`; null of no faces."""
    scenes, found, side, tilt = columns(measured.faces, ("scene", "found", "side", "tilt"))
    edges = np.geomspace(side.min(), side.max() + 1, 4).astype(int)
    return [
        rate(f"faces found, in {measured.scenes} scenes", found, scenes),
        *groups("found, side {} to {} pixels", found, side, edges, scenes),
        *groups("found, tilted {} to {}°", found, np.abs(tilt), TILTS, scenes),
        *false_find_figures(int(found.sum()), measured.false_finds),
        *alignment_figures(measured.faces),
        *answer_figures([face for face in measured.faces if face.found]),
    ]


def alignment_figures(faces: Sequence[Placed]) -> list[dict]:
    """How far landmarks and crops are off, of the faces whose own landmarks are known."""
    rows = []
    for error in ("landmark_error", "crop_error"):
        values, scenes = columns(faces, (error, "scene"))
        known = np.isfinite(values)
        for quantile, name in ((0.5, "median"), (0.9, "90th percentile")):
            title = f"{error.replace('_', ' ')}, {name}, % of the distance of the eyes"
            rows.append(quantile_of(title, values[known], scenes[known], quantile))
    return rows


def answer_figures(found: Sequence[Placed]) -> list[dict]:
    """What was said of the faces found, beside what is said of the same faces in the store."""
    names = ("scene", "label", "p_photo", "p_store", "unlikeness")
    scenes, label, p_photo, p_store, unlikeness = columns(found, names)
    photo, store = ((p > 0.5) == (label == 1) for p in (p_photo, p_store))
    confidence = np.maximum(p_photo, 1 - p_photo)
    return [
        rate("right, in the scenes", photo, scenes),
        rate("right, the same faces in the store", store, scenes),
        difference("right in the scenes less right in the store", photo, store, scenes),
        rate("the same answer in both", (p_photo > 0.5) == (p_store > 0.5), scenes),
        rate("mean probability of the answer, in the scenes", confidence, scenes),
        rate("faces called unlike the training faces", unlikeness > 1, scenes),
    ]


def false_find_figures(true_finds: int, unlikeness: Sequence[float]) -> list[dict]:
    """The share of finds that are no face, and how many of them are called unfamiliar."""
    false = np.repeat([False, True], [true_finds, len(unlikeness)])
    return [
        rate("finds that are no face", false, np.arange(len(false))),
        rate(
            "of these, called unlike the training faces",
            np.array(unlikeness, dtype=np.float64) > 1,
            np.arange(len(unlikeness)),
        ),
    ]


def real_figures(measured: RealPhotos) -> list[dict]:
    """The figures of photos with marked faces, of all and by their view."""
    photos, views, found, label, p_old, unlikeness = columns(
        measured.faces, ("photo", "view", "found", "label", "p_old", "unlikeness")
    )
    known = np.array([f.label is not None and bool(f.found) for f in measured.faces], dtype=bool)
    about = f"{measured.photos} real photos, {measured.without} of them without a face"
    rows = [rate(f"faces found, in {about}", found, photos)]
    for view in sorted(set(views.tolist()) - {""}):
        rows.append(rate(f"found, {view}", found[views == view], photos[views == view]))
    rows += false_find_figures(int(found.sum()), [find.unlikeness for find in measured.false_finds])
    right = (p_old[known] > 0.5) == (label[known] == 1)
    rows.append(rate("right, of the faces of a known age in a class", right, photos[known]))
    seen = found == 1
    name = "faces called unlike the training faces"
    return [*rows, rate(name, unlikeness[seen] > 1, photos[seen])]


def columns(faces: Sequence[Placed | RealFace], names: Sequence[str]) -> list[np.ndarray]:
    """One array per attribute."""
    return [np.array([getattr(face, name) for face in faces]) for name in names]


def groups(
    name: str,
    found: np.ndarray,
    values: np.ndarray,
    edges: Sequence[int] | np.ndarray,
    scenes: np.ndarray,
) -> list[dict]:
    """The share found between each two edges, where there are any faces."""
    rows = []
    for low, high in pairwise(edges):
        inside = (values >= low) & (values < high)
        if inside.any():
            rows.append(rate(name.format(low, high), found[inside], scenes[inside]))
    return rows


def rate(name: str, values: np.ndarray, photos: np.ndarray) -> dict:
    """The mean of values in [0, 1] with its interval, by photos."""
    result = share(values, photos)
    return {"name": name, "n": result["n"], **result["share"]}


def difference(name: str, first: np.ndarray, second: np.ndarray, photos: np.ndarray) -> dict:
    """The share of first less that of second on the same faces; −1 to 1."""
    found = metrics.paired_difference(first, second, photos)
    return {"name": name, "n": len(first), **metrics.as_json(found)}


def quantile_of(name: str, values: np.ndarray, photos: np.ndarray, quantile: float) -> dict:
    """A quantile with its interval, whole photos drawn."""
    if not len(values):
        return {"name": name, "n": 0, "value": None, "low": None, "high": None}
    weights = metrics.bootstrap_weights(len(values), photos).astype(int)
    drawn = np.array([np.quantile(np.repeat(values, w), quantile) for w in weights])
    found = metrics.Estimate(float(np.quantile(values, quantile)), *metrics.spread_of(drawn))
    return {"name": name, "n": len(values), **metrics.as_json(found)}


def describe_figure(row: dict) -> str:
    """One line of the table."""
    if row["value"] is None:
        return f"{row['name']:70} –  (n = 0)"
    interval = "" if row["low"] is None else f"[{row['low']:.3f}, {row['high']:.3f}]"
    return f"{row['name']:70} {row['value']:.3f} {interval}  n = {row['n']}"
