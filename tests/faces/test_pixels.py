"""Pictures as URLs: the same pixels come back."""

import base64
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from agegen.faces.pixels import as_url


@pytest.mark.parametrize(("kind", "off"), [("png", 0), ("jpeg", 40)])
def test_a_url_holds_the_picture(kind: str, off: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        height, width = rng.integers(1, 40, 2)
        pixels = np.broadcast_to(rng.integers(0, 255, 3, np.uint8), (height, width, 3)).copy()
        pixels += rng.integers(0, 2, pixels.shape, np.uint8)
        options = {"quality": 95} if kind == "jpeg" else {}
        head, data = as_url(Image.fromarray(pixels), kind, **options).split(",")
        assert head == f"data:image/{kind};base64"
        with Image.open(BytesIO(base64.b64decode(data))) as image:
            assert image.format == kind.upper()
            assert np.abs(np.asarray(image).astype(int) - pixels).max() <= off
