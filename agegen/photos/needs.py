"""What classifying photos needs beside the network, kept with the run: it works without its store.

Measured from the training faces when it is first needed, and after a training: what the network is
familiar with, its temperature for the mean of ten views, how its data set crops faces, and the
ages of the classes. It is measured again where the store is at hand and has changed, or the
weights have.

The mean of ten views is less extreme than a single view, so that the temperature which the training
fitted to the one does not fit the other. It is fitted to the validation faces, as that one is.
"""

from collections.abc import Set
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from agegen.classifier.ages import fit_margin
from agegen.classifier.predict import Classifier, load_classifier, require_size
from agegen.classifier.training_faces import faces_at_hand
from agegen.faces import landmarks
from agegen.faces.geometry import Geometry, geometry_of, read_geometry, write_geometry
from agegen.faces.records import CLASS_NAMES, OTHER
from agegen.faces.store import UNKNOWN_AGE, FaceStore
from agegen.metrics import fit_temperature
from agegen.photos.familiarity import FILE as FAMILIARITY
from agegen.photos.familiarity import Familiarity, familiarity_of, key_of, read_familiarity
from agegen.run.errors import UserError
from agegen.run.files import read_json, sha256, write_json
from agegen.run.hub import as_typed
from agegen.run.pretrained import find_run

FILE = "training_faces.json"  # checksum of the store that all of it was measured from, and the ages
TEMPERATURES = "view_temperatures.json"
VIEWS: Final = "ten"


class PhotoNeeds(NamedTuple):
    """What classifying photos needs; the same as the first fields of `PhotoClassifier`."""

    classifier: Classifier  # frozen, and calibrated for the mean of ten views
    geometry: Geometry | None  # of the training faces; None where no faces are looked for
    familiarity: Familiarity  # with the training faces
    ages: dict[str, list[int]]  # first and last age of each class in years


def needs_of(run: Path, faces: Path | None = None, centred: bool = False) -> PhotoNeeds:
    """Measure what photos need, where the store is at hand and it is not kept; else read it.

    `run` may be any that `find_run` finds; `faces` is where the store is, if no longer where the
    run was trained; where photos are `centred`, no faces are looked for, and no geometry is needed.

    Raises:
        UserError: the run is missing or damaged, its store does not fit or is gone before all was
            kept, or the extra ``photos`` is needed for the geometry and not installed.
    """
    classifier = load_classifier(run)
    store = faces_at_hand(classifier.config, faces)
    if store is None:
        return read_needs(run, classifier, centred)
    require_size(classifier, store)
    return measure_needs(find_run(run, "classifier"), classifier, store, centred)


def keep_needs(run: Path) -> None:
    """Measure what photos need after a training; say so if that is not possible."""
    try:
        needs_of(run, centred=not landmarks.available())
    except UserError as error:
        print(f"note: {run} keeps nothing for photos: {error}")


def measure_needs(run: Path, classifier: Classifier, store: FaceStore, centred: bool) -> PhotoNeeds:
    """Measure what is not kept yet, or is of other faces or weights, and keep it in the run."""
    known = read_geometry(store.folder, store.checksum) if centred else geometry_of(store)
    ages = {name: store.info["request"][name] for name in CLASS_NAMES}
    familiarity = familiarity_of(classifier, store, run)
    calibrated = calibrated_for_ten(classifier, store, run)
    with suppress(UserError):  # a run that may not be written keeps nothing
        if known and known != read_geometry(run, store.checksum):
            write_geometry(run, known)
        kept = {"checksum": store.checksum, "ages": ages}
        if kept != read_kept(run / FILE, kept.keys()):
            write_json(run / FILE, kept)
    return PhotoNeeds(calibrated, None if centred else known, familiarity, ages)


def calibrated_for_ten(classifier: Classifier, store: FaceStore, run: Path) -> Classifier:
    """The classifier with ten views and the temperature for them, which is kept in the run.

    Raises:
        UserError: the store has no validation faces.
    """
    kept = read_calibrated(classifier, store.checksum, run)
    if kept:
        return kept
    fitted = fit(classifier, store)
    about = made_from(store.checksum, run)
    with suppress(UserError):  # as above
        write_json(run / TEMPERATURES, about | fitted)
    return replace(classifier, views=VIEWS, **fitted)


def fit(classifier: Classifier, store: FaceStore) -> dict[str, Any]:
    """Fit the temperature to the validation faces, and the margin of ages where they are said."""
    chosen = store.indices("val")
    if not len(chosen):
        raise UserError(f"{store.folder} has no validation faces to calibrate the classifier on")
    print(f"calibrating for the mean of {VIEWS} views on {len(chosen):,} validation faces")
    answers = classifier.answer(store.images, chosen, VIEWS)
    labels, ages = store.labels[chosen], store.ages[chosen]
    in_class, known = labels != OTHER, ages != UNKNOWN_AGE
    fitted: dict[str, Any] = {
        "temperature": fit_temperature(labels[in_class], answers.log_odds[in_class])
    }
    if answers.likely is not None and classifier.age_margin is not None:
        fitted["age_margin"] = fit_margin(answers.likely[known], ages[known])
    return fitted


def read_needs(run: Path, classifier: Classifier, centred: bool) -> PhotoNeeds:
    """Read what the run has kept.

    Raises:
        UserError: naming what it has not.
    """
    folder, name = find_run(run, "classifier"), as_typed(run)
    kept = read_kept(folder / FILE, {"checksum", "ages"})
    checksum = kept.get("checksum", "")
    calibrated = read_calibrated(classifier, checksum, folder)
    familiarity = read_familiarity(folder / FAMILIARITY, key_of(folder, checksum))
    geometry = None if centred else read_geometry(folder, checksum)
    lacks = f"there is no FaceStore at {classifier.config.faces}, and {name} has not kept"
    remedy = "--faces names where it is now"
    if folder != run:  # handed on: it never had one here
        lacks, remedy = f"{name} has not kept", "it has to be packed again"
    if not kept or calibrated is None or familiarity is None:
        raise UserError(f"{lacks} what photos need of its training faces: {remedy}")
    if geometry is None and not centred:
        raise UserError(
            f"{lacks} how its faces are cropped: {remedy}, --centred looks for no faces"
        )
    return PhotoNeeds(calibrated, geometry, familiarity, kept["ages"])


def read_calibrated(classifier: Classifier, checksum: str, run: Path) -> Classifier | None:
    """The same from what a run has kept; None where that is of other weights or faces, or none."""
    if classifier.views == VIEWS:
        return classifier
    about = made_from(checksum, run)
    names = {"temperature"} | ({"age_margin"} if classifier.age_margin is not None else set())
    kept = read_kept(run / TEMPERATURES, about.keys() | names)
    fitted = {name: kept.pop(name, None) for name in names}
    if kept != about or not all(isinstance(value, float) for value in fitted.values()):
        return None
    return replace(classifier, views=VIEWS, **fitted)


def made_from(checksum: str, run: Path) -> dict[str, str]:
    """What a temperature belongs to."""
    return {"weights": sha256(run / "best.safetensors"), "faces": checksum, "views": VIEWS}


def read_kept(path: Path, names: Set[str]) -> dict:
    """Read what an earlier call has kept; empty if it is not there, damaged or of other names."""
    with suppress(UserError):
        kept = read_json(path)
        if isinstance(kept, dict) and kept.keys() == names:
            return kept
    return {}
