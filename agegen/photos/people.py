"""Photos of people who are known at several ages: CACD's, FG-NET's, or a table of them."""

from collections import Counter
from pathlib import Path

import numpy as np

from agegen.evaluation.real_pairs import ADULT, AGES, People
from agegen.faces.catalog import read_catalog
from agegen.faces.geometry import Geometry
from agegen.faces.landmarks import FoundFace, eye_line
from agegen.faces.records import AgeRanges, Face, Rejected
from agegen.photos.known_photos import crop_largest
from agegen.run.errors import UserError


def read_people(source: Path, geometry: Geometry) -> People:
    """Find and crop the faces of adults of whom there are several photos.

    Args:
        source: a folder with names as CACD's, FG-NET's or IMDB-WIKI's, or a CSV table with
            ``path``, ``age`` and ``identity``.
        geometry: how the faces are to be cropped.

    Raises:
        UserError: the source is missing or of no known kind, it does not say who is on a photo, no
            face is found, or the extra ``photos`` is missing.
    """
    catalog = read_catalog(source, AgeRanges(AGES["young"], AGES["old"], others=True))
    left_out = list(catalog.rejected)
    several = keep_several(catalog.faces, left_out)
    if not several:
        raise UserError(
            f"--pairs {source} names nobody of {ADULT} years or more who is on several photos: "
            "names must say age and person (001A23.JPG, 25_First_Last_0001.jpg), or a table with "
            "columns path, age and identity"
        )
    found, missed = crop_largest(several, geometry)
    if not found:
        raise UserError(f"no face was found in the {len(several):,} photos of {source}")
    photos, faces = zip(*found, strict=True)
    return People(
        images=np.stack([face.image for face in faces]),
        ages=np.array([photo.age for photo in photos]),
        persons=np.array([photo.identity for photo in photos], dtype=np.str_),
        turned=np.array([turned(face.find) for face in faces]),
        left_out=left_out + missed,
    )


def keep_several(faces: list[Face], left_out: list[Rejected]) -> list[Face]:
    """Adults on several photos; who is not goes to `left_out`, with the reason."""

    def unfit(face: Face) -> str:
        if not face.identity or face.age is None:
            return f"does not say {'who it is' if face.age is not None else 'the age'}"
        return f"{face.age} years old: no adult" if face.age < ADULT else ""

    left_out += [Rejected(face.path, reason) for face in faces if (reason := unfit(face))]
    fit = [face for face in faces if not unfit(face)]
    photos = Counter(face.identity for face in fit)
    left_out += [
        Rejected(face.path, "the only photo of this person")
        for face in fit
        if photos[face.identity] == 1
    ]
    return [face for face in fit if photos[face.identity] > 1]


def turned(face: FoundFace) -> float:
    """Where the nose is beside the middle of the eyes, along their line, in eye distances."""
    line = eye_line(face.landmarks)
    beside = face.landmarks[4] - face.landmarks[:4].mean(axis=0)
    return float(beside @ line / (line @ line))
