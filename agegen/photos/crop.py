"""Faces out of photos that nobody cropped: decoded, found, and cropped as a data set crops them.

>>> photo = decode_photo(Path("party.jpg"))
>>> for face in crop_faces(photo, geometry_of(store)):
...     face.image  # uint8 (size, size, 3), as the classifier knows faces
...     face.to_face.inverse()  # from that image back into the photo
"""

import math
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from agegen.faces.alignment import (
    Similarity,
    fit_similarity,
    outline,
    sample_face,
    share_outside,
    similarity,
)
from agegen.faces.colours import to_srgb
from agegen.faces.decode import (
    MAX_PHOTO_PIXELS,
    BadImageError,
    check_pixels,
    opened,
    square,
    to_rgb,
    upright,
)
from agegen.faces.find_images import image_files
from agegen.faces.geometry import SQUARE, Geometry
from agegen.faces.landmarks import SEARCH_PIXELS, FoundFace, eye_line, find_faces
from agegen.faces.records import Rejected

SMALLEST_PHOTO = 32  # pixels


class Photo(NamedTuple):
    """A photo as its file has it."""

    pixels: np.ndarray  # uint8 (h, w, 3), RGB of the photo's own colour space
    profile: bytes  # ICC profile of that space; empty where the file has none of RGB: it is sRGB
    format: str  # Pillow's name of the file's format, as "JPEG"

    def in_srgb(self) -> np.ndarray:
        """The pixels in sRGB, as networks are to see them; uint8 (h, w, 3)."""
        if not self.profile:
            return self.pixels
        return np.asarray(to_srgb(Image.fromarray(self.pixels), self.profile))


class CroppedFace(NamedTuple):
    """A face of a photo as the data set would have cropped it.

    Attributes:
        image: uint8 (size, size, 3), RGB.
        to_face: from the photo's pixels to those of `image`; its inverse leads back.
        found: where and how clearly it was found; None if the whole photo was taken as the face.
        outside: share of `image` beyond the photo's edge, which is filled with its mirror image.
    """

    image: np.ndarray
    to_face: Similarity
    found: FoundFace | None
    outside: float

    @property
    def corners(self) -> np.ndarray:
        """Corners of its square in the photo, float64 (4, 2)."""
        return outline(self.to_face, len(self.image))

    @property
    def box(self) -> np.ndarray:
        """Left, top, right and bottom of its square in the photo, float64 (4,)."""
        return np.concatenate([self.corners.min(axis=0), self.corners.max(axis=0)])

    @property
    def find(self) -> FoundFace:
        """What was found of it.

        Raises:
            ValueError: the whole photo was taken as the face.
        """
        if self.found is None:
            raise ValueError("no face was looked for: the whole photo was taken as one")
        return self.found


def list_photos(
    paths: Iterable[Path], apart: Path | None = None
) -> tuple[list[Path], list[Rejected]]:
    """List the photos named and those below folders, each once; and what cannot be one, and why.

    Files of `apart` (the folder of results) are left out where another folder holds it.
    """
    photos: dict[Path, Path] = {}
    rejected = []
    for path in paths:
        for entry in entries_of(path, apart):
            if isinstance(entry, Rejected):
                rejected.append(entry)
            else:
                photos.setdefault(entry.absolute(), entry)
    return list(photos.values()), rejected


def entries_of(path: Path, apart: Path | None) -> list[Path | Rejected]:
    """List what one path names: itself, or the files below it; at least one entry."""
    mode = mode_of(path)
    if not stat.S_ISDIR(mode):
        return [path if mode else Rejected(path, "does not exist")]
    entries = list(image_files(path))
    if apart:
        places = [entry.path if isinstance(entry, Rejected) else entry for entry in entries]
        inside = [place.resolve().is_relative_to(apart.resolve()) for place in places]
        entries = [entry for entry, found in zip(entries, inside, strict=True) if not found]
    if not any(isinstance(entry, Path) for entry in entries):
        entries.append(Rejected(path, "is a folder without photos"))
    return entries


def mode_of(path: Path) -> int:
    """What is at the path, as `stat` says it; 0 for nothing, or a name that no file can have."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def decode_photo(path: Path) -> np.ndarray:
    """Decode a photo as networks are to see it: `read_photo`, in sRGB; uint8 (h, w, 3)."""
    return read_photo(path).in_srgb()


def read_photo(path: Path, most_pixels: int | None = None) -> Photo:
    """Read a photo of any format, mode, orientation and shape; see `agegen.faces.decode`.

    Args:
        path: an image file.
        most_pixels: photos of more are refused before they take memory; by default those of more
            than 250 megapixels.

    Returns:
        The photo, upright by its EXIF data, at its full resolution.

    Raises:
        BadImageError: with the reason, for every way in which a file can be unusable.
    """
    limit = most_pixels or MAX_PHOTO_PIXELS
    with opened(path, limit) as image:
        check_pixels(image, limit)
        if min(image.size) < SMALLEST_PHOTO:
            width, height = image.size
            raise BadImageError(f"{width} × {height} pixels: too small for a face")
        image.load()
        rgb, profile = to_rgb(upright(image))
        return Photo(np.array(rgb), profile, str(image.format))


def crop_faces(
    photo: np.ndarray, geometry: Geometry, search_pixels: int = SEARCH_PIXELS
) -> list[CroppedFace]:
    """Find the faces of a photo and crop each as the data set does.

    The five landmarks come where they are in the training faces, as exactly as scaling, turning
    and shifting allow. Where the data set's geometry is unknown (`geometry.landmarks` is None),
    a face is the square around the detector's, `SQUARE` times as large, with the eyes level.

    Args:
        photo: uint8 (h, w, 3), RGB.
        geometry: of the store that the classifier was trained on.
        search_pixels: see `agegen.faces.landmarks.find_faces`.

    Returns:
        The faces, the largest first; empty where there are none.

    Raises:
        UserError: the extra ``photos`` is not installed.
    """
    return [crop_found(photo, found, geometry) for found in find_faces(photo, search_pixels)]


def crop_found(photo: np.ndarray, found: FoundFace, geometry: Geometry) -> CroppedFace:
    """Crop a face that was found in a photo, uint8 (h, w, 3), as the data set does."""
    to_face = face_transform(found, geometry)
    height, width = photo.shape[:2]
    outside = share_outside(to_face, geometry.size, width, height)
    return CroppedFace(sample_face(photo, to_face, geometry.size), to_face, found, outside)


def face_transform(found: FoundFace, geometry: Geometry) -> Similarity:
    """The transform from the photo to the data set's crop of a face."""
    if geometry.landmarks is not None:
        return fit_similarity(found.landmarks, np.array(geometry.landmarks))
    x, y = eye_line(found.landmarks)
    size, tilt = geometry.size, math.degrees(math.atan2(y, x))
    middle = (size / 2, size / 2)
    return similarity(size / (SQUARE * found.side), -tilt, tuple(found.centre), middle)


def crop_centre(photo: np.ndarray, size: int) -> CroppedFace:
    """Take a photo's centred square as the face, of `size` pixels: it is cropped to one already."""
    height, width = photo.shape[:2]
    image = np.asarray(square(Image.fromarray(photo), size))
    to_face = similarity(size / min(width, height), 0, (width / 2, height / 2), (size / 2,) * 2)
    return CroppedFace(image, to_face, None, 0.0)
