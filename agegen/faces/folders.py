"""Folders whose names say the split, the class or the age: the lab course's layout and its kin.

``train/0``, ``Test/old``, ``young/val``, ``trainA`` and ``testB`` (CycleGAN's), ``23``,
``train/054``, ``(52-62)``; or a split alone, and the ages in the photos' names.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from agegen.faces.find_images import all_files, entries
from agegen.faces.names import class_named, parse_any_name, parse_known_name, split_named
from agegen.faces.records import OLD, UNLABELLED, YOUNG, AgeRanges, Face, Item, Note, Rejected
from agegen.faces.repeats import settle

DOMAIN = re.compile(r"(?P<split>.+?)[ _-]?(?P<domain>[ab])")
AGES = re.compile(r"\(?(?:age[ _-]?)?(?P<low>\d{1,3})(?:\s*[-–_,]\s*(?P<high>\d{1,3}))?\)?")
DOMAINS_NOTE = Note(
    "A and B, as CycleGAN's users call their folders, are taken for young and old: "
    "rename the folders if they are the other way round"
)


class Place(NamedTuple):
    """What the folders above a photo say of it; each is None where they say nothing."""

    split: str | None = None
    label: int | None = None
    ages: tuple[int, int] | None = None

    @property
    def is_classed(self) -> bool:
        """True if the class, or the ages, are said."""
        return self.label is not None or self.ages is not None


def ages_named(name: str) -> tuple[int, int] | None:
    """Return the first and last age of a folder called ``23``, ``023``, ``age_23``, ``(52-62)``."""
    match = AGES.fullmatch(name.casefold())
    if not match:
        return None
    low, high = int(match["low"]), int(match["high"] or match["low"])
    return (low, high) if low <= high else None


def domain_named(name: str) -> Place | None:
    """Read ``trainA``, ``test_B`` and the like."""
    match = DOMAIN.fullmatch(name.casefold())
    split = split_named(match["split"]) if match else None
    if not match or split is None:
        return None
    return Place(split, YOUNG if match["domain"] == "a" else OLD)


def is_class(name: str) -> bool:
    """True for a folder that says a class by a word or by 0 and 1."""
    return class_named(name) is not None or domain_named(name) is not None


def suggests_classes(source: Path) -> bool:
    """True for a folder with ``train``, ``trainA`` or a class directly in it."""
    names = [path.name for path in entries(source) if path.is_dir()]
    return any(split_named(name) == "train" or is_class(name) for name in names)


def suggests_ages(source: Path) -> bool:
    """True for a folder with one that is called as an age directly in it."""
    return any(path.is_dir() and ages_named(path.name) for path in entries(source))


def read_folders(source: Path, ranges: AgeRanges) -> Iterator[Item]:
    """The lab course's layout: ``train/{0,1}/…`` and ``test/{0,1}/…``, or ages in the names.

    A test (or val) folder keeps its faces; train is split further by `prepare`.
    """
    files = list(all_files(source))
    photos = [file.relative_to(source) for file in files if isinstance(file, Path)]
    layout = Layout(photos, ranges)
    if any(domain_named(path.parts[0]) for path in photos if len(path.parts) > 1):
        yield DOMAINS_NOTE
    yield from settle(
        (layout.read(file, source) if isinstance(file, Path) else file for file in files), ranges
    )


class Layout:
    """How a source's folders are to be read, which all its photos say only together."""

    def __init__(self, photos: list[Path], ranges: AgeRanges) -> None:
        self.ranges = ranges
        self.ages_are_folders = folders_are_ages(photos, ranges)
        folders = {path.parts[:-1][:2] for path in photos}
        places = {self.place(parts) for parts in folders}
        self.splits = {place.split for place in places} - {None}
        self.classed_splits = {place.split for place in places if place.is_classed}
        names = {name: read for parts in folders for name in parts if (read := self.meaning(name))}
        self.split_folders = sorted(name for name, read in names.items() if read.split)
        self.class_folders = sorted(name for name, read in names.items() if read.is_classed)

    def meaning(self, name: str) -> Place | None:
        """What one folder's name says; None if nothing."""
        if split := split_named(name):
            return Place(split)
        if domain := domain_named(name):
            return domain
        label = class_named(name)
        if label is not None and not (self.ages_are_folders and name.isdigit()):
            return Place(label=label)
        ages = ages_named(name) if self.ages_are_folders else None
        return Place(ages=ages) if ages else None

    def place(self, folders: tuple[str, ...]) -> Place:
        """What the outermost two folders say: a split and a class, in either order."""
        place = Place()
        for name in folders[:2]:
            inner = self.meaning(name)
            if not inner or (place.split and inner.split):
                break
            if place.is_classed and inner.is_classed:
                break
            place = Place(
                place.split or inner.split,
                inner.label if place.label is None else place.label,
                place.ages or inner.ages,
            )
        return place

    def read(self, path: Path, source: Path) -> Face | Rejected:
        """Read a photo by its folders, and by its name for what they do not say."""
        place = self.place(path.relative_to(source).parts[:-1])
        if self.splits and not place.split and ("train" in self.splits or not place.is_classed):
            return Rejected(path, f"in none of the folders {listed(self.split_folders)}")
        if place.split in self.classed_splits and not place.is_classed:
            return Rejected(path, f"in none of the class folders {listed(self.class_folders)}")
        face = face_at(path, place, self.ranges)
        given = "" if place.split in (None, "train") else place.split
        return face._replace(split=given) if isinstance(face, Face) else face


def listed(names: list[str]) -> str:
    """Join a few names, and say that there are more."""
    return ", ".join(names[:5]) + (" …" if len(names) > 5 else "")


def folders_are_ages(photos: list[Path], ranges: AgeRanges) -> bool:
    """Tell folders that are called as ages from those of classes, persons or batches.

    They are ages if no folder says a class, or if there are ages of both classes (then 0 and 1 are
    ages, too); and if most photos' own names do not say otherwise.
    """
    said = []  # with the outermost folder that is no split, or ""
    for path in photos:
        levels = [name for name in path.parts[:-1][:2] if not split_named(name)]
        said.append((path, levels[0] if levels else ""))
    aged = [(path, ages) for path, name in said if (ages := ages_named(name))]
    spanned = {ranges.label(end) for ends in {ages for _, ages in aged} for end in ends}
    both = {YOUNG, OLD} <= spanned
    if not both and any(is_class(name) for name in {name for _, name in said}):
        return False
    parse = parse_known_name if both else parse_any_name
    named = [(parse(path), ages) for path, ages in aged]
    denied = sum(isinstance(face, Face) and not within(face.age, ages) for face, ages in named)
    return denied * 2 < len(aged)


def within(age: int | None, ages: tuple[int, int]) -> bool:
    """True for an age that is not known to be outside."""
    return age is None or ages[0] <= age <= ages[1]


def face_at(path: Path, place: Place, ranges: AgeRanges) -> Face | Rejected:
    """The folder decides class or age; a name in a known form still adds what else it says."""
    if place.label is not None:
        named = parse_any_name(path)
        face = named if isinstance(named, Face) else Face(path, place.label)
        return face._replace(label=place.label)
    return aged_face(path, place.ages, ranges) if place.ages else parse_any_name(path)


def aged_face(path: Path, ages: tuple[int, int], ranges: AgeRanges) -> Face | Rejected:
    """Read a photo in a folder of one age, or of a few that are all in one class."""
    named = parse_known_name(path)
    face = named if isinstance(named, Face) else Face(path, UNLABELLED)
    low, high = ages
    if not within(face.age, ages):
        return Rejected(path, f"its folder says {path_ages(ages)} years, its name {face.age}")
    if face.age is None and low == high:
        face = face._replace(age=low)
    if face.age is not None:
        return face
    label = ranges.label(low)
    if label not in (YOUNG, OLD) or label != ranges.label(high):
        return Rejected(path, f"the ages {path_ages(ages)} are not all in one class")
    return face._replace(label=label)


def path_ages(ages: tuple[int, int]) -> str:
    """Return ages in words."""
    return str(ages[0]) if ages[0] == ages[1] else f"{ages[0]}–{ages[1]}"
