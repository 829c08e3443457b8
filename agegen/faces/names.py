"""What names say: of photos, as in CACD, UTKFace, IMDB-WIKI, FG-NET, or an age in front; and words.

Each `parse_…` turns a path into a `Face` without a class, or says what it expected. The words are
those by which people call the splits, classes and genders in folders and tables.
"""

import re
from datetime import date
from pathlib import Path

from agegen.faces.records import OLD, UNLABELLED, YOUNG, Face, Rejected

CACD_NAME = re.compile(r"(?P<age>\d{1,3})_(?P<identity>\D.*)_(?P<number>\d{4})$", re.DOTALL)
UTKFACE_NAME = re.compile(r"(?P<age>\d{1,3})_(?P<first>\d?)_(?:(?P<second>\d?)_)?\d{8,}")
IMDB_WIKI_NAME = re.compile(
    r"(?P<identity>(?:nm)?\d+)_(?:rm\d+_)?"
    r"(?P<year>\d{1,4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})_(?P<taken>\d{4})(?!\d)"
)
FGNET_NAME = re.compile(r"(?P<identity>\d{3})A(?P<age>\d{2})[a-z]?", re.IGNORECASE)
AGE_PREFIX = re.compile(r"(?P<age>\d{1,3})_")
OLDEST = 120  # years: beyond, a date of birth or of a photo is wrong
SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
CLASS_WORDS = {
    **dict.fromkeys(("0", "young", "younger", "0young"), YOUNG),
    **dict.fromkeys(("1", "old", "older", "1old"), OLD),
}
GENDER_WORDS = {
    **dict.fromkeys(("f", "female", "w", "woman", "femme"), "female"),
    **dict.fromkeys(("m", "male", "man", "homme"), "male"),
}
SPLIT_DECORATION = re.compile(r"[ _-]?(set|data|images|faces|photos)$")
CLASS_DECORATION = re.compile(r"^class|[ _-]|[.,]0+$")


def parse_cacd_name(path: Path) -> Face | Rejected:
    """Read ``{age}_{First_Last}_{NNNN}.jpg``."""
    match = CACD_NAME.match(path.stem)
    if not match:
        return Rejected(path, "no age in the name (expected like 25_First_Last_0001.jpg)")
    return Face(path, UNLABELLED, age=int(match["age"]), identity=match["identity"])


def parse_utkface_name(path: Path) -> Face | Rejected:
    """Read ``{age}_{gender}_{race}_{date}.jpg``; some published names lack gender or race.

    With one field left (``61_1_…``) nothing says which of them it is: the gender is unknown.
    """
    match = UTKFACE_NAME.match(path.name)
    if not match:
        return Rejected(path, "no age in the name (expected like 25_0_1_20170101120000000.jpg)")
    genders = {"0": "male", "1": "female"} if match["second"] is not None else {}
    gender = genders.get(match["first"], "")
    return Face(path, UNLABELLED, age=int(match["age"]), gender=gender)


def parse_imdb_wiki_name(path: Path) -> Face | Rejected:
    """Read ``{person}_{date of birth}_{year of the photo}.jpg``, as of IMDB (nm…_rm…_…) or WIKI.

    As in the data set's own code, photos are taken in the middle of their year. Where the month of
    birth is unknown (0), the age is the difference of the years.
    """
    match = IMDB_WIKI_NAME.match(path.name)
    if not match:
        return Rejected(path, "no dates in the name (expected like 1000_1981-05-05_2009.jpg)")
    year, month, day, taken = (int(match[part]) for part in ("year", "month", "day", "taken"))
    born = f"{match['year']}-{match['month']}-{match['day']}"
    try:
        date(year, month or 1, day or 1)
    except ValueError:
        return Rejected(path, f"its date of birth {born} does not exist")
    age = taken - year - (month >= 7)
    if not 0 <= age <= OLDEST:
        return Rejected(path, f"no age: born {born}, photographed {taken}")
    return Face(path, UNLABELLED, age=age, identity=match["identity"])


def parse_fgnet_name(path: Path) -> Face | Rejected:
    """Read ``{person}A{age}.JPG``, with a letter where there are several photos of one age."""
    match = FGNET_NAME.fullmatch(path.stem)
    if not match:
        return Rejected(path, "no age in the name (expected like 001A23.JPG)")
    return Face(path, UNLABELLED, age=int(match["age"]), identity=match["identity"])


def parse_known_name(path: Path) -> Face | Rejected:
    """Read a name of one of the four data sets."""
    for parse in (parse_utkface_name, parse_cacd_name, parse_fgnet_name):
        face = parse(path)
        if isinstance(face, Face):
            return face
    return parse_imdb_wiki_name(path)


def parse_any_name(path: Path) -> Face | Rejected:
    """Read a name of one of the data sets, else as ``{age}_anything``."""
    known = parse_known_name(path)
    if isinstance(known, Face) or IMDB_WIKI_NAME.match(path.name):
        return known
    match = AGE_PREFIX.match(path.name)
    if not match:
        return Rejected(path, "no age in the name (expected to begin like 25_)")
    return Face(path, UNLABELLED, age=int(match["age"]))


def split_named(word: str) -> str | None:
    """Return "train", "val" or "test" for ``Training``, ``test_set`` and so on, or None."""
    return SPLIT_WORDS.get(SPLIT_DECORATION.sub("", word.casefold()))


def class_named(word: str) -> int | None:
    """Return the class of ``0``, ``young``, ``Class_0``, ``0_young``, ``0.0`` and so on, or None.

    A spreadsheet writes 0 as 0.0, or as 0,0.
    """
    return CLASS_WORDS.get(CLASS_DECORATION.sub("", word.casefold()))


def gender_named(word: str) -> str:
    """Return "female", "male", or "" where the word does not say which.

    So 0 and 1 are unknown: data sets differ in which is which.
    """
    return GENDER_WORDS.get(word.casefold(), "")
