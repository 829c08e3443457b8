"""Verdicts on photos that nobody classified: for what is written and said about them."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
from photos import picture

from agegen.faces.alignment import similarity
from agegen.faces.geometry import FILE, Geometry
from agegen.faces.landmarks import FoundFace
from agegen.faces.store import FaceStore
from agegen.photos.classify import PhotoVerdict, Verdict
from agegen.photos.crop import CroppedFace
from agegen.run.files import write_json

FIVE = np.array([(36.0, 14), (29, 15), (11, 14), (18, 15), (23.5, 28)])  # in a face of 48 pixels


def make_verdict(
    number: int = 1,
    p_old: float = 0.95,
    unlikeness: float = 0.5,
    side: float = 96.0,
    centre: tuple[float, float] = (200, 150),
    tilt: float = 0.0,
    outside: float = 0.0,
) -> Verdict:
    """A face whose square is `side` pixels of the photo, around `centre`."""
    to_face = similarity(48 / side, -tilt, centre, (24, 24))
    found = FoundFace(to_face.inverse().apply(FIVE), np.array(centre, float), side / 1.12, 1.0, 0)
    face = CroppedFace(picture(number, 48), to_face, found, outside)
    return Verdict(number, face, p_old, unlikeness)


def make_photo(path: Path, *verdicts: Verdict, problem: str = "") -> PhotoVerdict:
    """A photo of 400 × 300 pixels with these faces."""
    return PhotoVerdict(path, 400, 300, list(verdicts), problem)


def keep_made_geometry(store: FaceStore, folder: Path) -> None:
    """Keep a geometry for faces of 48 pixels with a copy of their store: none is estimated."""
    deviations = {"scale_deviation": 3.0, "tilt_deviation": 1.0, "shift_deviation": 1.0}
    made = Geometry(store.checksum, 48, 100, 91, FIVE.tolist(), residual=3.0, **deviations)
    write_json(folder / FILE, asdict(made))
