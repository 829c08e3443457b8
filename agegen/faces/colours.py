"""Colour profiles (ICC): which colours a picture's numbers mean, and the same colours as sRGB.

Networks and screens without a profile take numbers for sRGB. The same skin has other numbers in a
phone's Display P3 or a printer's CMYK.
"""

from functools import lru_cache
from io import BytesIO
from itertools import product
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageCms

MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # colour spaces of profiles as Pillow's modes
SAME = 2  # levels by which a profile may differ from sRGB and be taken for it
GRID = tuple(product((0, 36, 73, 109, 146, 182, 219, 255), repeat=3))


class Space(NamedTuple):
    """A colour space: the mode of its pictures (RGB, L or CMYK), and what converts them to sRGB.

    Nothing does where they are in sRGB already.
    """

    mode: str
    transform: ImageCms.ImageCmsTransform | None


def profile_of(image: Image.Image) -> bytes:
    """The profile that a picture carries; empty where there is none, or none of use."""
    profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) and space_of(profile) else b""


def mode_of(profile: bytes) -> str:
    """The mode of the pictures that a usable profile is for; empty for no profile."""
    space = space_of(profile)
    return space.mode if space else ""


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert a picture of the profile's mode to RGB of sRGB; without a profile it stays itself."""
    space = space_of(profile)
    return space.transform.apply(image) if space and space.transform else image


@lru_cache(maxsize=8)
def space_of(profile: bytes) -> Space | None:
    """Read a profile; None for one that is missing, damaged, or of no kind of photos.

    The intent is the perceptual one, of photos: colours come back as they were before a photo was
    separated for print, and profiles without tables for it (of cameras and screens) do not differ.
    """
    if not profile:
        return None
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        mode = MODES[source.profile.xcolor_space]
        transform = ImageCms.buildTransform(
            source, ImageCms.createProfile("sRGB"), mode, "RGB", ImageCms.Intent.PERCEPTUAL
        )
        if mode == "RGB":
            before = np.array([GRID], np.uint8)
            after = np.asarray(transform.apply(Image.fromarray(before)))
            if np.abs(after.astype(int) - before).max() <= SAME:
                return Space(mode, None)
        return Space(mode, transform)
    except Exception:  # a profile does not cost the picture
        return None
