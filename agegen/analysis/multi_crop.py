"""Multi-crop evaluation: does averaging over several crops of a face beat its centre?

Every view of every face is computed once; each scheme then averages some of them. The temperature
is fitted anew for every scheme, on the validation faces seen through the same scheme.
"""

from typing import Literal, NamedTuple

import numpy as np
import torch
from scipy.special import log_expit, logsumexp
from scipy.stats import binomtest

from agegen import metrics
from agegen.analysis.analysis import Analysis
from agegen.classifier.evaluate import balanced_accuracy, interval
from agegen.classifier.predict import Classifier
from agegen.faces.store import FaceStore, clusters
from agegen.faces.views import evaluation_views, random_crops
from agegen.metrics import as_json, share_as_json
from agegen.run.errors import UserError
from agegen.run.files import flatten, write_rows
from agegen.run.progress import Progress

Average = Literal["logits", "probabilities"]
Pair = tuple[np.ndarray, np.ndarray]
"""Float64 (n,) each: of the centre crop, and of the scheme that is compared with it."""
RANDOM_COUNTS = (1, 2, 4, 8, 16, 32)
# columns of the ten fixed views of `evaluation_views`, then the random ones behind them
FIXED = {"centre": (0,), "flip": (0, 5), "five": (0, 1, 2, 3, 4), "ten": tuple(range(10))}
SCHEMES = FIXED | {f"random {k}": tuple(range(10, 10 + k)) for k in RANDOM_COUNTS}
SCORES = {
    "roc_auc": metrics.roc_auc,
    "expected_calibration_error": metrics.expected_calibration_error,
}
SIGNIFICANT = 0.05
NO_GAIN = metrics.Estimate(0.0, 0.0, 0.0)  # of the centre over itself, for certain


class SplitViews(NamedTuple):
    """The log-odds log p(old) − log p(young) of every view of a split's faces, before scaling."""

    indices: np.ndarray  # int64 (n,), numbers in the store
    labels: np.ndarray  # int64 (n,)
    logits: np.ndarray  # float64 (v, n), the ten fixed views, then the random crops


class McNemar(NamedTuple):
    """Two classifiers on the same faces."""

    gained: int  # faces that only the second has right
    lost: int  # faces that only the first has right
    p: float  # two-sided exact p-value that both are right equally often


def view_split(
    classifier: Classifier,
    store: FaceStore,
    split: str,
    seed: int = 0,
    crops: int = max(RANDOM_COUNTS),
    batch_size: int = 32,
) -> SplitViews:
    """Classify the ten fixed views and `crops` random crops of every face of a split.

    A face's random crops follow from the seed and its number in the store alone.

    Raises:
        UserError: the split is empty.
    """
    indices = store.indices(split)
    if not len(indices):
        raise UserError(f"{store.folder} has no faces in its {split} split")
    columns = []
    with Progress(len(indices), f"views of the {split} faces", "faces") as progress:
        for start in range(0, len(indices), batch_size):
            chosen = indices[start : start + batch_size]
            columns.append(view_log_odds(classifier, store.images[chosen], chosen, seed, crops))
            progress.update(len(chosen))
    return SplitViews(indices, store.labels[indices], np.concatenate(columns, axis=1))


@torch.no_grad()
def view_log_odds(
    classifier: Classifier, images: np.ndarray, numbers: np.ndarray, seed: int, crops: int
) -> np.ndarray:
    """Return the log-odds float64 (10 + crops, n) of the views of a few faces."""
    batch = torch.from_numpy(images).to(classifier.device)
    drawn = [np.random.default_rng([seed, number]).random((crops, 3)) for number in numbers]
    views = [*evaluation_views(batch, classifier.crop, "ten")]
    views += [*random_crops(batch, torch.from_numpy(np.stack(drawn)), classifier.crop)]
    logits = torch.stack([classifier.model(view).double() for view in views])
    return (logits[..., 1] - logits[..., 0]).cpu().numpy()


def average(logits: np.ndarray, scheme: str, of: Average = "logits") -> np.ndarray:
    """Average a scheme's views to log-odds, float64 (n,).

    Args:
        logits: (v, n) of `SplitViews`.
        scheme: a name of `SCHEMES`.
        of: "logits" (a geometric mean of odds), or "probabilities" before scaling (as Krizhevsky
            et al., 2012, section 4.1), turned back into log-odds.
    """
    chosen = logits[list(SCHEMES[scheme])]
    if of == "logits":
        return chosen.mean(axis=0)
    # log Σ p − log Σ (1 − p), added up as logarithms: p close to 0 or 1 keeps its digits
    return logsumexp(log_expit(chosen), axis=0) - logsumexp(log_expit(-chosen), axis=0)


def mcnemar(first: np.ndarray, second: np.ndarray) -> McNemar:
    """Compare two classifiers by the exact test of McNemar (1947): binomial on discordant faces."""
    return discordant(int((second & ~first).sum()), int((first & ~second).sum()))


def discordant(gained: int, lost: int) -> McNemar:
    """Test whether gains and losses are equally likely: Binomial(gained + lost, ½), both tails."""
    n = gained + lost
    return McNemar(gained, lost, float(binomtest(gained, n).pvalue) if n else 1.0)


def judge_schemes(
    test: SplitViews,
    val: SplitViews,
    weights: np.ndarray,
    schemes: tuple[str, ...] = (*SCHEMES,),
    persons: np.ndarray | None = None,
) -> list[dict]:
    """Figures of every scheme and both ways of averaging, with intervals, as plain JSON.

    One entry a scheme and average: the scores on the test faces, the `temperature` fitted on `val`,
    `views`, and against the centre crop `accuracy_gain`, `roc_auc_gain` (paired) and `mcnemar`.
    """
    y, centre = test.labels, average(test.logits, "centre")
    rows = []
    for scheme in schemes:
        for of in ("logits", "probabilities") if len(SCHEMES[scheme]) > 1 else ("logits",):
            logit = average(test.logits, scheme, of)
            t = metrics.fit_temperature(val.labels, average(val.logits, scheme, of))
            p = metrics.sigmoid(logit / t)
            before, right = (centre > 0) == y, (logit > 0) == y
            gain = metrics.paired_difference(right, before, persons)
            auc_gain = roc_auc_gain(y, [(centre, logit)], weights)
            if scheme == "centre":
                gain, auc_gain = NO_GAIN, metrics.or_nothing(auc_gain)
            rows.append(
                {
                    "scheme": scheme,
                    "average": of,
                    "views": len(SCHEMES[scheme]),
                    "temperature": t,
                    "accuracy": share_as_json(right, persons),
                    "balanced_accuracy": balanced_accuracy(y, p, weights, persons),
                    **{name: interval(score, y, p, weights) for name, score in SCORES.items()},
                    "accuracy_gain": as_json(gain),
                    "roc_auc_gain": as_json(auc_gain),
                    "mcnemar": mcnemar(before, right)._asdict(),
                }
            )
    return rows


def roc_auc_gain(y: np.ndarray, pairs: list[Pair], weights: np.ndarray) -> metrics.Estimate:
    """How much higher the AUC is, on the mean over pairs; all on one and the same resample."""

    def gain(w: metrics.Weights) -> np.ndarray:
        gains = [metrics.roc_auc(y, b, w) - metrics.roc_auc(y, a, w) for a, b in pairs]
        return np.mean(gains, axis=0)

    return metrics.estimate(gain, weights)


def recommend(rows: list[dict]) -> dict:
    """Choose the fewest views whose accuracy is proven to be above the centre crop's.

    Proven means an exact McNemar p below 0.05 divided by the number of schemes that were tried
    (Bonferroni's correction), and a gain whose interval leaves 0 out: McNemar's test takes faces of
    one person for independent, the interval does not. Without such a scheme the centre crop stays.
    Only averages of logits are tried; the others are for comparison.

    Returns:
        `scheme`, the `threshold` of p, how many were `tried`, and which are `better` and `worse`
        than the centre crop.
    """
    tried = [row for row in rows if row["scheme"] != "centre" and row["average"] == "logits"]
    threshold = SIGNIFICANT / max(len(tried), 1)
    proven = [row for row in tried if row["mcnemar"]["p"] < threshold]
    better = [row for row in proven if row["accuracy_gain"]["low"] > 0]
    worse = [row for row in proven if row["accuracy_gain"]["high"] < 0]
    chosen = min(better, key=lambda row: row["views"], default={"scheme": "centre"})
    return {
        "scheme": chosen["scheme"],
        "threshold": threshold,
        "tried": len(tried),
        "better": [row["scheme"] for row in better],
        "worse": [row["scheme"] for row in worse],
    }


def analyze(analysis: Analysis) -> dict:
    """Judge all schemes on the test faces; multi_crop_schemes.csv holds the same figures."""
    classifier, store = analysis.classifier, analysis.store
    test, val = (view_split(classifier, store, name, analysis.seed) for name in ("test", "val"))
    persons = clusters(store, test.indices)
    weights = metrics.bootstrap_weights(len(test.labels), persons, seed=analysis.seed)
    rows = judge_schemes(test, val, weights, persons=persons)
    flat = [flatten(row) for row in rows]  # value, low and high of every figure, a column each
    table = analysis.folder / "multi_crop_schemes.csv"
    write_rows(table, tuple(flat[0]), [tuple(row.values()) for row in flat])
    return {
        "n": len(test.labels),
        "n_val": len(val.labels),
        "crop": classifier.crop,
        "size": store.size,
        "distinct_crops": 2 * (store.size - classifier.crop + 1) ** 2,
        "own_views": classifier.views,
        "resamples": len(weights),
        "share_intervals": metrics.SHARE_INTERVALS,
        "schemes": rows,
        "recommended": recommend(rows),
    }
