"""Pictures before and after, by anybody: read in pairs, and cut out as a classifier knows faces."""

import re
from collections.abc import Callable, Sized
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image

from agegen.faces.alignment import sample_face
from agegen.faces.decode import BadImageError
from agegen.faces.geometry import Geometry
from agegen.faces.names import (
    parse_cacd_name,
    parse_fgnet_name,
    parse_imdb_wiki_name,
    parse_utkface_name,
)
from agegen.faces.records import UNLABELLED, Face, Rejected
from agegen.photos.crop import crop_centre, crop_faces, decode_photo, list_photos
from agegen.run.errors import UserError
from agegen.run.outputs import is_known
from agegen.run.progress import Progress

Kind = Literal["auto", "crops", "photos"]
OURS = re.compile(
    r"(?P<number>\d{3,}_)?(?P<name>.+?)_(young|old)"
    r"(?P<shown>(?(number)(_strip|_before|_after|_face\d+)?))",
    re.DOTALL,
)
"""What `translate_photos` calls the pictures that it makes of NAME; some are only shown."""
SAME_SHAPE = 0.02  # relative difference of aspect ratios that rounding explains


class Pairs(NamedTuple):
    """Faces before and after, uint8 (n, size, size, 3) each, and where they come from.

    Attributes:
        before: one face of each picture, the largest.
        after: what became of it, cut out of the same place.
        files: the pictures before.
        left_out: every other file, with the reason.
    """

    before: np.ndarray
    after: np.ndarray
    files: list[Path]
    left_out: list[Rejected]


def read_pairs(
    before: Path, after: Path, size: int, geometry: Geometry | None, search_pixels: int
) -> Pairs:
    """Read the pictures of two folders that have the same names, whatever their formats.

    Args:
        before: folder.
        after: folder; its pictures may also be named as `translate_photos` names them.
        size: side of the faces in pixels.
        geometry: how faces are cut out of whole photos; None: each picture is a face, cropped
            already as the classifier's training faces are.
        search_pixels: see `agegen.faces.landmarks.find_faces`.

    Raises:
        UserError: there is no pair.
    """
    matched, left_out = match_names(before, after)
    faces: list[tuple[np.ndarray, np.ndarray]] = []
    files = []
    with Progress(len(matched), "reading", "pairs") as progress:
        for one, other in matched:
            try:
                faces.append(cut_out(one, other, size, geometry, search_pixels))
                files.append(one)
            except BadImageError as error:
                left_out.append(Rejected(one, str(error)))
            progress.update()
    require_any(files, before, after, left_out)
    return Pairs(np.stack([f[0] for f in faces]), np.stack([f[1] for f in faces]), files, left_out)


def match_names(before: Path, after: Path) -> tuple[list[tuple[Path, Path]], list[Rejected]]:
    """Pictures of the same names, and every file without a partner.

    Raises:
        UserError: one of the two is no folder, or no name is in both.
    """
    for folder in (before, after):
        if not folder.is_dir():
            raise UserError(f"{folder} is no folder of pictures")
    (first, left_out), (second, others) = list_photos([before]), list_photos([after])
    # what translate_photos wrote beside its pictures is no picture that was meant
    left_out = left_out + [entry for entry in others if not is_known(entry.path)]
    named = {name_of(path, before): path for path in first}
    partners: dict[str, Path] = {}
    for path in second:
        name, ours = name_of(path, after), OURS.fullmatch(path.stem)
        if name not in named and ours:
            if ours["shown"]:
                continue
            name = ours["name"]
        if name not in named:
            left_out.append(Rejected(path, f"has no partner in {before}"))
        elif name in partners:
            left_out.append(Rejected(path, f"{partners[name].name} is taken for this name"))
        else:
            partners[name] = path
    for name in named.keys() - partners.keys():
        left_out.append(Rejected(named[name], f"has no partner in {after}"))
    matched = [(named[name], partners[name]) for name in named if name in partners]
    require_any(matched, before, after, left_out)
    return matched, left_out


def require_any(pairs: Sized, before: Path, after: Path, left_out: list[Rejected]) -> None:
    """Refuse (by a UserError) folders without a pair; of some files it is said why."""
    if not pairs:
        reasons = "; ".join(f"{entry.path} {entry.reason}" for entry in left_out[:3])
        raise UserError(f"there is no pair of pictures in {before} and {after}: {reasons}")


def name_of(path: Path, folder: Path) -> str:
    """A picture's path within its folder, without its ending."""
    return path.relative_to(folder).with_suffix("").as_posix()


def cut_out(
    before: Path, after: Path, size: int, geometry: Geometry | None, search_pixels: int
) -> tuple[np.ndarray, np.ndarray]:
    """The largest face of a picture, and what became of it; uint8 (size, size, 3) each.

    Raises:
        BadImageError: one of them is not to be read, they differ in shape, or there is no face.
    """
    photo, other = decode_photo(before), read_after(after)
    height, width = photo.shape[:2]
    if abs(other.shape[1] / other.shape[0] * height / width - 1) > SAME_SHAPE:
        raise BadImageError(
            f"is {width} × {height} pixels, {after.name} {other.shape[1]} × {other.shape[0]}: "
            "another shape"
        )
    if geometry is None:
        return crop_centre(photo, size).image, crop_centre(other, size).image
    faces = crop_faces(photo, geometry, search_pixels)
    if not faces:
        raise BadImageError("no face found")
    if other.shape != photo.shape:
        resized = Image.fromarray(other).resize((width, height), Image.Resampling.LANCZOS)
        other = np.asarray(resized)
    return faces[0].image, sample_face(other, faces[0].to_face, geometry.size)


def read_after(path: Path) -> np.ndarray:
    """The picture after; what is wrong with it is said with its name."""
    try:
        return decode_photo(path)
    except BadImageError as error:
        raise BadImageError(f"{path.name}: {error}") from None


def are_crops(folder: Path) -> bool:
    """Whether the pictures of a folder are square and of one size, as cropped faces are."""
    sizes = set()
    for path in list_photos([folder])[0]:
        try:
            sizes.add(decode_photo(path).shape)
        except BadImageError:
            continue
        if len(sizes) > 1:
            return False
    return len(sizes) == 1 and len(set(next(iter(sizes))[:2])) == 1


def facts_of(files: list[Path]) -> list[Face]:
    """What names say that are as those of the known data set which most of them are of.

    The others are unlabelled faces of unknown age, identity and gender.
    """

    def read(parse: Callable[[Path], Face | Rejected]) -> list[Face | Rejected]:
        return [parse(path) for path in files]

    schemes = (parse_utkface_name, parse_imdb_wiki_name, parse_cacd_name, parse_fgnet_name)
    best = max(map(read, schemes), key=lambda found: sum(isinstance(f, Face) for f in found))
    return [
        entry if isinstance(entry, Face) else Face(path, UNLABELLED)
        for entry, path in zip(best, files, strict=True)
    ]
