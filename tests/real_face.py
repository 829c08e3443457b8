"""A licensed photo of a real face that nobody cropped: matplotlib's sample of Grace Hopper.

James S. Davis took it for the United States Navy in 1984; it is in the public domain.
"""

from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image

SIDE = 300  # of `hopper`, pixels
# by eye: both corners of the eye on the right, of the one on the left, the base of the nose
LANDMARKS = np.array([(188.0, 110.5), (171.5, 112), (123, 113), (140, 113), (156.5, 148.5)])


@cache
def hopper_photo() -> Path:
    """The photo, 512 × 600 pixels; the face is about 190 pixels wide."""
    return Path(matplotlib.get_data_path(), "sample_data", "grace_hopper.jpg")


@cache
def hopper() -> np.ndarray:
    """Head and shoulders, uint8 (SIDE, SIDE, 3): a quick search."""
    with Image.open(hopper_photo()) as photo:
        return np.asarray(photo.convert("RGB").crop((0, 0, 512, 512)).resize((SIDE, SIDE)))
