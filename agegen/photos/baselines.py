"""A trained classifier beside what one would have without it, in its data set and outside.

The baselines: a linear classifier on the features of ImageNet's AlexNet, and on those of dlib's
face recognition network, fitted to the same training faces; and an age estimator that others
trained on other faces, with the threshold that is best on the validation faces.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from agegen import metrics
from agegen.classifier.evaluate import balanced_accuracy, in_words, interval
from agegen.classifier.evaluate_run import trained_on
from agegen.classifier.training_faces import open_every_age
from agegen.cyclegan.features import ALEXNET, load_trunk
from agegen.evaluation.age_estimator import AgeEstimator
from agegen.evaluation.identity import IdentityMatcher
from agegen.faces.records import CLASS_NAMES, OTHER, AgeRanges
from agegen.faces.store import UNKNOWN_AGE, FaceStore, clusters, number_persons
from agegen.faces.views import to_float
from agegen.photos.classify import PhotoClassifier, load_photo_classifier
from agegen.photos.known_photos import crop_known
from agegen.run.errors import UserError
from agegen.run.files import write_json
from agegen.run.hub import as_typed
from agegen.run.pretrained import find_run
from agegen.run.progress import Progress

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)
ALEXNET_SIDE = 224  # pixels that faces are enlarged to, as those that it was trained on
BATCH = 64
FIGURES = {"roc_auc": "AUC", "balanced_accuracy": "balanced accuracy", "age_error": "years off"}


@dataclass(frozen=True)
class BaselineConfig:
    """Which classifier, and where it is measured."""

    run: Path
    """Folder of the trained classifier; pretrained means the one that comes with agegen."""
    faces: Path | None = None
    """Folder of the FaceStore that it was trained on, if it was moved; needed for pretrained."""
    photos: Path | None = None
    """Photos in the wild with known ages, as prepare_faces.py reads them, for a second column; the
    largest face of each is taken. They must not be among the training photos."""
    alexnet: Path | None = None
    """Safetensors file with AlexNet's convolutions; torchvision downloads its own if not given."""
    out: Path = Path("baselines.json")
    """File for the figures."""
    resamples: int = 1000
    """Bootstrap resamples of the intervals."""
    seed: int = 0
    """Seed of the bootstrap."""


class Faces(NamedTuple):
    """Faces to be judged, an entry each; see `agegen.photos.known_photos.KnownFaces`."""

    images: np.ndarray
    labels: np.ndarray
    ages: np.ndarray
    persons: np.ndarray

    def of_classes(self) -> "Faces":
        """Those that are young or old."""
        return Faces(*(values[self.labels != OTHER] for values in self))


class Said(NamedTuple):
    """What a method says of faces: above 0 is old; years where it says them."""

    odds: np.ndarray
    years: np.ndarray | None = None


Method = Callable[[np.ndarray], Said]
"""From faces, uint8 (n, h, w, 3)."""


def compare_baselines(config: BaselineConfig) -> dict:
    """Fit and measure the baselines beside a classifier, and save the figures.

    Returns:
        Plain JSON types: ``sets``, of each set its number of faces; ``figures``, by method and set:
        ``roc_auc`` and ``balanced_accuracy`` of the faces in a class, ``age_error`` in years of all
        of known age, each ``{"value": …, "low": …, "high": …}``.

    Raises:
        UserError: the run, its store or the photos are missing or damaged, or an extra or AlexNet's
            weights are missing.
    """
    loaded, store, test = open_both(config.run, config.faces)
    sets = {"test faces": test}
    if config.photos:
        sets["photos"] = known_faces(loaded, config.photos)
    figures: dict[str, dict] = {}
    for name, method, says_years in methods(config, loaded, store):
        figures[name] = {}
        for where, faces in sets.items():
            print(f"{name}: {where}")
            figures[name][where] = measure(
                method, faces if says_years else faces.of_classes(), config
            )
    found = {
        "run": as_typed(config.run),
        "sets": {name: describe_set(faces) for name, faces in sets.items()},
        "figures": figures,
    }
    write_json(config.out, found)
    return found


def open_both(run: Path, faces: Path | None) -> tuple[PhotoClassifier, FaceStore, Faces]:
    """Load a classifier for photos, its store with all ages, and the store's test faces.

    Raises:
        UserError: one is missing or damaged.
    """
    comes_along = find_run(run, "classifier") != run
    if comes_along and not faces:
        raise UserError(f"--run {as_typed(run)} comes without its faces: --faces names a FaceStore")
    loaded = load_photo_classifier(run, None if comes_along else faces)
    store = open_every_age(loaded.classifier.config, faces)
    if not trained_on(run, store):
        print(
            f"note: {store.folder} is another store than the one that {as_typed(run)} was trained "
            "on: were its test faces held out there, too?"
        )
    return loaded, store, faces_of(store, "test")


def faces_of(store: FaceStore, split: str) -> Faces:
    """The faces of a split, those of other ages too where the store keeps them."""
    chosen = store.indices(split)
    persons = clusters(store, chosen)
    return Faces(store.images[chosen], store.labels[chosen], store.ages[chosen], persons)


def known_faces(loaded: PhotoClassifier, photos: Path) -> Faces:
    """The faces of photos of known age; says how many have none."""
    if loaded.geometry is None:
        raise UserError("--photos needs the extra photos: pip install 'agegen[photos]'")
    young, old = (loaded.ages[name] for name in CLASS_NAMES)
    ranges = AgeRanges((young[0], young[1]), (old[0], old[1]), others=True)
    found = crop_known(photos, loaded.geometry, ranges)
    if found.missed:
        first = found.missed[0]
        print(f"note: {len(found.missed):,} photos are left out; {first.path}: {first.reason}")
    return Faces(found.images, found.labels, found.ages, number_persons(found.identities))


def describe_set(faces: Faces) -> dict[str, int]:
    """Numbers of faces."""
    counts = np.bincount(faces.labels, minlength=OTHER + 1).tolist()
    return dict(zip([*CLASS_NAMES, "other"], counts, strict=True))


def methods(
    config: BaselineConfig, loaded: PhotoClassifier, store: FaceStore
) -> list[tuple[str, Method, bool]]:
    """The classifier and the baselines, which are fitted here; whether each says years."""
    train, val = (faces_of(store, split).of_classes() for split in ("train", "val"))
    alexnet = partial(alexnet_features, load_trunk(config.alexnet or ALEXNET))
    dlib = partial(dlib_features, IdentityMatcher(1.0))
    return [
        ("this classifier", partial(ask, loaded), loaded.classifier.age_margin is not None),
        ("linear, on AlexNet's features", fit_probe(alexnet, train, val), False),
        ("linear, on dlib's face descriptors", fit_probe(dlib, train, val), False),
        ("age estimator from outside", fit_threshold(AgeEstimator(1.0), val), True),
    ]


def ask(loaded: PhotoClassifier, images: np.ndarray) -> Said:
    """The classifier itself, over the ten views that photos have."""
    answers = loaded.classifier.answer(images)
    ages = loaded.classifier.estimate_ages(answers)
    return Said(answers.log_odds, ages.years if ages else None)


def in_batches(images: np.ndarray, describe: Callable[[Tensor], Tensor], label: str) -> np.ndarray:
    """What `describe` says of float faces, a batch at a time, of uint8 ones; float64 (n, …)."""
    rows = []
    with torch.no_grad(), Progress(len(images), label, "faces") as progress:
        for start in range(0, len(images), BATCH):
            faces = to_float(torch.from_numpy(images[start : start + BATCH]))
            rows.append(describe(faces).double().numpy())
            progress.update(len(faces))
    return np.concatenate(rows)


def alexnet_features(trunk: torch.nn.Module, images: np.ndarray) -> np.ndarray:
    """All five stages, averaged over the quarters of the face; float64 (n, d)."""

    def describe(faces: Tensor) -> Tensor:
        enlarged = F.interpolate(faces, (ALEXNET_SIDE, ALEXNET_SIDE), mode="bicubic")
        return torch.cat([F.adaptive_avg_pool2d(x, 2).flatten(1) for x in trunk(enlarged)], dim=1)

    return in_batches(images, describe, "AlexNet's features")


def dlib_features(matcher: IdentityMatcher, images: np.ndarray) -> np.ndarray:
    """dlib's 128 numbers, float64 (n, 128)."""
    return in_batches(images, lambda faces: matcher.embed(faces, faces), "dlib's descriptors")


def fit_probe(features: Callable[[np.ndarray], np.ndarray], train: Faces, val: Faces) -> Method:
    """Fit a linear classifier to features, its penalty by the validation faces' AUC."""
    x = features(train.images)
    centre, scale = x.mean(axis=0), x.std(axis=0) + 1e-6

    def standardised(images: np.ndarray) -> Tensor:
        return torch.from_numpy((features(images) - centre) / scale)

    inputs, held_out = torch.from_numpy((x - centre) / scale), standardised(val.images)
    fitted = [fit_logistic(inputs, train.labels, penalty) for penalty in PENALTIES]
    scores = [float(metrics.roc_auc(val.labels, (held_out @ w + b).numpy())) for w, b in fitted]
    weights, bias = fitted[int(np.argmax(scores))]
    return lambda images: Said((standardised(images) @ weights + bias).numpy())


def fit_logistic(x: Tensor, labels: np.ndarray, penalty: float) -> tuple[Tensor, Tensor]:
    """Logistic regression whose classes count the same; weights float64 (d,) and bias (1,).

    x is float64 (n, d), standardised; the penalty is of the weights' mean square.
    """
    y = torch.from_numpy(labels).double()
    counts = torch.from_numpy(np.bincount(labels, minlength=2))
    each = (len(y) / 2 / counts)[torch.from_numpy(labels)]
    weights = torch.zeros(x.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=300, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        fits = F.binary_cross_entropy_with_logits(x @ weights + bias, y, weight=each)
        total = fits + penalty * weights.square().sum()
        total.backward()
        return total

    optimizer.step(loss)
    return weights.detach(), bias.detach()


def fit_threshold(judge: AgeEstimator, val: Faces) -> Method:
    """Cut an estimator's years where the validation faces' balanced accuracy is best."""
    years = estimate(judge, val.images)
    cut = best_cut(val.labels, years, np.unique(years) + 0.5)

    def method(images: np.ndarray) -> Said:
        said = estimate(judge, images)
        return Said(said - cut, said)

    return method


def best_cut(labels: np.ndarray, scores: np.ndarray, cuts: np.ndarray) -> float:
    """The one of the cuts above which old is best said, by balanced accuracy on these faces."""
    found = [metrics.balanced_accuracy(labels, (scores > cut).astype(float)) for cut in cuts]
    return float(cuts[int(np.argmax(found))])


def estimate(judge: AgeEstimator, images: np.ndarray) -> np.ndarray:
    """Years, float64 (n,)."""
    return in_batches(images, lambda x: judge.scores(x)["years"], "the estimator's years")


def measure(method: Method, faces: Faces, config: BaselineConfig) -> dict[str, Any]:
    """The figures of a method on a set."""
    said, classes = method(faces.images), faces.of_classes()
    p = metrics.sigmoid(said.odds[faces.labels != OTHER])
    weights = metrics.bootstrap_weights(len(p), classes.persons, config.resamples, config.seed)
    found = {
        "roc_auc": interval(metrics.roc_auc, classes.labels, p, weights),
        "balanced_accuracy": balanced_accuracy(classes.labels, p, weights, classes.persons),
    }
    known = faces.ages != UNKNOWN_AGE
    if said.years is not None and known.any():
        off = np.abs(said.years - faces.ages)[known]
        drawn = metrics.bootstrap_weights(
            len(off), faces.persons[known], config.resamples, config.seed
        )
        found["age_error"] = metrics.mean_as_json(off, drawn)
    return found


def describe_baselines(found: dict) -> str:
    """The figures as a table in Markdown."""
    columns = [(where, name) for where in found["sets"] for name in FIGURES]
    header = ["method", *(f"{where}: {FIGURES[name]}" for where, name in columns)]
    rows = [
        [method, *(show(figures[where].get(name), name) for where, name in columns)]
        for method, figures in found["figures"].items()
    ]
    lines = [f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows)]
    for where, counts in found["sets"].items():
        said = ", ".join(f"{n:,} {name}" for name, n in counts.items() if n)
        lines.append(f"{where}: {said}")
    return "\n".join(lines)


def show(figure: dict | None, name: str) -> str:
    """One figure with its interval; a dash where there is none."""
    form = ".1f" if name == "age_error" else ".3f"
    return "–" if figure is None else in_words(figure, form, undefined="–")
