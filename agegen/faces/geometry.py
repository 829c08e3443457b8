"""How a data set crops its faces: where the landmarks lie in them, estimated from training faces.

Kept beside the store as ``geometry.json``. It describes the store but is no part of it: a store
that was prepared without the extra ``photos`` has none, and gets it when it is first needed.
"""

import math
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import dacite
import numpy as np
from PIL import Image

from agegen.faces import landmarks
from agegen.faces.alignment import fit_similarity
from agegen.faces.landmarks import FoundFace
from agegen.faces.store import FaceStore
from agegen.run.errors import UserError
from agegen.run.files import read_json, write_json
from agegen.run.progress import Progress

FILE = "geometry.json"
VERSION = 1
FACES = 100  # training faces looked at: their medians are exact to about 0.15 % of the size
FEWEST = 20  # found faces that make a geometry; they must be FEWEST_SHARE of those looked at, too
FEWEST_SHARE = 0.3
LOOKED_AT_FIRST = 40  # a store in which so many faces show none is given up
SQUARE = 1.12  # the square for an unknown geometry, in sides of the detector's: UTKFace's median
SEARCHED_SIDE = 250  # pixels to which a stored face is enlarged for the detector


@dataclass(frozen=True)
class Geometry:
    """Where a data set puts the landmarks of its faces, and how exactly it does so.

    Attributes:
        store: checksum of the store.
        size: side of its faces in pixels.
        searched: training faces that were looked at.
        found: those in which the detector found a face.
        landmarks: (x, y) of the five landmarks in the faces' pixels, medians over the faces found;
            None where too few were found.
        residual: median distance of a face's landmarks from these after its own best alignment, in
            per cent of the distance of the eyes: how different faces are.
        scale_deviation: standard deviation of that alignment's scale, in per cent.
        tilt_deviation: of its rotation, in degrees.
        shift_deviation: of the shift of the landmarks' centre, in per cent of the size.
        version: of this description.
    """

    store: str
    size: int
    searched: int
    found: int
    landmarks: list[list[float]] | None
    residual: float | None = None
    scale_deviation: float | None = None
    tilt_deviation: float | None = None
    shift_deviation: float | None = None
    version: int = VERSION

    def describe(self) -> str:
        """Say in a sentence how faces are cropped."""
        seen = f"landmarks were found in {self.found:,} of {self.searched:,} training faces"
        if self.landmarks is None:
            return (
                f"{seen}, too few to know how the data set crops faces: a face is a square "
                f"{SQUARE:g} times the detector's, eyes level"
            )
        return (
            f"{seen}; photos' faces are cropped so that theirs lie in the same places "
            f"(training faces differ by {self.scale_deviation:.1f} % in scale, "
            f"{self.tilt_deviation:.1f}° in tilt and {self.shift_deviation:.1f} % in place)"
        )


def geometry_of(store: FaceStore) -> Geometry:
    """Return the geometry kept with a store; estimate and keep it if there is none.

    Raises:
        UserError: there is none, and the extra ``photos`` is not installed.
    """
    if kept := read_geometry(store.folder, store.checksum):
        return kept
    geometry = estimate_geometry(store)
    with suppress(UserError):  # a store that may not be written keeps none
        write_geometry(store.folder, geometry)
    return geometry


def write_geometry(folder: Path, geometry: Geometry) -> None:
    """Keep a geometry in a folder: that of the store, or of a run that learnt from it."""
    write_json(folder / FILE, asdict(geometry))


def read_geometry(folder: Path, checksum: str) -> Geometry | None:
    """Read what is kept in a folder; None if nothing is, or that of other faces than `checksum`."""
    try:
        content = read_json(folder / FILE)
        geometry = dacite.from_dict(Geometry, content, dacite.Config(strict=True))
    except (UserError, dacite.DaciteError, TypeError, AttributeError):
        return None  # missing, damaged or of another version: to be estimated again
    of_this = (geometry.store, geometry.version) == (checksum, VERSION)
    return geometry if of_this else None


def keep_geometry(store: FaceStore) -> Geometry | None:
    """Estimate and keep a new store's geometry, if the extra ``photos`` is installed."""
    return geometry_of(store) if landmarks.available() else None


def estimate_geometry(store: FaceStore, faces: int = FACES, seed: int = 0) -> Geometry:
    """Find the landmarks of so many training faces, drawn from the seed, and take their medians."""
    chosen = np.random.default_rng(seed).permutation(store.indices("train"))[:faces]
    points, searched = find_landmarks(store, chosen)
    counts = store.checksum, store.size, searched, len(points)
    if len(points) < max(FEWEST, FEWEST_SHARE * searched):
        return Geometry(*counts, landmarks=None)
    mean = np.median(points, axis=0)
    return Geometry(*counts, mean.tolist(), *deviations(points, mean, store.size))


def find_landmarks(store: FaceStore, chosen: np.ndarray) -> tuple[np.ndarray, int]:
    """Landmarks of those faces in which one is found, (n, 5, 2), and how many were looked at."""
    found: list[np.ndarray] = []
    with Progress(len(chosen), "finding landmarks of training faces", "faces") as progress:
        for searched, index in enumerate(chosen):
            if searched == LOOKED_AT_FIRST and not found:
                return np.empty((0, 5, 2)), searched
            face = landmarks_in_crop(np.asarray(store.images[index]))
            found += [face.landmarks] if face else []
            progress.update()
    return np.array(found).reshape(-1, 5, 2), len(chosen)


def landmarks_in_crop(face: np.ndarray) -> FoundFace | None:
    """Find the largest face in an image, uint8 (h, w, 3), that is cropped to one; in its pixels."""
    scale = SEARCHED_SIDE / max(face.shape[:2])
    width, height = round(face.shape[1] * scale), round(face.shape[0] * scale)
    # for the detector, which looks for larger faces
    large = np.asarray(Image.fromarray(face).resize((width, height), Image.Resampling.BICUBIC))
    scales = np.array([face.shape[1] / width, face.shape[0] / height])
    for first in landmarks.find_upright(large)[:1]:
        points, centre = first.landmarks * scales, first.centre * scales
        return first._replace(landmarks=points, centre=centre, side=first.side / scale)
    return None


def deviations(
    points: np.ndarray, mean: np.ndarray, size: int
) -> tuple[float, float, float, float]:
    """How faces, points (n, 5, 2), differ from their mean: the last figures of `Geometry`."""
    fits = [fit_similarity(face, mean) for face in points]
    eyes = math.hypot(*landmarks.eye_line(mean))
    after = np.array([fit.apply(face) for fit, face in zip(fits, points, strict=True)])
    shift = points.mean(axis=1) - mean.mean(axis=0)
    return (
        100 * float(np.median(np.linalg.norm(after - mean, axis=2).mean(axis=1))) / eyes,
        100 * float(np.std([1 / fit.scale for fit in fits])),
        float(np.std([fit.degrees for fit in fits])),
        100 * float(np.sqrt(np.mean(np.var(shift, axis=0)))) / size,
    )
