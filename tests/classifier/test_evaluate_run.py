"""Where the figures of an evaluation are written."""

import shutil
from pathlib import Path

import pytest

from agegen.classifier.evaluate_run import figures_path
from agegen.faces.store import FaceStore


@pytest.mark.parametrize(
    ("split", "own", "others"),
    [
        ("test", "evaluation.json", "evaluation_striped.json"),
        ("all", "evaluation_all.json", "evaluation_striped_all.json"),
    ],
)
def test_other_faces_do_not_replace_the_figures_that_the_report_shows(
    trained_run: Path, drawn_store: FaceStore, striped_store: FaceStore, tmp_path: Path,
    split, own: str, others: str,
) -> None:  # fmt: skip
    moved = FaceStore.open(shutil.copytree(drawn_store.folder, tmp_path / "moved"))
    other = FaceStore.open(shutil.copytree(striped_store.folder, tmp_path / "striped"))
    assert figures_path(trained_run, moved, split) == trained_run / own
    assert figures_path(trained_run, other, split) == trained_run / others
