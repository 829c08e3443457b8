"""How far off are the ages that a classifier says? Figures with their 95 % intervals."""

import numpy as np

from agegen.classifier.ages import COVERAGE, AgeEstimates
from agegen.classifier.evaluate import in_words
from agegen.classifier.predict import Classifier
from agegen.faces.store import UNKNOWN_AGE, FaceStore, clusters
from agegen.faces.views import Views
from agegen.metrics import bootstrap_weights, mean_as_json, share_as_json

BAND = 5  # years
QUANTILES = (0.1, 0.5, 0.9)


def evaluate_ages(
    classifier: Classifier,
    store: FaceStore,
    split: str,
    views: Views | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> dict | None:
    """Compare the ages that are said of a split's faces with those that are known.

    Args:
        classifier: what says them.
        store: opened with its other ages, so that faces of every age are among them.
        split: which faces.
        views: what to average over; None takes the classifier's own.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        Plain JSON types: ``n``; ``age_error`` (mean absolute, in years), ``bias`` (mean of said
        less known), ``width`` of the intervals and ``guess_error`` (that of always saying the
        median of the training faces), ``coverage`` (share of the ages within the intervals, of
        which ``wanted`` was asked); ``by_age``, by bands of 5 years: ``n``, ``age``, ``age_error``,
        ``bias`` and ``quantiles`` (10, 50 and 90 % of what was said). None where the network says
        no ages or none of the faces' is known.
    """
    chosen = store.indices(split)
    chosen = chosen[store.ages[chosen] != UNKNOWN_AGE]
    if classifier.age_margin is None or not len(chosen):
        return None
    said = classifier.estimate_ages(classifier.answer(store.images, chosen, views))
    assert said is not None
    ages, persons = store.ages[chosen], clusters(store, chosen)
    training = store.ages[store.indices("train")]
    known = training[training != UNKNOWN_AGE]
    guess = float(np.median(known)) if len(known) else float(np.median(ages))
    weights = bootstrap_weights(len(ages), persons, resamples, seed)
    within = (said.low <= ages) & (ages <= said.high)
    return {
        "n": len(ages),
        "age_error": mean_as_json(np.abs(said.years - ages), weights),
        "bias": mean_as_json(said.years - ages, weights),
        "width": mean_as_json(said.high - said.low, weights),
        "guess": guess,
        "guess_error": mean_as_json(np.abs(guess - ages), weights),
        "coverage": share_as_json(within, persons),
        "wanted": COVERAGE,
        "by_age": by_age(ages, said, weights),
    }


def by_age(ages: np.ndarray, said: AgeEstimates, weights: np.ndarray) -> dict[str, dict]:
    """The figures of each band of ages."""
    found = {}
    for first in np.unique(ages // BAND) * BAND:
        of = (ages >= first) & (ages < first + BAND)
        off = said.years[of] - ages[of]
        found[f"{first}–{first + BAND - 1}"] = {
            "n": int(of.sum()),
            "age": float(ages[of].mean()),
            "age_error": mean_as_json(np.abs(off), weights[:, of]),
            "bias": mean_as_json(off, weights[:, of]),
            "quantiles": np.quantile(said.years[of], QUANTILES).tolist(),
        }
    return found


def describe_ages(ages: dict) -> str:
    """The main figures in plain lines."""
    return "\n".join(
        [
            f"{ages['n']:,} faces of known age",
            *(
                f"  {name:28} {in_words(ages[key], '.2f')}"
                for name, key in (
                    ("years off", "age_error"),
                    (f"… always saying {ages['guess']:.0f}", "guess_error"),
                    ("said less known", "bias"),
                    ("width of the intervals", "width"),
                )
            ),
            f"  {'share within them':28} {in_words(ages['coverage'], '.3f')}, "
            f"of {ages['wanted']:.0%} asked",
        ]
    )
