"""Any photo → every face in it, young or old, and whether the network knows such faces.

>>> classifier = load_photo_classifier(Path("runs/utkface"))
>>> verdict, photo = classifier.classify_file(Path("party.jpg"))
>>> [(v.words, v.p_old, v.remarks) for v in verdict.verdicts]

`agegen.photos.classify_files` does that for folders and writes what it found.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from agegen.classifier.predict import Classifier
from agegen.faces import landmarks
from agegen.faces.decode import BadImageError
from agegen.faces.geometry import Geometry
from agegen.faces.records import CLASS_NAMES
from agegen.photos.crop import CroppedFace, crop_centre, crop_faces, decode_photo
from agegen.photos.familiarity import Familiarity
from agegen.photos.needs import needs_of
from agegen.photos.sets import explain_no_face
from agegen.run.errors import UserError
from agegen.run.hub import as_typed
from agegen.run.pretrained import find_run

SURE, PROBABLE = 0.9, 0.7  # p of the class from which it is named, and named as probable
SMALL = 0.5  # photo pixels per pixel of the face below which the photo shows too little


class Age(NamedTuple):
    """What is said of a face's age, in years: 4 of 5 faces are within low and high."""

    years: float
    low: float
    high: float

    @property
    def words(self) -> str:
        """As "about 34 (28–41)"."""
        return f"about {self.years:.0f} ({self.low:.0f}–{self.high:.0f})"


class Verdict(NamedTuple):
    """What is said of one face.

    Attributes:
        number: in its photo, from 1, the largest face first.
        face: where it is, and what the network saw.
        p_old: calibrated probability, from the mean log-odds of ten views.
        unlikeness: distance from the training faces; above 1 is unfamiliar.
        age: None where the network says none.
        in_neither: True if that age may be of neither class.
    """

    number: int
    face: CroppedFace
    p_old: float
    unlikeness: float
    age: Age | None = None
    in_neither: bool = False

    @property
    def words(self) -> str:
        """The class in words."""
        name, p = CLASS_NAMES[int(self.p_old > 0.5)], max(self.p_old, 1 - self.p_old)
        return name if p >= SURE else f"probably {name}" if p >= PROBABLE else "undecided"

    @property
    def label(self) -> int | None:
        """0 young, 1 old; None where undecided."""
        return None if self.words == "undecided" else int(self.p_old > 0.5)

    @property
    def remarks(self) -> list[str]:
        """Why not to rely on the verdict."""
        reasons = ["unlike the training faces"] if self.unlikeness > 1 else []
        if 1 / self.face.to_face.scale < SMALL:
            reasons.append("small in the photo")
        if self.in_neither:
            reasons.append("of neither class's age")
        if self.face.outside > 0.2:
            reasons.append(f"{self.face.outside:.0%} of it beyond the edge of the photo")
        return reasons


class PhotoVerdict(NamedTuple):
    """What is said of one photo: its faces, or why there are none."""

    path: Path
    width: int
    height: int
    verdicts: list[Verdict]
    problem: str = ""


class PhotoClassifier(NamedTuple):
    """All that classifies photos: the network, its data set's geometry, what it is familiar with.

    Attributes:
        classifier: frozen, and calibrated for the mean of ten views.
        geometry: of the faces that it was trained on; None takes whole photos as faces.
        familiarity: with them.
        ages: first and last age of each class in years.
        search_pixels: see `agegen.faces.landmarks.find_faces`.
    """

    classifier: Classifier
    geometry: Geometry | None
    familiarity: Familiarity
    ages: dict[str, list[int]]
    search_pixels: int = landmarks.SEARCH_PIXELS

    def classify(self, photo: np.ndarray) -> list[Verdict]:
        """Find and classify the faces of a photo, the largest first.

        Args:
            photo: uint8 (h, w, 3), RGB.
        """
        if self.geometry is None:
            faces = [crop_centre(photo, self.classifier.size)]
        else:
            faces = crop_faces(photo, self.geometry, self.search_pixels)
        return self.judge(faces)

    def judge(self, faces: list[CroppedFace]) -> list[Verdict]:
        """Classify faces that were cropped already; one thread at a time may, of a network."""
        if not faces:
            return []
        images = np.stack([face.image for face in faces])
        answers = self.classifier.answer(images)
        unlikeness = self.familiarity.unlikeness(self.classifier, images).tolist()
        said = self.classifier.estimate_ages(answers)
        ages = list(map(Age, *map(np.ndarray.tolist, said))) if said else [None] * len(faces)
        parts = zip(faces, answers.p_old.tolist(), unlikeness, ages, strict=True)
        return [
            Verdict(number, *part, self.in_neither(part[-1]))
            for number, part in enumerate(parts, 1)
        ]

    def in_neither(self, age: Age | None) -> bool:
        """True if no age of either class lies within what is said."""
        if age is None:
            return False
        low, high = round(age.low), round(age.high)  # as they are said
        return all(high < first or low > last for first, last in self.ages.values())

    def classify_file(self, path: Path) -> tuple[PhotoVerdict, np.ndarray | None]:
        """Classify the faces of a file; returns the photo too, uint8 (h, w, 3), if there is one."""
        try:
            photo = decode_photo(path)
        except BadImageError as error:
            return PhotoVerdict(path, 0, 0, [], str(error)), None
        height, width = photo.shape[:2]
        verdicts = self.classify(photo)
        problem = "" if verdicts else explain_no_face(photo, self.search_pixels)
        return PhotoVerdict(path, width, height, verdicts, problem), photo


def load_photo_classifier(
    run: Path,
    faces: Path | None = None,
    centred: bool = False,
    search_pixels: int = landmarks.SEARCH_PIXELS,
) -> PhotoClassifier:
    """Load a run for photos: what they need beside it is measured from its store, or was kept.

    Args:
        run: folder of a trained classifier; `agegen.run.pretrained.PRETRAINED` is the one that
            comes with the package.
        faces: folder of its FaceStore, if it is no longer where it was trained.
        centred: take every photo's centred square as a face, without looking for any.
        search_pixels: see `agegen.faces.landmarks.find_faces`.

    Raises:
        UserError: the run is missing or damaged, its store is damaged, or is gone before the run
            has kept what it needs of it, or the extra ``photos`` is not installed and `centred` is
            not set.
    """
    if faces and find_run(run, "classifier") != run:
        raise UserError(f"--run {as_typed(run)} knows all that photos need: leave out --faces")
    return PhotoClassifier(*needs_of(run, faces, centred), search_pixels)
