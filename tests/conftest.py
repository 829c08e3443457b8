"""Shared fixtures: a folder of small photos, and the store made of it."""

import os
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # bits are compared, and a GPU's are not always the same

import pytest
from drawn_stores import aged_store, drawn_store, striped_store  # noqa: F401 - fixtures
from photos import fill_cacd
from prepared_stores import few_in_this_process  # noqa: F401 - a fixture
from trained_runs import aged_run, trained_run  # noqa: F401 - fixtures
from translated_runs import cyclegan_run, delta_run  # noqa: F401 - a fixture

from agegen.faces.prepare import PrepareConfig, prepare


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 small CACD-named JPEGs of 24 identities; tests only read it."""
    return fill_cacd(tmp_path_factory.mktemp("photos"), 48)


@pytest.fixture(scope="session")
def prepared(photo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a FaceStore made of `photo_folder`; tests copy it before changing it."""
    out = tmp_path_factory.mktemp("stores") / "store"
    prepare(PrepareConfig(photo_folder, out, size=32, workers=1))
    return out
