"""FaceStores to train on: drawn faces, and striped pictures that are learned in seconds."""

import numpy as np
import pytest
from PIL import Image

from agegen.drawn.synthetic import write_faces
from agegen.faces.prepare import PrepareConfig, prepare
from agegen.faces.store import FaceStore


@pytest.fixture(scope="session")
def drawn_store(tmp_path_factory: pytest.TempPathFactory) -> FaceStore:
    """300 drawn faces of 48 pixels, two photos a person."""
    folder = tmp_path_factory.mktemp("drawn")
    photos = write_faces(folder / "photos", 300, seed=5, size=48)
    return prepare(PrepareConfig(photos, folder / "faces", size=48, workers=1))


@pytest.fixture(scope="session")
def aged_store(tmp_path_factory: pytest.TempPathFactory) -> FaceStore:
    """240 noise pictures of 40 pixels of ages from 10 to 70, whose stripes show them; opened whole.

    It keeps other ages: 69 pictures are in a class.
    """
    folder = tmp_path_factory.mktemp("aged")
    (folder / "photos").mkdir()
    rng = np.random.default_rng(1)
    stripes = np.sin(np.arange(40) / 2)[:, None, None]
    for i in range(240):
        age = 10 + i % 61
        coarse = Image.fromarray(rng.integers(40, 200, (5, 5, 3), dtype=np.uint8))
        picture = np.asarray(coarse.resize((40, 40))) + (age - 10) * stripes
        name = f"{age}_Person_{chr(65 + i // 26)}{chr(65 + i % 26)}_0001.png"
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(folder / "photos" / name)
    asked = PrepareConfig(
        folder / "photos", folder / "faces", size=40, workers=1, keep_other_ages=True
    )
    return FaceStore.open(prepare(asked).folder, other_ages=True)


@pytest.fixture(scope="session")
def striped_store(tmp_path_factory: pytest.TempPathFactory) -> FaceStore:
    """160 blurred noise pictures of 40 pixels; the old ones have fine stripes: soon learned."""
    folder = tmp_path_factory.mktemp("striped")
    (folder / "photos").mkdir()
    rng = np.random.default_rng(0)
    stripes = 25 * np.sin(np.arange(40) / 2)[:, None, None]
    for i in range(160):
        coarse = Image.fromarray(rng.integers(40, 200, (5, 5, 3), dtype=np.uint8))
        picture = np.asarray(coarse.resize((40, 40))) + (i % 2) * stripes
        name = f"{(23, 57)[i % 2]}_Person_{chr(65 + i // 26)}{chr(65 + i % 26)}_0001.png"
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(folder / "photos" / name)
    return prepare(PrepareConfig(folder / "photos", folder / "faces", size=40, workers=1))
