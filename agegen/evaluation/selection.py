"""Which generators of a training are the best: judged on held-out faces at every look.

The best have aged faces the farthest, among those that kept the person and stayed faces.
"""

from bisect import bisect_left
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from agegen.evaluation.alarms import Alarm
from agegen.evaluation.features import ClassifierFeatures
from agegen.evaluation.frozen_classifier import FrozenClassifier
from agegen.evaluation.identity import IdentityMatcher
from agegen.evaluation.judges import Matcher, share_of_gap
from agegen.evaluation.matching import distances_apart, threshold_at
from agegen.evaluation.realism import kid
from agegen.faces.records import CLASS_NAMES, DIRECTIONS
from agegen.run.errors import UserError
from agegen.run.tensor_files import Tensors, load_tensors, save_tensors

STRANGERS = 200  # training faces of a class whose distances set the matcher's threshold for it
WATCHED_STRENGTHS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)  # of which a look takes the largest that it can


def strengthened(faces: Tensor, made: Tensor, strength: float) -> Tensor:
    """Go from faces towards what was made of them, or beyond: float (n, 3, h, w) in [−1, 1].

    At 1 it is what was made, and at 0 the faces, bit for bit.
    """
    if strength in (0.0, 1.0):
        return made if strength else faces
    return torch.lerp(faces, made, strength).clamp(-1, 1)


class Strangers(NamedTuple):
    """Training faces by class, float (n, 3, h, w), and who they are, int (n,)."""

    faces: dict[str, Tensor]
    persons: dict[str, np.ndarray]


class Identity(NamedTuple):
    """What tells whether a watched face is still the same person.

    Attributes:
        matcher: who compares.
        thresholds: distances below which it is, float64 () by class.
        embedded: the watched real faces' vectors, (n, d) by class.
    """

    matcher: Matcher
    thresholds: Tensors
    embedded: Tensors


def measure_identity(
    matcher: Matcher, held_out: dict[str, Tensor], strangers: Strangers, kept: Path
) -> Identity:
    """Measure it once a run: it takes a minute on two cores.

    Args:
        matcher: who compares.
        held_out: real faces that are watched, by class: float (n, 3, h, w).
        strangers: the first `STRANGERS` of each class set the threshold for it.
        kept: file that it is written to, and read from where it is whole and of as many faces.
    """
    with suppress(UserError, KeyError):
        found = load_tensors(kept)
        thresholds, embedded = (
            {name: found[f"{kind}_{name}"] for name in CLASS_NAMES}
            for kind in ("threshold", "embedded")
        )
        if all(len(embedded[name]) == len(faces) for name, faces in held_out.items()):
            return Identity(matcher, thresholds, embedded)
    thresholds = {}
    for name, faces in strangers.faces.items():
        # of a class for itself: people of one age are nearer to each other than to others
        x, persons = faces[:STRANGERS], strangers.persons[name][:STRANGERS]
        apart = distances_apart(matcher.embed(x, x), persons)
        thresholds[name] = torch.tensor(threshold_at(apart), dtype=torch.float64)
    embedded = {name: matcher.embed(x, x) for name, x in held_out.items()}
    both = {"threshold": thresholds, "embedded": embedded}
    save_tensors(kept, {f"{k}_{name}": t for k, v in both.items() for name, t in v.items()})
    return Identity(matcher, thresholds, embedded)


class Selection:
    """Judges looks at the watched faces, and says which looks may be chosen.

    Args:
        judge: a frozen classifier.
        identity: tells whether it is the same person; None does not ask.
        held_out: real faces that are watched, by class: float (n, 3, h, w).
        verified: share of the faces that must be verified as the same person.
    """

    def __init__(
        self,
        judge: FrozenClassifier,
        identity: Identity | None,
        held_out: dict[str, Tensor],
        verified: float,
    ) -> None:
        self.judge, self.identity, self.verified = judge, identity, verified
        self.real, self.features = held_out, ClassifierFeatures(judge)
        self.scores = {name: judge.scores(x)["log_odds"] for name, x in held_out.items()}
        self.described = {name: self.features.features(x) for name, x in held_out.items()}

    def judge_all(self, fakes: dict[str, Tensor]) -> dict[str, float]:
        """Judge what was made of the watched faces.

        Args:
            fakes: by the class aimed at, float (m, 3, h, w), of the first m watched faces.

        Returns:
            For both directions: judge_share_…, mean shift of the log-odds as a share of the real
            gap; judge_flips_…, share of the faces judged as the class aimed at; judge_kid_…, KID to
            real faces of that class in the classifier's features, and judge_kid_source_…, that of
            the untouched sources. Where there is a matcher: judge_verified_…, share of the faces
            that are still the same person, and judge_strength_…, the largest of `WATCHED_STRENGTHS`
            at which it is as large as asked, or the smallest; the other figures are at that one.
        """
        record: dict[str, float] = {}
        for source, to in DIRECTIONS:
            fake = fakes[to]
            if self.identity:
                fake, found = self.weakened(fake, source, self.identity)
                record |= {f"judge_{name}_{to}": value for name, value in found.items()}
            after = self.judge.scores(fake)["log_odds"]
            before = self.scores[source][: len(after)]
            record[f"judge_share_{to}"] = share_of_gap(before, after, self.scores, to)
            right = after > 0 if to == CLASS_NAMES[1] else after < 0
            record[f"judge_flips_{to}"] = float(right.double().mean())
            described = self.features.features(fake)
            n = min(len(described), len(self.described[to]))
            target = self.described[to][:n]
            record[f"judge_kid_{to}"] = kid(described[:n], target)
            record[f"judge_kid_source_{to}"] = kid(self.described[source][:n], target)
        return record

    def weakened(
        self, fake: Tensor, source: str, identity: Identity
    ) -> tuple[Tensor, dict[str, float]]:
        """What was made, as weak as it takes to keep enough people: "strength" and "verified".

        Fewer are kept by stronger changes, so that halving finds it in a few tries.
        """
        matcher, thresholds, embedded = identity
        real, known = self.real[source][: len(fake)], embedded[source][: len(fake)]

        @cache
        def kept(strength: float) -> float:
            weaker = strengthened(real, fake, strength)
            distance = (matcher.embed(weaker, real) - known).norm(dim=1)
            return float((distance < thresholds[source]).double().mean())

        *weaker_ones, strength = WATCHED_STRENGTHS
        if kept(strength) < self.verified:
            enough = bisect_left(weaker_ones, True, key=lambda s: kept(s) < self.verified)
            strength = weaker_ones[max(enough - 1, 0)]
        return strengthened(real, fake, strength), {
            "strength": strength,
            "verified": kept(strength),
        }

    def is_fit(self, record: dict, alarms: list[Alarm]) -> bool:
        """True if there is no alarm, the persons are kept, and realism is within its bound.

        The bound: generated faces are no farther (KID) from real ones of the class aimed at than
        the untouched sources are.
        """
        kept = all(
            record.get(f"judge_verified_{to}", 1.0) >= self.verified
            and not record[f"judge_kid_{to}"] > record[f"judge_kid_source_{to}"]
            for to in CLASS_NAMES
        )
        return kept and not alarms


def score_of(record: dict) -> float:
    """The smaller of both shifts as a share of the real gap, at most 1; NaN if one of them is."""
    return float(np.min([1.0, *(record[f"judge_share_{to}"] for to in CLASS_NAMES)]))


def find_matcher(verified: float, shown: float) -> tuple[IdentityMatcher | None, str]:
    """The identity matcher if any share must be verified and it can be had; otherwise why not."""
    if not verified:
        return None, "not asked for"
    try:
        return IdentityMatcher(shown), ""
    except UserError as error:
        return None, str(error)
