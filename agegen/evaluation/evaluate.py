"""How far did the faces age, what else changed? Whatever translates faces, judged.

Every figure has its 95 % interval, and shifts of age are shares of the real young–old gap by the
same judge. Several processes share the faces among them and give one process's figures.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from agegen.evaluation.agreement import measure_agreement
from agegen.evaluation.alarms import KNOWN, measure
from agegen.evaluation.ask_judges import BATCH, judge_all, judge_batches, require_judges
from agegen.evaluation.features import FeatureNetwork
from agegen.evaluation.held_out import HeldOut, Translator, Views, choose_by_class, choose_faces
from agegen.evaluation.judges import Judge, Matcher
from agegen.evaluation.kept import measure_kept
from agegen.evaluation.matching import match
from agegen.evaluation.panel import Panel
from agegen.evaluation.perceptual import Perceptual
from agegen.evaluation.realism import FEWEST, measure_realism
from agegen.evaluation.shifts import ByClass, Move, compare_judges, gaps, judge_shift
from agegen.evaluation.slices import Part, compare_slices, judge_slices, slices_of
from agegen.faces.records import CLASS_NAMES, DIRECTIONS
from agegen.faces.store import FaceStore
from agegen.metrics import SHARE_INTERVALS, mean_as_json
from agegen.run.distributed import in_shares
from agegen.run.files import write_json, written_whole

Scores = dict[str, ByClass]


class Made(NamedTuple):
    """Faces of one class, and what was made of them.

    Attributes:
        faces: float (n, 3, size, size) in [−1, 1].
        fake: of them, of the same shape.
        back: of `fake`, on the way back; None where nothing goes back.
        whose: name of the faces: that of their class where they are the real faces of it.
        weights: bootstrap resamples (r, n).
        persons: who it is, int (n,).
        parts: of the faces, which are judged apart, too.
    """

    faces: Tensor
    fake: Tensor
    back: Tensor | None
    whose: str
    weights: np.ndarray
    persons: np.ndarray
    parts: dict[str, Part]


class Reference(NamedTuple):
    """What all that was made is held against.

    Attributes:
        real: real faces of both classes, if there are some.
        known: training faces by class, if there are some.
        scores: every judge's, of the real faces.
        described: features of the real faces by class.
    """

    real: HeldOut | None
    known: dict[str, Tensor]
    scores: dict[str, Scores]
    described: dict[str, Tensor]


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
        translator: anything that makes faces older and younger.
        store: whose faces are translated; of the size that the translator takes.
        panel: who judges.
        split: which faces.
        most: faces of each class at most, 0 for all.
        resamples: of the bootstrap.
        seed: of the bootstrap, and of the choice of faces.

    Returns:
        See `judge_made`, and ``seed``.

    Raises:
        UserError: the store has other faces than the translator takes, none of a class, or those of
            one person only where matchers compare; or a judge's answer is not what `Judge` says.
    """
    held_out = choose_faces(translator, store, split, most, seed, resamples)
    made = translate_all(translator, store, held_out)
    known = known_faces(translator, store, seed)
    return {"seed": seed, **judge_made(made, held_out, known, panel)}


def translate_all(translator: Translator, store: FaceStore, held_out: HeldOut) -> dict[str, Made]:
    """The faces of both classes, and what is made of them, by the class aimed at."""
    return {
        to: translate_both_ways(translator, store, held_out, (source, to))
        for source, to in DIRECTIONS
    }


def translate_both_ways(
    translator: Translator, store: FaceStore, held_out: HeldOut, direction: tuple[str, str]
) -> Made:
    """Translate faces and what was made of them, each process its share."""
    source, to = direction
    faces = held_out.faces[source]
    fake = in_shares(lambda x: translator.translate(x, to), faces)
    back = in_shares(lambda x: translator.translate(x, source), fake)
    genders = {name: store.genders[i] for name, i in held_out.indices.items()}
    parts = slices_of(genders, store.ages[held_out.indices[source]], source)
    weights, persons = held_out.weights[source], held_out.persons[source]
    return Made(faces, fake, back, source, weights, persons, parts)


def known_faces(views: Views, store: FaceStore, seed: int) -> dict[str, Tensor]:
    """Training faces by class, to which what is too near is a copy."""
    chosen = choose_by_class(store, "train", KNOWN, seed)
    return {name: views.views(store.images[i]) for name, i in chosen.items()}


def judge_made(
    made: dict[str, Made], real: HeldOut | None, known: dict[str, Tensor], panel: Panel
) -> dict:
    """Judge what was made of faces.

    Args:
        made: by the class aimed at.
        real: real faces of both classes, whose gap is the measure; None: there is none, and shifts
            are given in the judges' own units.
        known: training faces by class; empty where there are none.
        panel: who judges.

    Returns:
        Plain JSON types, by the class aimed at: ``judges`` (see `judge_shift`), ``witnesses`` (of
        every two judges, how far their shifts go together: `compare_judges`), ``slices`` and
        ``contrasts`` (shares of the gap by gender and age, and their differences), ``matchers``
        (see `match`), ``changes`` (L1 and LPIPS between input and output, and after the way back),
        ``realism`` (see `measure_realism`),
        ``kept`` (see `measure_kept`), ``agreement`` (see `measure_agreement`) and
        ``symptoms``; each figure is ``{"value": …, "low": …, "high": …}`` but the symptoms.

    Raises:
        UserError: see `evaluate`.
    """
    require_judges(panel.judges)
    reference = refer_to(real, known, panel)
    return {
        "n": {source: len(made[to].faces) for source, to in DIRECTIONS if to in made},
        "resamples": len(next(iter(made.values())).weights),
        "share_intervals": SHARE_INTERVALS,
        "gaps": {
            judge: gaps(of_judge, real.weights, real.persons)
            for judge, of_judge in reference.scores.items()
        }
        if real
        else {},
        "directions": {
            to: judge_direction(mine, to, reference, panel) for to, mine in made.items()
        },
    }


def refer_to(real: HeldOut | None, known: dict[str, Tensor], panel: Panel) -> Reference:
    """Let the judges see the real faces, once for both directions."""
    described = {}
    if real and panel.features:
        described = {name: describe_batches(panel.features, x) for name, x in real.faces.items()}
    return Reference(real, known, scores_of(panel.judges, real), described)


def judge_direction(made: Made, to: str, reference: Reference, panel: Panel) -> dict:
    """What `judge_made` says of one direction."""
    real, known = reference.real, reference.known
    moves = {
        judge.name: moves_of(judge, made, made.fake, to, reference.scores.get(judge.name, {}), real)
        for judge in panel.judges
    }
    first = {judge: next(iter(of_judge.values())) for judge, of_judge in moves.items()}
    own = (made.faces, made.fake, made.weights, made.persons)
    return {
        "judges": {
            judge.name: {
                score: judge_shift(move, made.persons, getattr(judge, "steps", ()))
                for score, move in moves[judge.name].items()
            }
            for judge in panel.judges
        },
        "witnesses": compare_judges(first),
        "slices": judge_slices(first, made.parts, made.whose) if real else {},
        "contrasts": compare_slices(first, made.parts) if real else [],
        "matchers": match_all(panel.matchers, made),
        "changes": measure_changes(made, panel.perceptual),
        "realism": realism_of(panel.features, made, reference.described, real, to),
        "kept": kept_by(panel, made),
        "agreement": measure_agreement(panel.explained, *own) if panel.explained else None,
        "symptoms": (
            measure(made.faces, made.fake, real.faces[to], known[to])._asdict()
            if real and known
            else {}
        ),
    }


def scores_of(judges: Sequence[Judge], real: HeldOut | None) -> dict[str, Scores]:
    """Every judge's scores of the real faces."""
    return {judge.name: judge_all(judge, real.faces) for judge in judges} if real else {}


def moves_of(
    judge: Judge, made: Made, fake: Tensor, to: str, scores: Scores, real: HeldOut | None
) -> dict[str, Move]:
    """A judge's scores of faces before, and after whatever made `fake` of them, by their names.

    `scores` are the judge's of the real faces, among which those that are translated may be.
    """
    if made.whose in CLASS_NAMES:
        before = {name: by_class[made.whose] for name, by_class in scores.items()}
    else:
        before = judge_batches(judge, made.faces, scores)
    after = judge_batches(judge, fake, before)
    weights = (real.weights if real else {}) | {made.whose: made.weights}
    return {
        name: Move(scores.get(name, {}), before[name], after[name], to, made.whose, weights)
        for name in after
    }


def match_all(matchers: Sequence[Matcher], made: Made) -> dict[str, dict]:
    """What every matcher says of the faces and of what was made of them."""
    return {
        matcher.name: match(
            in_shares(matcher.embed, made.faces, made.faces),
            in_shares(matcher.embed, made.fake, made.faces),
            made.weights,
            made.persons,
        )
        for matcher in matchers
    }


def kept_by(panel: Panel, made: Made) -> dict | None:
    """What stayed as it was, see `measure_kept`; None without the age estimator."""
    if panel.outside is None:
        return None
    return measure_kept(made.faces, made.fake, panel.outside, made.weights, made.persons)


def describe_batches(network: FeatureNetwork, faces: Tensor) -> Tensor:
    """Features of faces (n, d), a batch at a time; each process computes its share of them."""
    return in_shares(
        lambda mine: torch.cat([network.features(batch) for batch in mine.split(BATCH)]), faces
    )


def realism_of(
    network: FeatureNetwork | None,
    made: Made,
    described: dict[str, Tensor],
    real: HeldOut | None,
    to: str,
) -> dict | None:
    """KID and FID, and the name of the network in whose features; None of too few faces."""
    if network is None or real is None:
        return None
    known = described.get(made.whose)
    mine = describe_batches(network, made.faces) if known is None else known
    if min(map(len, (mine, *described.values()))) < FEWEST:
        return None
    return {
        "features": network.name,
        **measure_realism(
            mine, describe_batches(network, made.fake), described[to],
            made.persons, real.persons[to],
        ),
    }  # fmt: skip


def measure_changes(made: Made, perceptual: Perceptual | None) -> dict:
    """L1 (per value, in [−1, 1]) and LPIPS of input to output, and of input to the way back."""
    found = {}
    for name, other in (("output", made.fake), ("cycle", made.back)):
        if other is None:
            continue
        found[f"{name}_l1"] = (other - made.faces).abs().mean(dim=(1, 2, 3)).double().cpu().numpy()
        if perceptual:
            distance = in_shares(perceptual.distance, made.faces, other)
            found[f"{name}_lpips"] = distance.double().numpy()
    return {name: mean_as_json(values, made.weights) for name, values in found.items()}


def save_figures(path: Path, figures: dict, sheet: np.ndarray) -> None:
    """Write the figures and, beside them, the sheet of faces."""
    write_json(path, figures)
    with written_whole(path.with_name(f"{path.stem}_faces.png")) as temporary:
        Image.fromarray(sheet).save(temporary, format="png")
