"""What every chapter of a classifier's analysis starts from: the frozen network and its faces."""

from pathlib import Path
from typing import NamedTuple

from agegen.classifier.evaluate import Predictions
from agegen.classifier.predict import Classifier, load_classifier
from agegen.classifier.predict_split import predict_split
from agegen.classifier.training_faces import open_faces
from agegen.faces.store import FaceStore
from agegen.run.pretrained import require_record


class Analysis(NamedTuple):
    """A trained classifier with the store that it was trained on.

    Attributes:
        run: folder of the run.
        folder: run/analysis, where a chapter may put files of its own, named after the chapter.
        classifier: frozen and calibrated.
        store: the faces that it was trained on.
        test: its predictions for the held-out test split, with its own views.
        seed: of everything random in the analysis.
    """

    run: Path
    folder: Path
    classifier: Classifier
    store: FaceStore
    test: Predictions
    seed: int


def open_analysis(run: Path, faces: Path | None = None, seed: int = 0) -> Analysis:
    """Load a run's classifier and store, classify the test split, make the analysis folder.

    Args:
        run: folder of a trained classifier.
        faces: folder of its FaceStore, if it is no longer where it was trained.
        seed: of everything random in the analysis.

    Raises:
        UserError: the run or the store is missing, damaged or not of each other.
    """
    require_record(run, "classifier")
    classifier = load_classifier(run)
    store = open_faces(classifier.config, faces)
    folder = run / "analysis"
    folder.mkdir(exist_ok=True)
    return Analysis(run, folder, classifier, store, predict_split(classifier, store, "test"), seed)
