"""What classifying photos needs beside the network, kept with the run: it works without its store.

Measured from the training faces when it is first needed, and after a training: what the network is
familiar with, its temperature for the mean of ten views, how its data set crops faces, and the
ages of the classes. It is measured again where the store is at hand and has changed, or the
weights have.
"""

from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from agegen.classifier.predict import Classifier, load_classifier, require_size
from agegen.classifier.training_faces import faces_at_hand
from agegen.faces import landmarks
from agegen.faces.geometry import Geometry, geometry_of, read_geometry, write_geometry
from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import FaceStore
from agegen.photos.familiarity import FILE as FAMILIARITY
from agegen.photos.familiarity import Familiarity, familiarity_of, key_of, read_familiarity
from agegen.photos.view_temperature import calibrated_for, read_calibrated
from agegen.run.errors import UserError
from agegen.run.files import read_json, write_json

FILE = "training_faces.json"  # checksum of the store that all of it was measured from, and the ages
VIEWS: Final = "ten"


class PhotoNeeds(NamedTuple):
    """What classifying photos needs.

    Attributes:
        classifier: frozen, and calibrated for the mean of ten views.
        familiarity: with the training faces.
        geometry: of the training faces; None where no faces are looked for.
        ages: first and last age of each class in years.
    """

    classifier: Classifier
    familiarity: Familiarity
    geometry: Geometry | None
    ages: dict[str, list[int]]


def needs_of(run: Path, faces: Path | None = None, centred: bool = False) -> PhotoNeeds:
    """Measure what photos need, where the store is at hand and it is not kept; else read it.

    Args:
        run: folder of a trained classifier.
        faces: folder of its FaceStore, if it is no longer where it was trained.
        centred: no faces are looked for, so that no geometry is needed.

    Raises:
        UserError: the run is missing or damaged, its store does not fit or is gone before all was
            kept, or the extra ``photos`` is needed for the geometry and not installed.
    """
    classifier = load_classifier(run)
    store = faces_at_hand(classifier.config, faces)
    if store is None:
        return read_needs(run, classifier, centred)
    require_size(classifier, store)
    return measure_needs(run, classifier, store, centred)


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
    calibrated = calibrated_for(VIEWS, classifier, store, run)
    with suppress(UserError):  # a run that may not be written keeps nothing
        if known and known != read_geometry(run, store.checksum):
            write_geometry(run, known)
        kept = {"checksum": store.checksum, "ages": ages}
        if kept != read_kept(run):
            write_json(run / FILE, kept)
    return PhotoNeeds(calibrated, familiarity, None if centred else known, ages)


def read_needs(run: Path, classifier: Classifier, centred: bool) -> PhotoNeeds:
    """Read what the run has kept.

    Raises:
        UserError: naming what it has not.
    """
    kept = read_kept(run)
    checksum = kept.get("checksum", "")
    calibrated = read_calibrated(VIEWS, classifier, checksum, run)
    familiarity = read_familiarity(run / FAMILIARITY, key_of(run, checksum))
    geometry = None if centred else read_geometry(run, checksum)
    gone = f"there is no FaceStore at {classifier.config.faces}, and {run} has not kept"
    if not kept or calibrated is None or familiarity is None:
        raise UserError(f"{gone} what photos need of it: --faces names where it is now")
    if geometry is None and not centred:
        raise UserError(
            f"{gone} how its faces are cropped: --faces names where it is now, --centred looks for "
            "no faces"
        )
    return PhotoNeeds(calibrated, familiarity, geometry, kept["ages"])


def read_kept(run: Path) -> dict:
    """Checksum of the store and ages of the classes, as kept; empty if they are not."""
    with suppress(UserError):
        kept = read_json(run / FILE)
        if isinstance(kept, dict) and kept.keys() == {"checksum", "ages"}:
            return kept
    return {}
