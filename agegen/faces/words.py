"""The words by which people call the splits, classes and genders in folders and tables."""

import re

from agegen.faces.records import OLD, YOUNG

SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
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
