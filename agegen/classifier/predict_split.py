"""A trained classifier's predictions for one split of a store."""

from typing import Literal

from agegen import metrics
from agegen.classifier.evaluate import Predictions
from agegen.classifier.predict import Classifier, require_size
from agegen.faces.store import FaceStore
from agegen.faces.views import Views
from agegen.run.errors import UserError

SplitName = Literal["train", "val", "test", "all"]


def predict_split(
    classifier: Classifier, store: FaceStore, split: SplitName, views: Views | None = None
) -> Predictions:
    """Classify the faces of one split.

    Raises:
        UserError: the split is empty, or the faces are too small for the network.
    """
    require_size(classifier, store)
    indices = store.indices(split)
    if not len(indices):
        raise UserError(f"{store.folder} has no faces in its {split} split")
    logit = classifier.log_odds(store.images, indices, views)
    return Predictions(
        indices=indices,
        labels=store.labels[indices],
        logit=logit,
        uncalibrated=metrics.sigmoid(logit),
        p=metrics.sigmoid(logit / classifier.temperature),
    )
