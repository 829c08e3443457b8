"""Drawn faces know the truth: the same person in the same shot, young and old.

How far is a generated face from it, how far was the input, and how near could one come at all?
"""

from typing import NamedTuple

import numpy as np
from torch import Tensor

from agegen import metrics
from agegen.drawn.face_drawing import render_faces
from agegen.drawn.face_parameters import draw_identities, draw_shots
from agegen.evaluation.ask_judges import judge_batches
from agegen.evaluation.held_out import Translator
from agegen.evaluation.judges import Judge
from agegen.evaluation.matching import match
from agegen.evaluation.panel import Panel
from agegen.evaluation.perceptual import Perceptual
from agegen.evaluation.shifts import correlation
from agegen.faces.records import CLASS_NAMES, DIRECTIONS, AgeRanges, age_sign
from agegen.metrics import as_json, mean_as_json, share_as_json

AGES = {name: getattr(AgeRanges(), name) for name in CLASS_NAMES}  # years, both included
EVERY_AGE = (20, 62)


class Counterparts(NamedTuple):
    """New people in the same shots at both ages; each {class: float (n, 3, size, size)}.

    `again` are the same at other ages of the class: what one would draw who knows the person
    perfectly, and of the age no more than the class.
    """

    faces: dict[str, Tensor]
    again: dict[str, Tensor]


def draw_counterparts(translator: Translator, n: int, seed: int) -> Counterparts:
    """Draw n people twice at each age; the seed is no training's, so that nobody is known."""
    rng = np.random.default_rng([seed, 7])

    def draw() -> dict[str, Tensor]:
        return {
            name: draw_people(translator, rng.integers(first, last, n, endpoint=True), seed)
            for name, (first, last) in AGES.items()
        }

    return Counterparts(draw(), draw())


def draw_people(translator: Translator, ages: np.ndarray, seed: int) -> Tensor:
    """The views of people of these ages, int (n,); a seed always gives the same people."""
    who, shots = draw_identities(len(ages), seed), draw_shots(len(ages), seed)
    return translator.views(render_faces(who, shots, ages, translator.store_size))


def evaluate_truth(
    translator: Translator,
    panel: Panel,
    n: int = 300,
    seed: int = 1_000_000,
    resamples: int = 1000,
) -> dict:
    """Compare generated faces with the true counterparts, and the panel with the truth.

    Returns:
        ``directions``: by the class aimed at, for L1 (per value, in [−1, 1]) and LPIPS, each with
        its interval: ``output`` (generated to true), ``input`` (source to true), ``oracle`` (true
        at another age of the class to true), ``nearer`` (share of the outputs nearer than their
        input) and ``gained`` ((input − output) / (input − oracle): 0 is doing nothing, 1 is the
        oracle). ``judges``: see `judge_the_judges`. ``matchers``: what each says of true
        counterparts, who are the same person (see `match`).
    """
    people = draw_counterparts(translator, n, seed)
    weights = metrics.bootstrap_weights(n, resamples=resamples, seed=seed)
    found: dict = {}
    gains: dict[str, np.ndarray] = {}
    fakes = {to: translator.translate(people.faces[source], to) for source, to in DIRECTIONS}
    for source, to in DIRECTIONS:
        compared = {"output": fakes[to], "input": people.faces[source], "oracle": people.again[to]}
        found[to] = {}
        for kind in ("l1", "lpips") if panel.perceptual else ("l1",):
            distances = {
                name: distance(kind, faces, people.faces[to], panel.perceptual)
                for name, faces in compared.items()
            }
            found[to][kind] = summarise(distances, weights)
            gains[to] = distances["input"] - distances["output"]  # of the last kind
    matched = {
        matcher.name: {
            to: match(
                matcher.embed(people.faces[source], people.faces[source]),
                matcher.embed(people.faces[to], people.faces[to]),
                weights,
                np.arange(n),
            )
            for source, to in DIRECTIONS
        }
        for matcher in panel.matchers
    }
    return {
        "n": n,
        "seed": seed,
        "resamples": resamples,
        "directions": found,
        "judges": judge_the_judges(translator, panel, people, fakes, gains, seed, weights),
        "matchers": matched,
    }


def judge_the_judges(
    translator: Translator,
    panel: Panel,
    people: Counterparts,
    fakes: dict[str, Tensor],
    gains: dict[str, np.ndarray],
    seed: int,
    weights: np.ndarray,
) -> dict:
    """How well each judge's first score agrees with the truth.

    Returns:
        By judge: ``age``, Spearman's correlation of its score with the true age of people drawn at
        all ages; ``gap``, its mean score of the true old less that of the true young; ``gained_…``
        by the class aimed at, the correlation over generated faces of the shift that it sees with
        how much nearer they came to their true counterpart (by LPIPS, or by L1 without it).
    """
    n = len(weights[0])
    years = np.random.default_rng([seed, 8]).integers(*EVERY_AGE, n, endpoint=True)
    at_all_ages = draw_people(translator, years, seed + 1)
    found: dict[str, dict] = {}
    for judge in panel.judges:
        ages = first_score(judge, at_all_ages)
        real = {name: first_score(judge, faces) for name, faces in people.faces.items()}
        found[judge.name] = {
            "age": correlation(ages, years.astype(np.float64), weights),
            "gap": mean_as_json(real["old"] - real["young"], weights),
        }
        for source, to in DIRECTIONS:
            shift = age_sign(to) * (first_score(judge, fakes[to]) - real[source])
            found[judge.name][f"gained_{to}"] = correlation(shift, gains[to], weights)
    return found


def first_score(judge: Judge, faces: Tensor) -> np.ndarray:
    """A judge's first score of faces, float64 (n,)."""
    return next(iter(judge_batches(judge, faces).values()))


def distance(kind: str, a: Tensor, b: Tensor, perceptual: Perceptual | None) -> np.ndarray:
    """L1 or LPIPS of each pair, float64 (n,)."""
    if kind == "lpips" and perceptual:
        return perceptual.distance(a, b).double().numpy()
    return (a - b).abs().mean(dim=(1, 2, 3)).double().cpu().numpy()


def summarise(distances: dict[str, np.ndarray], weights: np.ndarray) -> dict:
    """Means of the distances, and what follows from them; see `evaluate_truth`."""

    def gained(w: metrics.Weights) -> np.ndarray:
        output, given, oracle = (
            metrics.mean(distances[name], w) for name in ("output", "input", "oracle")
        )
        return (given - output) / (given - oracle)

    return {
        **{name: mean_as_json(values, weights) for name, values in distances.items()},
        "nearer": share_as_json(distances["output"] < distances["input"]),
        "gained": as_json(metrics.estimate(gained, weights)),
    }
