"""Years that a classifier reads in translated faces, before and after: a reading, not a truth."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from agegen.classifier.predict import Classifier
from agegen.faces.alignment import sample_face
from agegen.faces.geometry import Geometry
from agegen.photos.classify import Age
from agegen.photos.crop import CroppedFace, crop_centre, crop_found
from agegen.photos.needs import needs_of
from agegen.run.errors import UserError
from agegen.run.hub import as_typed
from agegen.run.pretrained import PRETRAINED


class AgeJudge(NamedTuple):
    """A classifier that says ages.

    Attributes:
        classifier: frozen, with calibrated intervals of ages.
        geometry: of the faces that it was trained on; None takes a whole photo as one face.
    """

    classifier: Classifier
    geometry: Geometry | None

    def read(
        self, before: np.ndarray, after: np.ndarray, faces: Sequence[CroppedFace] | None
    ) -> list[tuple[Age, Age]]:
        """Read the years of each face before and after, cut out of the same place.

        Before they are those that `agegen.photos.classify` says of the same face.

        Args:
            before: photo, uint8 (h, w, 3), sRGB.
            after: the same photo translated.
            faces: that were found in it, at least one; None for the whole picture.
        """
        images = np.stack(self.cut_out(before, after, faces))
        said = self.classifier.estimate_ages(self.classifier.answer(images))
        ages = list(map(Age, *map(np.ndarray.tolist, said))) if said else []
        return list(zip(ages[::2], ages[1::2], strict=True))

    def cut_out(
        self, before: np.ndarray, after: np.ndarray, faces: Sequence[CroppedFace] | None
    ) -> list[np.ndarray]:
        """Each face before and after, in turns, as the classifier knows faces."""
        size = self.classifier.size
        if faces is None or self.geometry is None:
            return [crop_centre(photo, size).image for photo in (before, after)]
        images = []
        for face in faces:
            crop = crop_found(before, face.find, self.geometry)
            images += [crop.image, sample_face(after, crop.to_face, size)]
        return images


def find_age_judge(named: Path | None, centred: bool) -> tuple[AgeJudge | None, str]:
    """Load the classifier that reads years; None, and why, if the package's cannot be used.

    Args:
        named: folder of a trained classifier; None takes the one that comes with the package.
        centred: no faces are looked for.

    Raises:
        UserError: the named one is missing or damaged, or says no ages.
    """
    run = named or PRETRAINED
    try:
        needs = needs_of(run, centred=centred)
        if needs.classifier.age_margin is None:
            raise UserError(f"{as_typed(run)} says no ages: it was trained on two classes alone")
    except UserError as error:
        if named:
            raise
        return None, str(error)
    return AgeJudge(needs.classifier, needs.geometry), ""
