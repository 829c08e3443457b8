"""Drawn faces know the truth: the same person in the same shot, young and old.

How far is a generated face from it, how far was the input, and how near could one come at all?
"""

from typing import NamedTuple

import numpy as np
from torch import Tensor

from agegen import metrics
from agegen.cyclegan.translate import Translator
from agegen.cyclegan.watch import directions
from agegen.faces.records import CLASS_NAMES
from agegen.faces.synthetic import draw_identities, draw_shots, render_faces
from agegen.metrics import as_json
from agegen.perceptual import Perceptual

AGES = {"young": (20, 26), "old": (52, 62)}  # years, both included


class Counterparts(NamedTuple):
    """New people in the same shots at both ages; each {class: float (n, 3, size, size)}.

    `again` are the same at other ages of the class: what one would draw who knows the person
    perfectly, and of the age no more than the class.
    """

    faces: dict[str, Tensor]
    again: dict[str, Tensor]


def draw_counterparts(translator: Translator, n: int, seed: int) -> Counterparts:
    """Draw n people twice at each age, as the generators see faces.

    Args:
        translator: whose views are cut.
        n: number of people.
        seed: other than that of the training's faces, so that nobody is known.
    """
    who, shots = draw_identities(n, seed), draw_shots(n, seed)
    rng = np.random.default_rng([seed, 7])

    def draw() -> dict[str, Tensor]:
        return {
            name: translator.views(
                render_faces(
                    who, shots, rng.integers(*AGES[name], n, endpoint=True), translator.store_size
                )
            )
            for name in CLASS_NAMES
        }

    return Counterparts(draw(), draw())


def evaluate_truth(
    translator: Translator,
    perceptual: Perceptual | None,
    n: int = 300,
    seed: int = 1_000_000,
    resamples: int = 1000,
) -> dict:
    """Compare generated faces with the true counterparts.

    Returns:
        By the class aimed at, for L1 (per value, in [−1, 1]) and LPIPS, each with its interval:
        ``output`` (generated to true), ``input`` (source to true), ``oracle`` (true at another age
        of the class to true), ``nearer`` (share of the outputs nearer than their input) and
        ``gained`` ((input − output) / (input − oracle): 0 is doing nothing, 1 is the oracle).
    """
    people = draw_counterparts(translator, n, seed)
    weights = metrics.bootstrap_weights(n, resamples=resamples, seed=seed)
    found = {}
    for source, to in directions():
        truth = people.faces[to]
        compared = {
            "output": translator.translate(people.faces[source], to),
            "input": people.faces[source],
            "oracle": people.again[to],
        }
        found[to] = {"l1": {}, "lpips": {}} if perceptual else {"l1": {}}
        for kind in found[to]:
            distances = {
                name: distance(kind, faces, truth, perceptual) for name, faces in compared.items()
            }
            found[to][kind] = summarise(distances, weights)
    return {"n": n, "seed": seed, "resamples": resamples, "directions": found}


def distance(kind: str, a: Tensor, b: Tensor, perceptual: Perceptual | None) -> np.ndarray:
    """L1 or LPIPS of each pair, float64 (n,)."""
    if kind == "lpips" and perceptual:
        return perceptual.distance(a, b).double().numpy()
    return (a - b).abs().mean(dim=(1, 2, 3)).double().cpu().numpy()


def summarise(distances: dict[str, np.ndarray], weights: np.ndarray) -> dict:
    """Means of the distances, and what follows from them; see `evaluate_truth`."""
    nearer = (distances["output"] < distances["input"]).astype(np.float64)

    def gained(w: metrics.Weights) -> np.ndarray:
        output, given, oracle = (
            metrics.mean(distances[name], w) for name in ("output", "input", "oracle")
        )
        return (given - output) / (given - oracle)

    figures = {**distances, "nearer": nearer}
    return {
        **{
            name: as_json(metrics.estimate(lambda w, v=values: metrics.mean(v, w), weights))
            for name, values in figures.items()
        },
        "gained": as_json(metrics.estimate(gained, weights)),
    }
