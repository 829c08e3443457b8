"""Where the figures of an evaluation are written."""

import shutil
from pathlib import Path

import pytest

from agegen.classifier.evaluate_run import evaluate_run
from agegen.faces.store import FaceStore
from agegen.run.files import read_json, write_json


@pytest.mark.parametrize(
    ("split", "own", "others"),
    [
        ("test", "evaluation.json", "evaluation_moved_*_test.json"),
        ("all", "evaluation_all.json", "evaluation_moved_*_all.json"),
    ],
)
def test_other_faces_do_not_replace_the_figures_that_the_report_shows(
    trained_run: Path, drawn_store: FaceStore, tmp_path: Path, split, own: str, others: str
) -> None:
    run = shutil.copytree(trained_run, tmp_path / "run")
    for old in run.glob("evaluation*.json"):
        old.unlink()
    moved = shutil.copytree(drawn_store.folder, tmp_path / "moved")
    evaluate_run(run, moved, split, resamples=10)
    assert [path.name for path in run.glob("evaluation*.json")] == [own]
    config = read_json(run / "config.json")
    config["data"]["checksum"] = "that of another store"
    write_json(run / "config.json", config)
    evaluate_run(run, moved, split, resamples=10)
    assert len(list(run.glob("evaluation*.json"))) == 2
    assert len(list(run.glob(others))) == 1
