"""A small classifier trained on drawn faces, once per test session."""

from pathlib import Path

import pytest

from agegen.classifier.config import TrainConfig
from agegen.classifier.model import ModelConfig
from agegen.classifier.train import train
from agegen.faces.store import FaceStore
from agegen.faces.views import AugmentConfig


@pytest.fixture(scope="session")
def trained_run(drawn_store: FaceStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a narrow network after three epochs, which hardly teach it anything."""
    out = tmp_path_factory.mktemp("trained") / "run"
    config = TrainConfig(
        drawn_store.folder,
        out,
        model=ModelConfig(widths=(8, 16)),
        augment=AugmentConfig(erase=0.0, colour=0.0),
        epochs=3,
        batch_size=16,
        threads=1,
    )
    train(config)
    return out
