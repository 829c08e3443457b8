"""Sets of synthetic faces with known ages: for the demo, for tests, and as true counterparts.

An identity drawn young and old in the same shot differs in the signs of age only.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from agegen.drawn.face_drawing import render_faces
from agegen.drawn.face_parameters import draw_identities, draw_shots

YearRange = tuple[int, int]  # first and last, both included

SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstv" for vowel in "aeio"]


class SyntheticFaces(NamedTuple):
    """Photos in random order."""

    images: np.ndarray  # uint8 n h w c, RGB
    ages: np.ndarray  # int64 n, years
    identities: np.ndarray  # int64 n, the identity's number
    genders: np.ndarray  # str n, "female" or "male"


class SyntheticPairs(NamedTuple):
    """The same identities in the same shots at two ages; each uint8 n h w c, RGB."""

    young: np.ndarray
    old: np.ndarray


def draw_faces(
    n: int,
    seed: int = 0,
    faces_per_identity: int = 2,
    young: YearRange = (20, 26),
    old: YearRange = (52, 62),
    size: int = 100,
    both_ages: bool = False,
    show_progress: bool = False,
) -> SyntheticFaces:
    """Draw n faces, half of them young and half old, each photo in a shot of its own.

    Args:
        n: number of photos; an odd one is young.
        seed: the same arguments give the same bytes.
        faces_per_identity: photos of each identity, fewer for the last ones.
        young: first and last age of the young, 20..62.
        old: first and last age of the old, 20..62.
        size: height and width of an image, at least 32.
        both_ages: an identity's photos take turns between young and old; otherwise an identity
            is in one class only, as nearly all of CACD's celebrities are.
        show_progress: show a bar, or lines in a log.
    """
    if n < 0 or faces_per_identity < 1:
        raise ValueError("n must be at least 0 and faces_per_identity at least 1")
    rng = np.random.default_rng([seed, 3])
    photo = np.arange(n)
    is_old = photo % 2 == 1
    person = (photo if both_ages else photo // 2) // faces_per_identity
    if not both_ages:
        person = 2 * person + is_old
    old_ages, young_ages = (rng.integers(*years, n, endpoint=True) for years in (old, young))
    order = rng.permutation(n)
    ages = np.where(is_old, old_ages, young_ages)[order]
    who = draw_identities(int(person.max(initial=-1)) + 1, seed).take(person[order])
    images = render_faces(who, draw_shots(n, seed), ages, size, show_progress=show_progress)
    return SyntheticFaces(images, ages, who.number, np.where(who.female == 1, "female", "male"))


def draw_pairs(
    n: int, seed: int = 0, young_age: float = 23, old_age: float = 57, size: int = 100
) -> SyntheticPairs:
    """Draw n identities at two ages, all else equal: each face with its true counterpart."""
    who, shots = draw_identities(n, seed), draw_shots(n, seed)
    young, old = (render_faces(who, shots, np.full(n, age), size) for age in (young_age, old_age))
    return SyntheticPairs(young, old)


def write_faces(
    folder: Path,
    n: int,
    seed: int = 0,
    faces_per_identity: int = 2,
    young: YearRange = (20, 26),
    old: YearRange = (52, 62),
    size: int = 100,
    both_ages: bool = False,
) -> Path:
    """Write the faces of `draw_faces` as JPEG files named like CACD's; return `folder`.

    `{age}_{First_Last}_{NNNN}.jpg`, NNNN counting an identity's photos from 0001. The folder
    appears under its name once it is complete.

    Raises:
        FileExistsError: `folder` exists and is not an empty folder.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists already")
    folder.parent.mkdir(parents=True, exist_ok=True)
    faces = draw_faces(n, seed, faces_per_identity, young, old, size, both_ages, show_progress=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        photos_of: dict[int, int] = {}
        for image, age, person in zip(faces.images, faces.ages, faces.identities, strict=True):
            photos_of[person] = photos_of.get(person, 0) + 1
            name = f"{age}_{_person_name(int(person))}_{photos_of[person]:04d}.jpg"
            Image.fromarray(image).save(unfinished / name, quality=92)
        unfinished.chmod(0o755)  # mkdtemp's folders are private
        unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _person_name(number: int) -> str:
    """Made-up first and last name, another for each number below len(SYLLABLES) ** 4."""
    base = len(SYLLABLES)
    # a prime that does not divide the base: no two numbers meet
    scattered = (number * 104729 + 54321) % base**4
    a, b, c, d = (SYLLABLES[i] for i in np.unravel_index(scattered, (base,) * 4))
    return f"{(a + b).title()}_{(c + d).title()}"
