"""Multi-crop against the centre crop over several trainings: is the difference more than luck?"""

from pathlib import Path

import numpy as np

from agegen import metrics
from agegen.analysis.multi_crop import (
    SCHEMES,
    SplitViews,
    average,
    discordant,
    mcnemar,
    view_split,
)
from agegen.classifier.evaluate import in_words
from agegen.classifier.predict import Classifier, load_classifier, require_size
from agegen.classifier.training_faces import open_faces
from agegen.faces.store import FaceStore, clusters
from agegen.metrics import as_json
from agegen.run.errors import UserError

Pair = tuple[np.ndarray, np.ndarray]
"""Float64 (n,) each: of the centre crop, and of the scheme that is compared with it."""


def compare_schemes(runs: list[Path], faces: Path | None = None, seed: int = 0) -> dict:
    """Compare every scheme (averaging logits) with the centre crop, over all runs.

    The runs share their test faces, so that the discordant faces of different runs are not
    independent: `pooled` (McNemar's test on the summed counts) is too sure where runs err alike.
    `by_face` counts every face once, for the scheme that has more runs right on it, and is exact.

    Args:
        runs: folders of classifiers trained on the same store and splits.
        faces: folder of the store, if it is no longer where they were trained.
        seed: of the random crops and the bootstrap.

    Returns:
        Plain JSON: `runs`, `n` test faces, and for each scheme `views`, the mean `accuracy_gain`
        and `roc_auc_gain` over the runs with intervals over faces, and `mcnemar`: the test of
        each run, `pooled` and `by_face`.

    Raises:
        UserError: a run is named twice, or the runs were not tested on the same faces.
    """
    if len({run.resolve() for run in runs}) < len(runs):
        raise UserError("a run is named twice: its faces would count twice")
    opened = [open_run(run, faces) for run in runs]
    store = opened[0][1]
    require_same_faces([other for _, other in opened])
    views = [view_split(classifier, other, "test", seed) for classifier, other in opened]
    y, indices = views[0].labels, views[0].indices
    persons = clusters(store, indices)
    weights = metrics.bootstrap_weights(len(y), persons, seed=seed)
    schemes = [name for name in SCHEMES if name != "centre"]
    return {
        "runs": [str(run) for run in runs],
        "n": len(y),
        "schemes": {name: compare_scheme(views, name, weights, persons) for name in schemes},
    }


def open_run(run: Path, faces: Path | None) -> tuple[Classifier, FaceStore]:
    """Load a run's classifier, and open its store with the splits of its training."""
    classifier = load_classifier(run)
    store = open_faces(classifier.config, faces)
    require_size(classifier, store)
    return classifier, store


def require_same_faces(stores: list[FaceStore]) -> None:
    """Refuse stores whose test faces differ."""
    first = stores[0]
    for store in stores:
        if store.checksum != first.checksum or not np.array_equal(
            store.indices("test"), first.indices("test")
        ):
            raise UserError("only runs with the same test faces can be compared")


def compare_scheme(
    views: list[SplitViews], scheme: str, weights: np.ndarray, persons: np.ndarray | None = None
) -> dict:
    """Compare one scheme with the centre crop over all runs."""
    y = views[0].labels
    pairs = [(average(v.logits, "centre"), average(v.logits, scheme)) for v in views]
    right = [((a > 0) == y, (b > 0) == y) for a, b in pairs]
    tests = [mcnemar(*pair) for pair in right]
    centre, other = np.mean(right, axis=0)  # share of the runs that are right on each face
    net = np.sum([b.astype(int) - a for a, b in right], axis=0)
    gained, lost = sum(t.gained for t in tests), sum(t.lost for t in tests)
    return {
        "views": len(SCHEMES[scheme]),
        "accuracy_gain": as_json(metrics.paired_difference(other, centre, persons)),
        "roc_auc_gain": roc_auc_gain(y, pairs, weights),
        "mcnemar": {
            "runs": [test._asdict() for test in tests],
            "pooled": discordant(gained, lost)._asdict(),
            "by_face": discordant(int((net > 0).sum()), int((net < 0).sum()))._asdict(),
        },
    }


def roc_auc_gain(y: np.ndarray, pairs: list[Pair], weights: np.ndarray) -> dict:
    """How much higher the AUC is, on the mean over the runs; all on one and the same resample."""

    def gain(w: metrics.Weights) -> np.ndarray:
        gains = [metrics.roc_auc(y, b, w) - metrics.roc_auc(y, a, w) for a, b in pairs]
        return np.mean(gains, axis=0)

    return as_json(metrics.estimate(gain, weights))


def describe(comparison: dict) -> str:
    """Put the comparison into a plain table, one line a scheme."""
    runs = len(comparison["runs"])
    lines = [
        f"{comparison['n']:,} test faces, {runs} run(s); gains over the centre crop, averaging "
        "logits, with 95 % intervals over faces",
        f"{'scheme':10} {'views':>5}  {'accuracy gain':24} {'AUC gain':26} "
        f"{'gained/lost':>12}  {'pooled p':>8}  {'p by face':>9}  p of each run",
    ]
    for name, row in comparison["schemes"].items():
        pooled, by_face = row["mcnemar"]["pooled"], row["mcnemar"]["by_face"]
        each = " ".join(f"{test['p']:.3f}" for test in row["mcnemar"]["runs"])
        lines.append(
            f"{name:10} {row['views']:5}  {signed(row['accuracy_gain']):24} "
            f"{signed(row['roc_auc_gain']):26} {pooled['gained']:5} / {pooled['lost']:4}  "
            f"{pooled['p']:8.4f}  {by_face['p']:9.4f}  {each}"
        )
    return "\n".join(lines)


def signed(figure: dict) -> str:
    """+value [low, high], or that it is undefined."""
    return in_words(figure, "+.4f", "undefined")
