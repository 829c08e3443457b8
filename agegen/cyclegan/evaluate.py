"""How far did the faces age, what else changed? Generators judged on held-out faces.

Every figure has its 95 % bootstrap interval, and shifts of age are shares of the real young–old gap
by the same judge.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from agegen import metrics
from agegen.cyclegan.alarms import measure
from agegen.cyclegan.matching import match
from agegen.cyclegan.translate import Translator
from agegen.cyclegan.watch import KNOWN, directions, views_by_class
from agegen.errors import UserError
from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import FaceStore, clusters
from agegen.judges import Judge, Matcher
from agegen.metrics import Weights, as_json
from agegen.perceptual import Perceptual

BATCH = 64


class HeldOut(NamedTuple):
    """Real faces of both classes, by class name.

    Attributes:
        faces: float (n, 3, size, size) in [−1, 1].
        weights: bootstrap resamples (r, n): persons are drawn, where identities are known.
        indices: numbers in the store, int64 (n,).
        persons: who it is, int64 (n,); a face of unknown identity is a person of its own.
    """

    faces: dict[str, Tensor]
    weights: dict[str, np.ndarray]
    indices: dict[str, np.ndarray]
    persons: dict[str, np.ndarray]


def evaluate(
    translator: Translator,
    store: FaceStore,
    judges: list[Judge],
    perceptual: Perceptual | None = None,
    matchers: list[Matcher] | None = None,
    split: str = "test",
    most: int = 0,
    resamples: int = 1000,
    seed: int = 0,
) -> dict:
    """Translate a split both ways and judge what came out.

    Args:
        translator: the generators.
        store: whose faces are translated; of the size that the generators were trained on.
        judges: whose scores rise with age.
        perceptual: LPIPS; None leaves it out.
        matchers: who may say whether it is the same person.
        split: which faces.
        most: faces of each class at most, 0 for all.
        resamples: of the bootstrap.
        seed: of the bootstrap, and of the choice of faces.

    Returns:
        Plain JSON types, by the class aimed at: ``judges`` (before, after, shift, share_of_gap and
        reached: the share on the aimed class's side of the middle between the real classes' means),
        ``matchers`` (see `match`), ``changes`` (L1 and LPIPS between input and output, and after
        the way back) and ``symptoms``; each figure is ``{"value": …, "low": …, "high": …}`` but the
        symptoms.

    Raises:
        UserError: the store has other faces than the generators know, none of a class, or those of
            one person only where matchers compare.
    """
    require_different_names(judges)
    held_out = choose_faces(translator, store, split, most, seed, resamples)
    real = {judge.name: judge_all(judge, held_out.faces) for judge in judges}
    known = views_by_class(store, translator.config, "train", KNOWN, translator.device)
    return {
        "n": {name: len(faces) for name, faces in held_out.faces.items()},
        "resamples": resamples,
        "seed": seed,
        "gaps": {name: gaps(scores, held_out.weights) for name, scores in real.items()},
        "directions": {
            to: evaluate_direction(
                translator,
                held_out,
                (source, to),
                judges,
                real,
                perceptual,
                matchers or [],
                known[to],
            )
            for source, to in directions()
        },
    }


def require_different_names(judges: list[Judge]) -> None:
    """Refuse two judges of one name: one's figures would take the other's place."""
    names = [judge.name for judge in judges]
    if len(set(names)) < len(names):
        raise UserError(f"two judges have the same name: {', '.join(sorted(names))}")


def choose_faces(
    translator: Translator,
    store: FaceStore,
    split: str = "test",
    most: int = 0,
    seed: int = 0,
    resamples: int = 1000,
) -> HeldOut:
    """Choose the faces of a split, and draw their bootstrap resamples."""
    if store.size != translator.store_size:
        raise UserError(
            f"the faces of {store.folder} have {store.size} pixels, these generators were trained "
            f"on {translator.store_size}: prepare them with --size {translator.store_size}"
        )
    chosen, faces, weights, persons = {}, {}, {}, {}
    for label, name in enumerate(CLASS_NAMES):
        of_class = store.indices(split)
        of_class = of_class[store.labels[of_class] == label]
        if not len(of_class):
            raise UserError(f"{store.folder} has no {name} faces in its {split} split")
        drawn = np.random.default_rng([seed, label]).permutation(of_class)
        chosen[name] = np.sort(drawn[: most or len(drawn)])
        faces[name] = translator.views(store.images[chosen[name]])
        who = persons[name] = clusters(store, chosen[name])
        weights[name] = metrics.bootstrap_weights(len(who), who, resamples, seed + label)
    return HeldOut(faces, weights, chosen, persons)


def judge_all(judge: Judge, faces: dict[str, Tensor]) -> dict[str, dict[str, np.ndarray]]:
    """All scores of a judge: {score: {class: float64 (n,)}}."""
    by_class = {name: judge_batches(judge, x) for name, x in faces.items()}
    scores = next(iter(by_class.values()))
    return {score: {name: by_class[name][score] for name in by_class} for score in scores}


def judge_batches(judge: Judge, faces: Tensor) -> dict[str, np.ndarray]:
    """Judge faces, a batch at a time."""
    parts = [judge.scores(batch) for batch in faces.split(BATCH)]
    return {name: torch.cat([part[name] for part in parts]).double().numpy() for name in parts[0]}


def gaps(scores: dict[str, dict[str, np.ndarray]], weights: dict[str, np.ndarray]) -> dict:
    """Mean of each score on the real faces of both classes, and the gap between them."""
    young, old = CLASS_NAMES
    return {
        score: {
            young: interval(lambda w, v=values: mean_of(v[young], w, young), weights),
            old: interval(lambda w, v=values: mean_of(v[old], w, old), weights),
            "gap": interval(lambda w, v=values: gap(v, w), weights),
        }
        for score, values in scores.items()
    }


ByClass = dict[str, np.ndarray]


def mean_of(values: np.ndarray, weights: ByClass | None, name: str) -> np.ndarray:
    """Weighted mean of the values of one class's faces."""
    return metrics.mean(values, None if weights is None else weights[name])


def gap(real: ByClass, weights: ByClass | None) -> np.ndarray:
    """Mean of the real old faces less that of the real young ones."""
    young, old = CLASS_NAMES
    return mean_of(real[old], weights, old) - mean_of(real[young], weights, young)


def interval(figure, weights: ByClass) -> dict:
    """Value and 95 % interval of a figure of both classes' weights."""
    both = np.concatenate([weights[name] for name in CLASS_NAMES], axis=1)
    first = weights[CLASS_NAMES[0]].shape[1]

    def split(w: Weights) -> np.ndarray:
        if w is None:
            return figure(None)
        return figure(dict(zip(CLASS_NAMES, (w[:, :first], w[:, first:]), strict=True)))

    return as_json(metrics.estimate(split, both))


def evaluate_direction(
    translator: Translator,
    held_out: HeldOut,
    direction: tuple[str, str],
    judges: list[Judge],
    real: dict[str, dict[str, ByClass]],
    perceptual: Perceptual | None,
    matchers: list[Matcher],
    known: Tensor,
) -> dict:
    """Translate the faces of one class, and back; judge and measure."""
    source, to = direction
    faces, weights = held_out.faces[source], held_out.weights
    fake = translator.translate(faces, to)
    back = translator.translate(fake, source)
    return {
        "judges": {
            judge.name: {
                score: judge_shift(
                    real[judge.name][score], after, direction, weights, getattr(judge, "steps", ())
                )
                for score, after in judge_batches(judge, fake).items()
            }
            for judge in judges
        },
        "matchers": {
            matcher.name: match(
                matcher.embed(faces, faces),
                matcher.embed(fake, faces),
                weights[source],
                held_out.persons[source],
            )
            for matcher in matchers
        },
        "changes": measure_changes(faces, fake, back, weights[source], perceptual),
        "symptoms": measure(faces, fake, held_out.faces[to], known)._asdict(),
    }


def judge_shift(
    real: ByClass,
    after: np.ndarray,
    direction: tuple[str, str],
    weights: ByClass,
    steps: tuple[float, ...] = (),
) -> dict:
    """How far one score moved: see `evaluate`.

    Args:
        real: the score of the real faces of both classes.
        after: that of the source faces after their translation.
        direction: source and aim.
        weights: bootstrap resamples of both classes.
        steps: ``moved_10`` is the share of faces whose score moved by 10 or more the right way.
    """
    source, to = direction
    sign = 1 if to == CLASS_NAMES[1] else -1
    moved = after - real[source]

    def share(w: ByClass | None) -> np.ndarray:
        apart = np.asarray(gap(real, w))
        unknown = np.full(apart.shape, np.nan)  # of a judge that sees no difference
        return np.divide(sign * mean_of(moved, w, source), apart, out=unknown, where=apart != 0)

    middle = (real[source].mean() + real[to].mean()) / 2
    upward = real[to].mean() > real[source].mean()
    reached = (after > middle if upward else after < middle).astype(np.float64)
    figures = {"before": real[source], "after": after, "shift": moved, "reached": reached}
    figures |= {f"moved_{step:g}": (sign * moved >= step).astype(np.float64) for step in steps}
    return {
        **{
            name: interval(lambda w, v=values: mean_of(v, w, source), weights)
            for name, values in figures.items()
        },
        "share_of_gap": interval(share, weights),
    }


def measure_changes(
    faces: Tensor, fake: Tensor, back: Tensor, weights: np.ndarray, perceptual: Perceptual | None
) -> dict:
    """L1 (per value, in [−1, 1]) and LPIPS of input to output, and of input to the way back."""
    found = {}
    for name, other in (("output", fake), ("cycle", back)):
        found[f"{name}_l1"] = (other - faces).abs().mean(dim=(1, 2, 3)).double().cpu().numpy()
        if perceptual:
            found[f"{name}_lpips"] = perceptual.distance(faces, other).double().numpy()
    return {
        name: as_json(metrics.estimate(lambda w, v=values: metrics.mean(v, w), weights))
        for name, values in found.items()
    }
