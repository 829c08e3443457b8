"""A small classifier trained on drawn faces, once per test session."""

import shutil
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


@pytest.fixture(scope="session")
def aged_run(aged_store: FaceStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a narrow network after two epochs on a store that keeps other ages."""
    out = tmp_path_factory.mktemp("aged") / "run"
    train(
        TrainConfig(
            aged_store.folder,
            out,
            model=ModelConfig(widths=(8, 16), ages=True, standardise=True),
            augment=AugmentConfig(erase=0.0, colour=0.0),
            epochs=2,
            batch_size=30,
            ema_decay=0.5,
            threads=1,
        )
    )
    return out


def copy_of_training(run: Path, to: Path) -> Path:
    """A copy without what classifying photos has kept in the run, if another test did."""
    kept = ("view_temperatures.json", "familiarity.npz", "geometry.json", "training_faces.json")
    return shutil.copytree(run, to, ignore=shutil.ignore_patterns(*kept))
