"""How far did the faces age, what else changed? Generators judged on held-out faces.

Every figure has its 95 % interval, and shifts of age are shares of the real young–old gap by the
same judge. Several processes share the faces among them and give one process's figures.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from agegen.evaluation.agreement import measure_agreement
from agegen.evaluation.alarms import KNOWN, measure
from agegen.evaluation.features import FeatureNetwork
from agegen.evaluation.frozen_classifier import FrozenClassifier
from agegen.evaluation.held_out import HeldOut, Translator, choose_by_class, choose_faces
from agegen.evaluation.judges import Judge, Matcher
from agegen.evaluation.judging import BATCH, judge_all, judge_batches, require_judges
from agegen.evaluation.matching import match
from agegen.evaluation.perceptual import Perceptual
from agegen.evaluation.realism import FEWEST, measure_realism
from agegen.evaluation.shifts import ByClass, gaps, judge_shift
from agegen.evaluation.slices import compare_slices, first_moves, judge_slices, slices_of
from agegen.faces.records import CLASS_NAMES, DIRECTIONS
from agegen.faces.store import FaceStore
from agegen.metrics import SHARE_INTERVALS, mean_as_json
from agegen.run.distributed import in_shares


class Panel(NamedTuple):
    """Who judges.

    Attributes:
        judges: of age; their scores rise with it.
        matchers: who say whether it is the same person.
        perceptual: LPIPS; None leaves it out.
        features: in which sets of faces are compared; None leaves that out.
        explained: the classifier whose attributions are compared with what changed; None: none.
    """

    judges: Sequence[Judge]
    matchers: Sequence[Matcher] = ()
    perceptual: Perceptual | None = None
    features: FeatureNetwork | None = None
    explained: FrozenClassifier | None = None


class Translated(NamedTuple):
    """Faces of one class, float (n, 3, size, size) each, what was made of them, and of that."""

    faces: Tensor
    fake: Tensor
    back: Tensor


def evaluate(
    translator: Translator,
    store: FaceStore,
    panel: Panel,
    split: str = "test",
    most: int = 0,
    resamples: int = 1000,
    seed: int = 0,
) -> dict:
    """Translate a split both ways and judge what came out.

    Args:
        translator: the generators.
        store: whose faces are translated; of the size that the generators were trained on.
        panel: who judges.
        split: which faces.
        most: faces of each class at most, 0 for all.
        resamples: of the bootstrap.
        seed: of the bootstrap, and of the choice of faces.

    Returns:
        See `evaluate_faces`, and ``seed``.

    Raises:
        UserError: the store has other faces than the generators know, none of a class, or those of
            one person only where matchers compare; or a judge's answer is not what `Judge` says.
    """
    held_out = choose_faces(translator, store, split, most, seed, resamples)
    return {"seed": seed, **evaluate_faces(translator, store, panel, held_out, seed)}


def evaluate_faces(
    translator: Translator, store: FaceStore, panel: Panel, held_out: HeldOut, seed: int = 0
) -> dict:
    """Translate chosen faces both ways and judge what came out.

    Args:
        translator: the generators.
        store: whose faces they are; its training faces tell what would be a copy.
        panel: who judges.
        held_out: the faces.
        seed: of the choice of those training faces.

    Returns:
        Plain JSON types, by the class aimed at: ``judges`` (see `judge_shift`), ``slices`` and
        ``contrasts`` (shares of the gap by gender and age, and their differences), ``matchers``
        (see `match`), ``changes`` (L1 and LPIPS between input and output, and after the way back),
        ``realism`` (see `measure_realism`), ``agreement`` (see `measure_agreement`) and
        ``symptoms``; each figure is ``{"value": …, "low": …, "high": …}`` but the symptoms.

    Raises:
        UserError: a judge's answer is not what `Judge` says, or there are faces of one person only
            where matchers compare.
    """
    require_judges(panel.judges)
    real = {judge.name: judge_all(judge, held_out.faces) for judge in panel.judges}
    known = {
        name: translator.views(store.images[i])
        for name, i in choose_by_class(store, "train", KNOWN, seed).items()
    }
    described = describe_all(panel.features, held_out.faces)
    found: dict = {
        "n": {name: len(faces) for name, faces in held_out.faces.items()},
        "resamples": len(held_out.weights[CLASS_NAMES[0]]),
        "share_intervals": SHARE_INTERVALS,
        "gaps": {
            name: gaps(scores, held_out.weights, held_out.persons) for name, scores in real.items()
        },
        "directions": {},
    }
    for source, to in DIRECTIONS:
        made = translate_both_ways(translator, held_out.faces[source], (source, to))
        after = {
            judge.name: judge_batches(judge, made.fake, real[judge.name]) for judge in panel.judges
        }
        parts = slices_of(store, held_out.indices, source)
        moves = first_moves(real, after, (source, to), held_out.weights)
        symptoms = measure(made.faces, made.fake, held_out.faces[to], known[to])
        found["directions"][to] = {
            "judges": judge_shifts(panel.judges, real, after, (source, to), held_out),
            "slices": judge_slices(moves, parts, source),
            "contrasts": compare_slices(moves, parts),
            "matchers": match_all(panel.matchers, made, held_out, source),
            "changes": measure_changes(made, held_out.weights[source], panel.perceptual),
            "realism": realism_of(panel.features, made.fake, described, held_out, (source, to)),
            "agreement": (
                measure_agreement(
                    panel.explained,
                    made.faces,
                    made.fake,
                    held_out.weights[source],
                    held_out.persons[source],
                )
                if panel.explained
                else None
            ),
            "symptoms": symptoms._asdict(),
        }
    return found


def translate_both_ways(
    translator: Translator, faces: Tensor, direction: tuple[str, str]
) -> Translated:
    """Translate faces and what was made of them, each process its share."""
    source, to = direction
    fake = in_shares(lambda x: translator.translate(x, to), faces)
    back = in_shares(lambda x: translator.translate(x, source), fake)
    return Translated(faces, fake, back)


def judge_shifts(
    judges: Sequence[Judge],
    real: dict[str, dict[str, ByClass]],
    after: dict[str, dict[str, np.ndarray]],
    direction: tuple[str, str],
    held_out: HeldOut,
) -> dict:
    """Every judge's and score's shift: {judge: {score: figures}}."""
    return {
        judge.name: {
            score: judge_shift(
                real[judge.name][score],
                values,
                direction,
                held_out.weights,
                held_out.persons[direction[0]],
                getattr(judge, "steps", ()),
            )
            for score, values in after[judge.name].items()
        }
        for judge in judges
    }


def match_all(
    matchers: Sequence[Matcher], made: Translated, held_out: HeldOut, source: str
) -> dict[str, dict]:
    """What every matcher says of the faces and of what was made of them."""
    return {
        matcher.name: match(
            in_shares(matcher.embed, made.faces, made.faces),
            in_shares(matcher.embed, made.fake, made.faces),
            held_out.weights[source],
            held_out.persons[source],
        )
        for matcher in matchers
    }


def describe_all(
    network: FeatureNetwork | None, faces: dict[str, Tensor]
) -> dict[str, Tensor] | None:
    """Features of the real faces, by class."""
    if network is None:
        return None
    return {name: describe_batches(network, x) for name, x in faces.items()}


def describe_batches(network: FeatureNetwork, faces: Tensor) -> Tensor:
    """Features of faces (n, d), a batch at a time; each process computes its share of them."""
    return in_shares(
        lambda mine: torch.cat([network.features(batch) for batch in mine.split(BATCH)]), faces
    )


def realism_of(
    network: FeatureNetwork | None,
    fake: Tensor,
    described: dict[str, Tensor] | None,
    held_out: HeldOut,
    direction: tuple[str, str],
) -> dict | None:
    """KID and FID, and the name of the network in whose features; None of too few faces."""
    source, to = direction
    if network is None or described is None or min(map(len, described.values())) < FEWEST:
        return None
    return {
        "features": network.name,
        **measure_realism(
            described[source], describe_batches(network, fake), described[to],
            held_out.persons[source], held_out.persons[to],
        ),
    }  # fmt: skip


def measure_changes(made: Translated, weights: np.ndarray, perceptual: Perceptual | None) -> dict:
    """L1 (per value, in [−1, 1]) and LPIPS of input to output, and of input to the way back."""
    found = {}
    for name, other in (("output", made.fake), ("cycle", made.back)):
        found[f"{name}_l1"] = (other - made.faces).abs().mean(dim=(1, 2, 3)).double().cpu().numpy()
        if perceptual:
            distance = in_shares(perceptual.distance, made.faces, other)
            found[f"{name}_lpips"] = distance.double().numpy()
    return {name: mean_as_json(values, weights) for name, values in found.items()}
