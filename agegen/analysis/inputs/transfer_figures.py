"""How much of what an image does to one network it does to another, with intervals.

All shifts are in units of the classifier's own gap between real faces of both classes: mean
log-odds of old faces minus those of young ones. The share kept is the shift under the second
classifier as a part of that under the first. Real faces keep 1 of the gap, by definition.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from agegen import metrics
from agegen.analysis.inputs.optimize import Start
from agegen.analysis.inputs.second_classifier import class_gap
from agegen.analysis.shares import share
from agegen.classifier.evaluate import Predictions
from agegen.faces.store import FaceStore, clusters
from agegen.metrics import Weights, as_json

KINDS = ("noise", "other", "own")  # from noise; from faces towards the other or their own class
RESAMPLES = 1000
CHANGES = {
    "shift": ("before", "after"),
    "random": ("before", "control"),
    "pattern": ("control", "after"),
}
"""Of the log-odds: the whole change, that by a random change of the same size and spectrum, and
what the pattern adds to it. A network may call any fine noise old, and then follows every noisy
image that is made for old, whatever its pattern."""
KEPT = ("shift", "pattern")


class Case(NamedTuple):
    """One start of the ablation."""

    start: Start  # image and target
    kind: str  # one of `transfer_figures.KINDS`
    origin: str  # the noise or the person, whose images are not independent
    face: int  # its number in the store; −1 for noise


class Judged(NamedTuple):
    """What one network says of the images of one setting: log-odds of old, float64 (n,) each."""

    before: np.ndarray  # of the starts
    after: np.ndarray  # of the optimised images
    control: np.ndarray  # of the starts with a random change of the same size


class Sample(NamedTuple):
    """The images of one kind, and the validation faces that give the unit."""

    chosen: np.ndarray  # int64 (k,), which images
    origins: np.ndarray  # str (k,), their noises or persons
    signs: np.ndarray  # int64 (k,), 1 where the target is old, −1 where it is young
    labels: np.ndarray  # int64 (m,), of the validation faces
    logits: dict[str, np.ndarray]  # of these by classifier, float64 (m,)
    weights: np.ndarray  # float64 (resamples, k + m): of the images, then of the faces

    def moved(
        self, name: str, judged: Judged, what: str, weights: Weights, signed: bool = True
    ) -> np.ndarray:
        """Mean change of the log-odds, in gaps; NaN where the gap is not above 0."""
        start, end = (getattr(judged, moment) for moment in CHANGES[what])
        change = (self.signs if signed else 1) * (end - start)[self.chosen]
        w = np.ones(self.weights.shape[1]) if weights is None else weights
        images, faces = w[..., : len(change)], w[..., len(change) :]
        gap = class_gap(self.labels, self.logits[name], faces)
        return ratio(metrics.mean(change, images), gap)

    def kept(self, name: str, judged: dict[str, Judged], what: str, weights: Weights) -> np.ndarray:
        """Change under a second classifier as a share of that under the first."""
        first, second = (self.moved(n, judged[n], what, weights) for n in ("first", name))
        return ratio(second, first)

    def estimate(self, figure: Callable[[Weights], np.ndarray]) -> dict:
        """A figure of weights with its interval, as plain JSON."""
        return as_json(metrics.estimate(figure, self.weights))


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole; NaN where the whole is not above 0."""
    part, whole = np.asarray(part, dtype=float), np.asarray(whole, dtype=float)
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def make_sample(
    cases: list[Case], kind: str, store: FaceStore, val: dict[str, Predictions], seed: int
) -> Sample:
    """Collect the images of one kind; those of one noise or person are resampled together."""
    chosen = np.array([i for i, case in enumerate(cases) if case.kind == kind], dtype=int)
    origins = np.array([cases[i].origin for i in chosen])
    faces = val["first"]
    persons = clusters(store, faces.indices)
    weights = [
        metrics.bootstrap_weights(len(chosen), origins, RESAMPLES, seed),
        metrics.bootstrap_weights(len(persons), persons, RESAMPLES, seed + 1),
    ]
    return Sample(
        chosen,
        origins,
        np.array([2 * cases[i].start.target - 1 for i in chosen]),
        faces.labels,
        {name: predictions.logit for name, predictions in val.items()},
        np.concatenate(weights, axis=1),
    )


def summarise(
    cases: list[Case],
    judged: dict[str, dict[str, Judged]],
    store: FaceStore,
    val: dict[str, Predictions],
    seed: int,
) -> dict:
    """setting → kind → figures, as plain JSON; kinds without images are left out."""
    there = [kind for kind in KINDS if any(case.kind == kind for case in cases)]
    samples = {kind: make_sample(cases, kind, store, val, seed) for kind in there}
    found: dict[str, dict[str, dict]] = {setting: {} for setting in judged}
    for setting, of in judged.items():
        for kind, sample in samples.items():
            figures = {name: describe(sample, name, of[name]) for name in of}
            for name in of.keys() - {"first"}:
                figures[name] |= compare(sample, name, of, judged["none"])
            found[setting][kind] = {"n": len(sample.chosen), **figures}
    return found


def describe(sample: Sample, name: str, judged: Judged) -> dict:
    """Changes in gaps; which images the classifier takes for their target.

    `drift` is where the random change moves the classifier, in gaps towards old. `before` and
    `after` are the shares of all images that it takes for their target, `flipped` that of those
    that it did not take for it before.
    """
    before, after = (sample.signs * z[sample.chosen] > 0 for z in judged[:2])
    return {
        **{what: sample.estimate(partial(sample.moved, name, judged, what)) for what in CHANGES},
        "drift": sample.estimate(partial(sample.moved, name, judged, "random", signed=False)),
        "before": share(before, sample.origins),
        "after": share(after, sample.origins),
        "flipped": share(after[~before], sample.origins[~before]),
    }


def compare(sample: Sample, name: str, judged: dict[str, Judged], plain: dict[str, Judged]) -> dict:
    """The shares kept, and how much higher they are than without a regulariser (same resamples)."""

    def gain(what: str, weights: Weights) -> np.ndarray:
        return sample.kept(name, judged, what, weights) - sample.kept(name, plain, what, weights)

    return {
        "kept": {w: sample.estimate(partial(sample.kept, name, judged, w)) for w in KEPT},
        "gain": {w: sample.estimate(partial(gain, w)) for w in KEPT},
    }


def compare_faces(store: FaceStore, val: dict[str, Predictions], seed: int) -> dict:
    """What real faces keep of what sets them apart from others of their class, by classifier.

    The slope of the second classifier's log-odds on the first's within the classes, both in gaps:
    a face that lies one gap further under the first lies so much further under the second. It is
    what choosing real faces by the first classifier would carry over; making images can be held
    against it.
    """
    first = val["first"]
    persons = clusters(store, first.indices)
    weights = metrics.bootstrap_weights(len(persons), persons, RESAMPLES, seed)
    slope = partial(slope_within, first.labels, first.logit)
    return {
        name: as_json(metrics.estimate(partial(slope, other.logit), weights))
        for name, other in val.items()
        if name != "first"
    }


def slope_within(
    labels: np.ndarray, first: np.ndarray, second: np.ndarray, weights: Weights = None
) -> np.ndarray:
    """Least-squares slope of second on first with an intercept for each class, both in gaps."""
    w = metrics.uniform(labels, weights)
    covariance, variance = 0.0, 0.0
    for label in (0, 1):
        of = w * (labels == label)
        mean_product = metrics.mean(first * second, of)
        within = mean_product - metrics.mean(first, of) * metrics.mean(second, of)
        covariance = covariance + within * of.sum(axis=-1)
        variance = variance + metrics.variance(first, of) * of.sum(axis=-1)
    gaps = [class_gap(labels, z, w) for z in (first, second)]
    return ratio(covariance * gaps[0], variance * gaps[1])
