from pathlib import Path

import pytest

from agegen.faces.prepare import PrepareConfig, prepare
from agegen.faces.store import FaceStore
from agegen.faces.synthetic import write_faces


@pytest.fixture(scope="session")
def drawn_store(tmp_path_factory: pytest.TempPathFactory) -> FaceStore:
    """300 drawn faces of 48 pixels, two photos a person."""
    folder = tmp_path_factory.mktemp("drawn")
    photos = write_faces(folder / "photos", 300, seed=5, size=48)
    return prepare(PrepareConfig(photos, folder / "faces", size=48, workers=1))
