"""A classifier calibrated for other views than those that its training calibrated it with.

The mean of ten views is less extreme than a single view, so that the temperature fitted to the one
does not fit the other. It is fitted to the validation faces, as the run's own is.
"""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from agegen.classifier.predict import Classifier
from agegen.faces.store import FaceStore
from agegen.faces.views import Views
from agegen.metrics import fit_temperature
from agegen.run.errors import UserError
from agegen.run.files import read_json, sha256, write_json

FILE = "view_temperatures.json"


def calibrated_for(views: Views, classifier: Classifier, store: FaceStore, run: Path) -> Classifier:
    """Return the classifier with other views and the temperature fitted to them.

    Args:
        views: see `agegen.faces.views.evaluation_views`.
        classifier: the run's.
        store: the faces that it was trained on, with the splits of that training.
        run: its folder, which keeps the temperature; one that may not be written keeps nothing.

    Raises:
        UserError: the store has no validation faces.
    """
    kept = read_calibrated(views, classifier, store.checksum, run)
    if kept:
        return kept
    temperature = fit(views, classifier, store)
    about = made_from(views, store.checksum, run)
    with suppress(UserError):
        write_json(run / FILE, about | {"temperature": temperature})
    return replace(classifier, views=views, temperature=temperature)


def read_calibrated(
    views: Views, classifier: Classifier, checksum: str, run: Path
) -> Classifier | None:
    """Return the classifier as `calibrated_for` does, from what its run has kept.

    None where nothing is kept, or that of other weights, or of other faces than `checksum`.
    """
    if views == classifier.views:
        return classifier
    kept, about = read_kept(run / FILE), made_from(views, checksum, run)
    if {name: kept.get(name) for name in about} != about:
        return None
    return replace(classifier, views=views, temperature=kept["temperature"])


def made_from(views: Views, checksum: str, run: Path) -> dict[str, str]:
    """What a temperature belongs to."""
    return {"weights": sha256(run / "best.safetensors"), "faces": checksum, "views": views}


def fit(views: Views, classifier: Classifier, store: FaceStore) -> float:
    """Fit the temperature to the validation faces."""
    chosen = store.indices("val")
    if not len(chosen):
        raise UserError(f"{store.folder} has no validation faces to calibrate the classifier on")
    print(f"calibrating for the mean of {views} views on {len(chosen):,} validation faces")
    logit = classifier.log_odds(store.images, chosen, views)
    return fit_temperature(store.labels[chosen], logit)


def read_kept(path: Path) -> dict:
    """Read what an earlier call has kept; empty if nothing is, or if it is damaged."""
    try:
        kept = read_json(path)
    except UserError:
        return {}
    return kept if isinstance(kept, dict) and isinstance(kept.get("temperature"), float) else {}
