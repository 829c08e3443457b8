"""Photos translated: what no generator changes stays as it is, byte for byte."""

import numpy as np
import pytest
from torch import nn

from agegen.faces.alignment import similarity
from agegen.faces.landmarks import FoundFace
from agegen.photos.crop import CroppedFace
from agegen.photos.paste import add_changes
from agegen.photos.translate import PhotoTranslator, load_photo_translator
from agegen.run.pretrained import PRETRAINED


@pytest.fixture(scope="module")
def unchanging() -> PhotoTranslator:
    """The package's generators, with last layers that ask for no change."""
    loaded = load_photo_translator(PRETRAINED, "old", centred=True)
    for generator in loaded.translator.generators.children():
        for last in (generator.shade, generator.colour):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
    return loaded


def random_photo(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """8-bit noise, some of it exactly black and white, one in three grey."""
    photo = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    photo[rng.random((height, width)) < 0.2] = 0
    photo[rng.random((height, width)) < 0.1] = 255
    return photo[..., :1].repeat(3, axis=2) if rng.random() < 1 / 3 else photo


def random_face(rng: np.random.Generator, side: int, height: int, width: int) -> CroppedFace:
    """A face somewhere in a photo, large or small, tilted, perhaps over its border."""
    centre = rng.uniform((0, 0), (width, height))
    to_face = similarity(side / rng.uniform(20, 300), rng.uniform(-1, 1), centre, (side / 2,) * 2)
    found = FoundFace(np.zeros((5, 2)), centre, 100.0, 1.0, 0)
    return CroppedFace(random_photo(rng, side, side), to_face, found, 0.0)


def test_a_photo_without_a_change_comes_back_byte_for_byte(unchanging: PhotoTranslator) -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        height, width = rng.integers(40, 200, 2)
        photo = random_photo(rng, height, width)
        assert np.array_equal(unchanging.translate_whole(photo, photo), photo)
        side = unchanging.translator.store_size
        faces = [random_face(rng, side, height, width) for _ in range(rng.integers(1, 4))]
        changes = unchanging.changes(faces, grey=False)
        assert all(not change.levels.any() for change in changes)
        assert np.array_equal(add_changes(photo, changes), photo)
