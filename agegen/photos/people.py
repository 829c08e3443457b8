"""Photos of people who are known at several ages: CACD's, FG-NET's, or a table of them."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path

import numpy as np

from agegen.evaluation.real_pairs import ADULT, AGES, People
from agegen.faces.catalog import read_catalog
from agegen.faces.geometry import Geometry
from agegen.faces.landmarks import FoundFace, eye_line
from agegen.faces.records import OLD, YOUNG, AgeRanges, Face, Rejected
from agegen.photos.known_photos import crop_largest
from agegen.run.errors import UserError

MOST = 3000  # photos: all are compared with all, and 3,000 are 4.5 million pairs


def read_people(
    source: Path, geometry: Geometry, known: Collection[str] = (), seed: int = 0
) -> People:
    """Find and crop the faces of adults of whom there are several photos.

    Of more than `MOST` photos as many people are drawn at random, those that are known first, then
    those with photos at both ages.

    Args:
        source: a folder with names as CACD's, FG-NET's or IMDB-WIKI's, or a CSV table with
            ``path``, ``age`` and ``identity``.
        geometry: how the faces are to be cropped.
        known: people of whom there are photos elsewhere: one here is enough.
        seed: of the draw.

    Raises:
        UserError: the source is missing or of no known kind, it does not say who is on a photo, no
            face is found, or the extra ``photos`` is missing.
    """
    ranges = AgeRanges(AGES["young"], AGES["old"], others=True)
    catalog = read_catalog(source, ranges, both=False)
    left_out = list(catalog.rejected)
    several = keep_several(catalog.faces, known, left_out)
    if not several and known:
        raise UserError(
            f"--pairs {source} has no photo of {ADULT} years or more of the {len(known):,} people "
            "in --before: names must say the same of who it is"
        )
    if not several:
        raise UserError(
            f"--pairs {source} names nobody of {ADULT} years or more who is on several photos: "
            "names must say age and person (001A23.JPG, 25_First_Last_0001.jpg), or a table with "
            "columns path, age and identity"
        )
    drawn = draw_people(several, known, seed, left_out)
    found, missed = crop_largest(drawn, geometry)
    if not found:
        raise UserError(f"no face was found in {len(drawn):,} photos of {source}")
    photos, faces = zip(*found, strict=True)
    return People(
        images=np.stack([face.image for face in faces]),
        ages=np.array([photo.age for photo in photos]),
        persons=np.array([photo.identity for photo in photos], dtype=np.str_),
        turned=np.array([turned(face.find) for face in faces]),
        left_out=left_out + missed,
    )


def keep_several(faces: list[Face], known: Collection[str], left_out: list[Rejected]) -> list[Face]:
    """Adults on several photos, or known; who is not goes to `left_out`, with the reason."""

    def unfit(face: Face) -> str:
        if not face.identity or face.age is None:
            return f"does not say {'who it is' if face.age is not None else 'the age'}"
        return f"{face.age} years old: no adult" if face.age < ADULT else ""

    left_out += [Rejected(face.path, reason) for face in faces if (reason := unfit(face))]
    fit = [face for face in faces if not unfit(face)]
    photos = Counter(face.identity for face in fit) + Counter(set(known))
    left_out += [
        Rejected(face.path, "the only photo of this person")
        for face in fit
        if photos[face.identity] == 1
    ]
    return [face for face in fit if photos[face.identity] > 1]


def draw_people(
    faces: list[Face], known: Collection[str], seed: int, left_out: list[Rejected]
) -> list[Face]:
    """At most `MOST` photos of whole people; the others go to `left_out`."""
    if len(faces) <= MOST:
        return faces
    labels: dict[str, set[int]] = {}
    for face in faces:
        labels.setdefault(face.identity, set()).add(face.label)
    people = np.random.default_rng(seed).permutation(sorted(labels)).tolist()
    people.sort(key=lambda who: (who not in known, not labels[who] >= {YOUNG, OLD}))
    photos, drawn, total = Counter(face.identity for face in faces), set(), 0
    for who in people:
        if total + photos[who] <= MOST:
            drawn.add(who)
            total += photos[who]
    left_out += [
        Rejected(face.path, f"not drawn: {MOST:,} photos at most are compared")
        for face in faces
        if face.identity not in drawn
    ]
    return [face for face in faces if face.identity in drawn]


def turned(face: FoundFace) -> float:
    """Where the nose is beside the middle of the eyes, along their line, in eye distances."""
    line = eye_line(face.landmarks)
    beside = face.landmarks[4] - face.landmarks[:4].mean(axis=0)
    return float(beside @ line / (line @ line))
