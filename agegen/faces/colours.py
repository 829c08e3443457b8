"""Colour profiles (ICC): which colours a picture's numbers mean, and the same colours as sRGB.

Networks and screens without a profile take numbers for sRGB. The same skin has other numbers in a
phone's Display P3 or a printer's CMYK.
"""

from functools import lru_cache
from io import BytesIO
from itertools import product

import numpy as np
from PIL import Image, ImageCms

MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # colour spaces of profiles as Pillow's modes
SAME = 2  # levels by which a profile may differ from sRGB and be taken for it
GRID = tuple(product((0, 36, 73, 109, 146, 182, 219, 255), repeat=3))


def profile_of(image: Image.Image) -> bytes:
    """The profile that a picture carries; empty where there is none, or one of sRGB, or no use."""
    profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) and transform_of(profile) else b""


def mode_of(profile: bytes) -> str:
    """The mode of pictures that a usable profile is for: RGB, L or CMYK; empty for no profile."""
    transform = transform_of(profile)
    return transform.input_mode if transform else ""


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert a picture of the profile's mode to RGB of sRGB; without a profile it stays itself."""
    transform = transform_of(profile)
    return transform.apply(image) if transform else image


@lru_cache(maxsize=8)
def transform_of(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """What converts to sRGB; None where nothing needs to be, or where the profile is unusable.

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
        return transform if mode != "RGB" or moves_colours(transform) else None
    except Exception:  # a profile that is damaged, or of another kind, does not cost the picture
        return None


def moves_colours(transform: ImageCms.ImageCmsTransform) -> bool:
    """False if a transform from RGB leaves all colours within `SAME` levels where they are."""
    before = np.array([GRID], np.uint8)
    after = np.asarray(transform.apply(Image.fromarray(before)))
    return bool(np.abs(after.astype(int) - before).max() > SAME)
