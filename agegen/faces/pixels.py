"""What the numbers of a picture mean, and a picture as text."""

import base64
from io import BytesIO
from typing import Any

from PIL import Image

GREY_LEVELS = 127.5
"""8-bit grey levels in one unit of values in [−1, 1]: uint8 0…255 is float × this + this."""

LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601)."""


def as_url(image: Image.Image, kind: str = "png", **options: Any) -> str:
    """A picture as a URL that holds it, without loss as a PNG; `options` are those of its kind."""
    file = BytesIO()
    image.save(file, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
