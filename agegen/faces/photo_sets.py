"""Photos to be worked through: which ones, what their results are called, why one has no face."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from agegen.errors import UserError
from agegen.faces import landmarks
from agegen.faces.photos import list_photos
from agegen.faces.records import Rejected
from agegen.files import explained_write_errors

NAME_BYTES = 120  # of a photo's name in the names of its pictures: file systems allow 255


def photos_for(purpose: str, paths: Iterable[Path], out: Path) -> tuple[list[Path], list[Rejected]]:
    """List photos and those below folders, and make the folder for their results.

    Args:
        purpose: what is to be done with them, a verb.
        paths: files and folders.
        out: folder for the results. Where a folder of photos holds it, what is in it is left out.

    Returns:
        The photos, and what cannot be one.

    Raises:
        UserError: there is no photo at all, `out` is a folder of photos, or may not be written.
    """
    paths = list(paths)
    photos, rejected = list_photos(paths, apart=out)
    holding = {path.resolve() for path in paths} | {photo.resolve().parent for photo in photos}
    if out.resolve() in holding:
        raise UserError(f"{out} holds the photos themselves: choose another folder for the results")
    if not photos:
        reasons = "; ".join(f"{entry.path} {entry.reason}" for entry in rejected[:3])
        raise UserError(f"no photo to {purpose}: {reasons or 'none was named'}")
    with explained_write_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    return photos, rejected


def result_name(number: int, path: Path) -> str:
    """What the results of a photo are called: its number and its name, without an ending."""
    return f"{number:03d}_{short_name(path)}"


def short_name(path: Path) -> str:
    """The photo's name without its ending, cut to `NAME_BYTES`; bytes that are no UTF-8 go."""
    return path.stem.encode(errors="ignore")[:NAME_BYTES].decode(errors="ignore")


def one_line(path: Path | str) -> str:
    """A path as a line of output: a name may have several lines."""
    return " ".join(str(path).splitlines())


def explain_no_face(photo: np.ndarray, search_pixels: int) -> str:
    """Say that no face was found, and which faces are not.

    Args:
        photo: uint8 (h, w, 3), that was searched.
        search_pixels: see `agegen.faces.landmarks.find_faces`.
    """
    scale = landmarks.search_scale(photo, search_pixels)
    smallest = round(landmarks.SMALLEST_FACE / scale)
    finer = "; a larger --search-megapixels finds smaller ones"
    finer = finer if scale < landmarks.MOST_ENLARGEMENT else ""
    return (
        f"no face found (nor in the photo turned by 90, 180, 270°): faces in profile, covered "
        f"ones and those narrower than about {smallest} pixels are not found{finer}"
    )
