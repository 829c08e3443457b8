"""Small generators trained on drawn faces, once per test session."""

from pathlib import Path

import pytest
from small_cyclegans import on_features, small_config

from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.model import DiscriminatorConfig, GeneratorConfig
from agegen.cyclegan.train import train
from agegen.faces.store import FaceStore


@pytest.fixture(scope="session")
def cyclegan_run(drawn_store: FaceStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of narrow generators after 80 pairs: they translate, but hardly age."""
    out = tmp_path_factory.mktemp("translated") / "run"
    config = CycleGANConfig(
        drawn_store.folder,
        out,
        generator=GeneratorConfig(width=8, blocks=1),
        discriminator=DiscriminatorConfig(width=8, receptive_field=34),
        constant_pairs=40,
        decay_pairs=40,
        precision="float32",
        threads=1,
        watch_every=40,
        checkpoint_every=40,
    )
    train(config)
    return out


@pytest.fixture(scope="session")
def delta_run(drawn_store: FaceStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of generators that add a change, after 8 pairs before frozen features."""
    folder = tmp_path_factory.mktemp("delta")
    train(small_config(drawn_store, folder / "run", **on_features(drawn_store, folder)))
    return folder / "run"
