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
    roc_auc_gain,
    view_split,
)
from agegen.classifier.evaluate import in_words
from agegen.classifier.predict import load_classifier, require_size
from agegen.classifier.training_faces import open_faces
from agegen.faces.store import clusters
from agegen.metrics import as_json
from agegen.run.errors import UserError
from agegen.run.hub import as_typed


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
    classifiers = [load_classifier(run) for run in runs]
    stores = [open_faces(classifier.config, faces) for classifier in classifiers]
    first, tested = stores[0], [store.indices("test") for store in stores]
    for classifier, store, indices in zip(classifiers, stores, tested, strict=True):
        require_size(classifier, store)
        if store.checksum != first.checksum or not np.array_equal(indices, tested[0]):
            raise UserError("only runs with the same test faces can be compared")
    views = [view_split(c, s, "test", seed) for c, s in zip(classifiers, stores, strict=True)]
    y, persons = views[0].labels, clusters(first, views[0].indices)
    weights = metrics.bootstrap_weights(len(y), persons, seed=seed)
    schemes = [name for name in SCHEMES if name != "centre"]
    return {
        "runs": [as_typed(run) for run in runs],
        "n": len(y),
        "schemes": {name: compare_scheme(views, name, weights, persons) for name in schemes},
    }


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
        "roc_auc_gain": as_json(roc_auc_gain(y, pairs, weights)),
        "mcnemar": {
            "runs": [test._asdict() for test in tests],
            "pooled": discordant(gained, lost)._asdict(),
            "by_face": discordant(int((net > 0).sum()), int((net < 0).sum()))._asdict(),
        },
    }


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
        accuracy, auc = (
            in_words(row[gain], "+.4f", "undefined") for gain in ("accuracy_gain", "roc_auc_gain")
        )
        lines.append(
            f"{name:10} {row['views']:5}  {accuracy:24} "
            f"{auc:26} {pooled['gained']:5} / {pooled['lost']:4}  "
            f"{pooled['p']:8.4f}  {by_face['p']:9.4f}  {each}"
        )
    return "\n".join(lines)
