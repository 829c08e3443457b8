"""Networks before any training, on the test faces: do they tell young from old better than chance?

Two kinds of chance are kept apart. Over initialisations: the mean of a score over fresh networks,
with Student's t-interval. If the two outputs are initialised alike, exchanging them gives an
equally likely network with 1 − AUC, so that the expected AUC is 0.5 on any faces. Over faces: the
interval of each single network, whose random features may well go with the label, in either
direction.
"""

import numpy as np
import scipy.stats
import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from agegen import metrics
from agegen.analysis.analysis import Analysis
from agegen.classifier.evaluate import balanced_accuracy, interval
from agegen.classifier.model import build_model
from agegen.classifier.predict import Classifier, mean_outputs
from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import FaceStore, clusters
from agegen.faces.views import evaluation_views, stream_seed
from agegen.metrics import share_as_json
from agegen.run.progress import Progress

INITIALISATIONS, STATISTICS_FACES, BATCH = 20, 512, 64
EDGES = np.linspace(0, 1, 21)
CHANCE = {"roc_auc": 0.5, "balanced_accuracy": 0.5, "excess_accuracy": 0.0}
"""What these figures are on average if the labels do not matter."""


def fresh_network(classifier: Classifier, seed: int) -> nn.Module:
    """Build the run's network with weights drawn anew, in evaluation mode; torch's seed is kept."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build_model(classifier.config.model)
    model = model.to(classifier.device).to(memory_format=torch.channels_last)
    return model.eval().requires_grad_(False)


def estimate_statistics(model: nn.Module, images: np.ndarray, crop: int) -> None:
    """Set batch norm's running means and variances to those of some faces; no label is used.

    Before its first step a network has means of 0 and variances of 1 there, which are no
    property of its data: in evaluation mode its layers are then not normalised at all, unlike in
    the training that begins with it.
    """
    device = next(model.parameters()).device
    batches = np.array_split(images, -(-len(images) // BATCH))
    views = (evaluation_views(torch.from_numpy(b).to(device), crop)[0] for b in batches)
    update_bn(views, model)


def judge(
    y: np.ndarray, logit: np.ndarray, weights: np.ndarray, persons: np.ndarray | None = None
) -> dict:
    """Compare the answers of one network with those that take no account of the label.

    Args:
        y: int64 (n,), labels.
        logit: float64 (n,), log p(old) − log p(young).
        weights: bootstrap weights (resamples, n).
        persons: int (n,), who is on each face; None if nobody is there twice.

    Returns:
        accuracy with its interval (`metrics.proportion`); `blind_accuracy`, which an
        answer with the same share of "old" has on average if it does not depend on the label, and
        the excess over it; `fisher_p`, Fisher's exact two-sided p-value of that independence;
        balanced accuracy and AUC with bootstrap intervals; the 5, 50 and 95 % quantiles of p(old)
        and its histogram (shares of the class in the bins of `EDGES`), by class.
    """
    p = metrics.sigmoid(logit)
    table = metrics.confusion_matrix(y, p).astype(int)
    right, n = int(np.trace(table)), len(y)
    blind = float(table.sum(axis=0) @ table.sum(axis=1)) / n**2
    by_class = {name: p[y == label] for label, name in enumerate(CLASS_NAMES) if label in y}
    binned = {name: np.histogram(of, EDGES)[0] / len(of) for name, of in by_class.items()}
    return {
        "called_old": int(table[:, 1].sum()),
        "accuracy": share_as_json((p > 0.5) == y, persons),
        "blind_accuracy": blind,
        "excess_accuracy": right / n - blind,
        "fisher_p": float(scipy.stats.fisher_exact(table).pvalue),
        "balanced_accuracy": balanced_accuracy(y, p, weights, persons),
        "roc_auc": interval(metrics.roc_auc, y, p, weights),
        "quantiles": {k: np.quantile(of, (0.05, 0.5, 0.95)).tolist() for k, of in by_class.items()},
        "histogram": {name: shares.tolist() for name, shares in binned.items()},
    }


def mean_over_networks(values: list[float | None], chance: float) -> dict:
    """Mean, 95 % t-interval and two-sided p-value of a t-test against chance (Student, 1908).

    Undefined values (a class is absent) are left out. Equal ones leave no doubt: the interval is
    empty, and p is 1 or 0.
    """
    x = np.array([value for value in values if value is not None])
    names = ("value", "low", "high", "deviation", "p")
    if len(x) < 2:
        return dict.fromkeys(names) | {"chance": chance}
    mean, deviation = float(x.mean()), float(x.std(ddof=1))
    if np.ptp(x) == 0:
        found = (mean, mean, mean, 0.0, float(mean == chance))
    else:
        half = float(scipy.stats.t.ppf(0.975, len(x) - 1)) * deviation / len(x) ** 0.5
        p = float(scipy.stats.ttest_1samp(x, chance).pvalue)
        found = (mean, mean - half, mean + half, deviation, p)
    return dict(zip(names, found, strict=True)) | {"chance": chance}


def summarise(networks: list[dict]) -> dict:
    """The networks' figures (see `judge`), their means, and their histograms averaged.

    `apart` counts the networks whose AUC has an interval without 0.5, with the probability of so
    many or more if each had one by chance (one in twenty); null where there is no AUC.
    """
    means = {}
    for name, chance in CHANCE.items():
        figures = [network[name] for network in networks]
        values = [f["value"] if isinstance(f, dict) else f for f in figures]
        means[name] = mean_over_networks(values, chance)
    histogram = {
        name: np.mean([network["histogram"][name] for network in networks], axis=0).tolist()
        for name in networks[0]["histogram"]
    }
    known = [n["roc_auc"] for n in networks if n["roc_auc"]["value"] is not None]
    count = sum(map(is_apart, known))
    tail = scipy.stats.binom.sf(count - 1, len(known), 0.05)
    apart = {"count": count, "p": float(tail)} if known else None
    return {"networks": networks, "means": means, "apart": apart, "histogram": histogram}


def is_apart(auc: dict) -> bool:
    """True if the AUC's interval leaves 0.5 out; or the AUC is not 0.5, on every resample."""
    low, high = (auc["value"] if auc[end] is None else auc[end] for end in ("low", "high"))
    return low > 0.5 or high < 0.5


def judge_networks(
    analysis: Analysis, weights: np.ndarray, persons: np.ndarray, count: int, faces: np.ndarray
) -> dict[str, list[dict]]:
    """Judge fresh networks as they are built ("initial") and with statistics ("estimated").

    "initial" is empty for networks without running statistics, which are the same in both cases.
    """
    classifier, store, test = analysis.classifier, analysis.store, analysis.test
    crop, views, device = classifier.crop, classifier.views, classifier.device
    found: dict[str, list[dict]] = {"initial": [], "estimated": []}
    with Progress(count, "fresh networks", "networks") as progress:
        for number in range(count):
            model = fresh_network(classifier, stream_seed(analysis.seed, number))
            running = [getattr(layer, "running_mean", None) for layer in model.modules()]
            for kind in found if any(mean is not None for mean in running) else ("estimated",):
                if kind == "estimated":
                    estimate_statistics(model, faces, crop)
                logit = mean_outputs(model, store.images, test.indices, crop, views, device)[:, 0]
                z = logit.double().numpy()
                found[kind].append(judge(test.labels, z, weights, persons))
            progress.update(1)
    return found


def describe_pixels(store: FaceStore, indices: np.ndarray, weights: np.ndarray) -> dict:
    """AUC of what even a random network sees: the mean brightness and the contrast of a face."""
    grey = [store.images[i].mean(axis=2) for i in indices]
    seen = {"brightness": [face.mean() for face in grey], "contrast": [face.std() for face in grey]}
    y = store.labels[indices]
    return {k: interval(metrics.roc_auc, y, np.array(x), weights) for k, x in seen.items()}


def analyze(analysis: Analysis, count: int = INITIALISATIONS) -> dict:
    """Judge `count` fresh networks on the test faces, and the trained one beside them.

    Returns:
        "estimated" (batch norm's statistics are those of training faces) and "initial" (means 0
        and variances 1; null for a network without them), see `summarise`; "trained", see `judge`,
        before temperature scaling as the others; "pixels", see `describe_pixels`.
    """
    store, test = analysis.store, analysis.test
    grouped = clusters(store, test.indices)
    weights = metrics.bootstrap_weights(len(test.labels), grouped, seed=analysis.seed)
    train = np.random.default_rng(analysis.seed).permutation(store.indices("train"))
    faces = store.images[np.sort(train[:STATISTICS_FACES])]
    found = judge_networks(analysis, weights, grouped, count, faces)
    return {
        "n": len(test.labels),
        "n_by_class": {k: int((test.labels == i).sum()) for i, k in enumerate(CLASS_NAMES)},
        "persons": int(grouped.max()) + 1,
        "views": analysis.classifier.views,
        "statistics_faces": len(faces),
        "resamples": len(weights),
        "edges": EDGES.tolist(),
        **{kind: summarise(networks) if networks else None for kind, networks in found.items()},
        "trained": judge(test.labels, test.logit, weights, grouped),
        "pixels": describe_pixels(store, test.indices, weights),
    }
