"""What a photo may have at most, known before the networks are loaded."""

from typing import NamedTuple

SEARCH_PIXELS = 1_000_000  # a quarter of what commands take: a visitor waits


class Limits(NamedTuple):
    """What a photo may have at most."""

    megabytes: float = 20.0  # of 2²⁰ bytes, as browsers show them
    megapixels: float = 50.0
    faces: int = 40  # the largest; others stay as they are
