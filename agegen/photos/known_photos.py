"""Photos in the wild of people whose age is known: what a classifier is worth outside its data."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from agegen.faces.catalog import read_catalog
from agegen.faces.decode import BadImageError
from agegen.faces.geometry import Geometry
from agegen.faces.records import CLASS_NAMES, AgeRanges, Face, Rejected
from agegen.photos.crop import CroppedFace, crop_faces, decode_photo
from agegen.run.errors import UserError
from agegen.run.progress import Progress


class KnownFaces(NamedTuple):
    """The largest face of each photo, cropped as a data set crops; an entry a face."""

    images: np.ndarray  # uint8 (n, size, size, 3)
    labels: np.ndarray  # int64 (n,), 0 young, 1 old, 2 of another age
    ages: np.ndarray  # int64 (n,) in years; −1 where unknown
    identities: np.ndarray  # str (n,), empty where unknown
    missed: list[Rejected]  # photos in which none was found, or that cannot be read


def crop_known(source: Path, geometry: Geometry, ranges: AgeRanges) -> KnownFaces:
    """Find and crop the faces of a source, of any kind that prepare_faces.py reads.

    Raises:
        UserError: the source is of no known kind, a class is missing, or the extra ``photos`` is.
    """
    photos = read_catalog(source, ranges).faces
    found, missed = crop_largest(photos, geometry)
    for label, name in enumerate(CLASS_NAMES):
        if not any(photo.label == label for photo, _ in found):
            raise UserError(f"no {name} face was found in the {len(photos):,} photos of {source}")
    known = [photo for photo, _ in found]
    return KnownFaces(
        images=np.stack([face.image for _, face in found]),
        labels=np.array([photo.label for photo in known]),
        ages=np.array([-1 if photo.age is None else photo.age for photo in known]),
        identities=np.array([photo.identity for photo in known], dtype=np.str_),
        missed=missed,
    )


def crop_largest(
    photos: list[Face], geometry: Geometry
) -> tuple[list[tuple[Face, CroppedFace]], list[Rejected]]:
    """Each photo with its largest face; and those without one, or that cannot be read."""
    found, missed = [], []
    with Progress(len(photos), "finding faces", "photos") as progress:
        for photo in photos:
            try:
                faces = crop_faces(decode_photo(photo.path), geometry)
            except BadImageError as error:
                faces = []
                missed.append(Rejected(photo.path, str(error)))
            else:
                missed += [] if faces else [Rejected(photo.path, "no face found")]
            found += [(photo, face) for face in faces[:1]]
            progress.update()
    return found, missed
