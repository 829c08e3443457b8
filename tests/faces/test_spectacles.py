"""Spectacles are seen where they are, and not where they were painted over."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from real_face import LANDMARKS, hopper

from agegen.faces import landmarks
from agegen.faces.spectacles import WITH, WITHOUT, spectacle_score
from agegen.faces.store import FaceStore

pytestmark = pytest.mark.skipif(not landmarks.available(), reason="needs the extra photos")
CORNER, SIDE = np.array([75, 40]), 165  # a crop as stored faces have it
EYES = LANDMARKS[:4].reshape(2, 2, 2).mean(axis=1) - CORNER


def face() -> Image.Image:
    """Grace Hopper, who wears spectacles."""
    x, y = CORNER
    return Image.fromarray(hopper()).crop((x, y, x + SIDE, y + SIDE))


def without() -> Image.Image:
    """The same face, their bridge painted over by the skin beside it."""
    picture = face()
    (right, _), (left, _) = EYES
    box = (
        round(left) + 8,
        round(EYES[:, 1].min()) - 16,
        round(right) - 8,
        round(EYES[:, 1].max()) + 30,
    )
    smooth = picture.filter(ImageFilter.GaussianBlur(12)).crop(box)
    picture.paste(smooth, box[:2])
    return picture


def score(picture: Image.Image) -> float:
    return spectacle_score(np.asarray(picture.resize((100, 100), Image.Resampling.LANCZOS)))


def test_spectacles_are_seen_and_their_absence_too() -> None:
    assert score(face()) > WITH
    assert score(without()) < WITHOUT


@pytest.mark.parametrize("seed", range(6))
def test_a_bridge_of_any_dark_or_light_colour_is_seen(seed: int) -> None:
    draw = np.random.default_rng(seed)
    picture = without()
    pen = ImageDraw.Draw(picture)
    tone = int(draw.choice([10, 30, 240]))
    (right, y), (left, _) = EYES
    drop = draw.uniform(-3, 4)
    for x in (left, right):
        pen.ellipse((x - 24, y - 18 + drop, x + 24, y + 18 + drop), outline=(tone,) * 3, width=4)
    pen.line((left + 22, y + drop, right - 22, y + drop), fill=(tone,) * 3, width=5)
    assert score(picture) > WITH > score(without())


def test_any_picture_has_a_score(drawn_store: FaceStore) -> None:
    for picture in [*drawn_store.images[:3], np.zeros((32, 32, 3), np.uint8)]:
        assert np.isfinite(spectacle_score(np.asarray(picture)))
