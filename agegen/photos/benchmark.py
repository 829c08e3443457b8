"""How well faces in photos are found, aligned and classified: measured on scenes made of faces.

Held-out faces are pasted into larger scenes and classified as photos; as it is known where each
one is, and how the classifier answers to the data set's own crop of it, every step has a figure.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from agegen.faces.decode import BadImageError, square
from agegen.faces.geometry import landmarks_in_crop
from agegen.faces.landmarks import eye_line
from agegen.faces.store import FaceStore
from agegen.photos.classify import PhotoClassifier, Verdict
from agegen.photos.crop import decode_photo
from agegen.photos.real_photos import pair_up
from agegen.photos.scenes import Pasted, SceneConfig, middle, paste_faces, save_scene
from agegen.run.errors import UserError
from agegen.run.progress import Progress

NEAR = 1 / 3  # of a chip's side between its centre and the find's, at most


class Placed(NamedTuple):
    """What became of one pasted face; not-a-number where it was not found.

    `landmark_error` is the mean distance between the landmarks found in the scene and those found
    in the chip and carried over, `crop_error` that between where the chip's landmarks come in the
    crop and where they are in the store's image; both in per cent of the distance of the eyes.
    """

    scene: int  # its number
    label: int  # 0 young, 1 old
    side: int  # of its chip in the scene, pixels
    tilt: float  # degrees clockwise
    found: int  # 1 or 0
    landmark_error: float
    crop_error: float
    p_photo: float  # p(old) of the crop
    p_store: float  # p(old) of the store's image, with the same views
    unlikeness: float  # of the crop; above 1 is unfamiliar


class Measured(NamedTuple):
    """Every face of every scene, and the unlikeness of what was found and is no face."""

    faces: list[Placed]
    false_finds: list[float]
    scenes: int


def measure_scenes(
    photo_classifier: PhotoClassifier,
    store: FaceStore,
    folder: Path,
    scenes: int,
    config: SceneConfig,
    backgrounds: Sequence[np.ndarray] = (),
    seed: int = 0,
) -> Measured:
    """Make scenes of the store's test faces, save them as photos in a folder, classify those.

    A scene has one to six faces; each is used once at most, and its source photo must exist. Every
    second scene has one of the backgrounds, photos without faces, uint8 (h, w, 3).

    Raises:
        UserError: there are no test faces, a source photo has gone, or `folder` may not be written.
    """
    rng = np.random.default_rng(seed)
    left = list(rng.permutation(store.indices("test")))
    if not left:
        raise UserError(f"{store.folder} has no faces in its test split to make scenes of")
    faces: list[Placed] = []
    false_finds: list[float] = []
    with Progress(scenes, "classifying scenes", "scenes") as progress:
        for number in range(scenes):
            if not left:
                return Measured(faces, false_finds, number)
            chosen = [left.pop() for _ in range(min(int(rng.integers(1, 7)), len(left)))]
            chips = [read_chip(Path(store.paths[index])) for index in chosen]
            drawn = number % 2 == 0 or not backgrounds
            behind = None if drawn else backgrounds[number // 2 % len(backgrounds)]
            scene, pasted = paste_faces(chips, config, rng, behind)
            path = folder / f"scene_{number:03d}.jpg"
            save_scene(scene, path, sideways=number % 4 == 3)
            verdicts = photo_classifier.classify_file(path)[0].verdicts
            matched, extra = pair_up([(*middle(p), p.side) for p in pasted], verdicts, NEAR)
            indices = np.array([chosen[p.chip] for p in pasted], dtype=int)
            said = photo_classifier.classifier.probabilities(store.images, indices)
            for index, p, verdict, p_store in zip(indices, pasted, matched, said, strict=True):
                label, p_photo, unlikeness = int(store.labels[index]), np.nan, np.nan
                if verdict:
                    p_photo, unlikeness = verdict.p_old, verdict.unlikeness
                errors = alignment_errors(chips[p.chip], p, verdict, store.size)
                faces.append(
                    Placed(
                        number, label, p.side, p.tilt, int(verdict is not None), *errors,
                        p_photo, float(p_store), unlikeness,
                    )
                )  # fmt: skip
            false_finds += [v.unlikeness for v in extra]
            progress.update()
    return Measured(faces, false_finds, scenes)


def read_chip(path: Path) -> np.ndarray:
    """The square of a source photo that the store's image is made of, at its own resolution."""
    try:
        photo = Image.fromarray(decode_photo(path))
    except BadImageError as error:
        raise UserError(f"the store's photo {path} cannot be used: {error}") from None
    return np.asarray(square(photo, min(photo.size)))


def alignment_errors(
    chip: np.ndarray, face: Pasted, verdict: Verdict | None, size: int
) -> tuple[float, float]:
    """Landmark and crop error of a found face; see `Placed`."""
    own = landmarks_in_crop(chip) if verdict else None
    if not own or not verdict:
        return np.nan, np.nan
    there = face.to_scene.apply(own.landmarks)
    eyes = np.hypot(*eye_line(own.landmarks))
    off = np.linalg.norm(verdict.face.find.landmarks - there, axis=1).mean()
    shrink = size / chip.shape[0]
    moved = verdict.face.to_face.apply(there) - own.landmarks * shrink
    crop_off = np.linalg.norm(moved, axis=1).mean()
    found, cropped = off / (eyes * face.to_scene.scale), crop_off / (eyes * shrink)
    return 100 * float(found), 100 * float(cropped)
