"""A file that agegen did not write stays, whatever would be written in its place."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from agegen.faces.store import FaceStore
from agegen.photos.pack import pack_classifier
from agegen.photos.scenes import save_scene
from agegen.run.errors import UserError
from agegen.run.files import write_json, write_rows, write_text, written_together
from agegen.run.outputs import require_replaceable
from agegen.run.tensor_files import save_tensors


def write_two(path: Path) -> None:
    with written_together(path.with_name("other"), path) as (other, same):
        other.write_text("x")
        same.write_text("x")


WRITERS: list[Callable[[Path], None]] = [
    lambda path: write_text(path, "x"),
    lambda path: write_json(path, {"x": 1}),
    lambda path: write_rows(path, ("x",), [(1,)]),
    lambda path: save_tensors(path, {"x": torch.zeros(2)}),
    lambda path: save_scene(np.zeros((9, 9, 3), np.uint8), path, sideways=False),
    write_two,
]


def random_name(rng: random.Random) -> str:
    """Letters, accents, bytes that are no UTF-8, spaces, a dot."""
    letters = ["a", "é", "\udce9", " ", "日", '"', "\n", "x.csv", "0"]
    return "".join(rng.choice(letters) for _ in range(rng.randint(1, 9))) + ".x"


def test_nothing_that_agegen_did_not_write_is_replaced(tmp_path: Path) -> None:
    rng = random.Random(0)
    for trial in range(300):
        path = tmp_path / str(trial) / random_name(rng)
        path.parent.mkdir()
        own = rng.randbytes(9)
        path.write_bytes(own)
        with pytest.raises(UserError, match="in the way"):
            rng.choice(WRITERS)(path)
        assert path.read_bytes() == own
        assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_what_agegen_wrote_is_written_again(tmp_path: Path) -> None:
    rng = random.Random(1)
    for trial in range(200):
        path = tmp_path / str(trial) / random_name(rng)
        write, again = rng.choice(WRITERS), rng.choice(WRITERS)
        write(path)
        again(path)
        again(path)


@pytest.mark.parametrize("there", ["device", "link"])
def test_devices_and_links_are_left_alone(tmp_path: Path, there: str) -> None:
    path = Path("/dev/null") if there == "device" else tmp_path / "link"
    if there == "link":
        path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match="in the way"):
        require_replaceable(path)


def test_all_below_runs_and_stores_is_theirs(prepared: Path, tmp_path: Path) -> None:
    run, store = tmp_path / "run", shutil.copytree(prepared, tmp_path / "store")
    write_json(run / "config.json", {"config": {}, "data": {}})
    for path in (run / "evaluation.json", run / "report" / "index.html", store / "geometry.json"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("written by an older version")
        write_text(path, "new")
    foreign = tmp_path / "other"
    (foreign / "x").mkdir(parents=True)
    (foreign / "config.json").write_text('{"architectures": []}')  # of somebody else's model
    (foreign / "x" / "evaluation.json").write_text("mine")
    with pytest.raises(UserError, match="in the way"):
        write_text(foreign / "x" / "evaluation.json", "new")


def test_a_packed_run_replaces_nothing(
    trained_run: Path, drawn_store: FaceStore, tmp_path: Path
) -> None:
    (tmp_path / "best.safetensors").write_text("mine")
    with pytest.raises(UserError, match="in the way"):
        pack_classifier(trained_run, tmp_path, drawn_store.folder)
    assert [path.name for path in tmp_path.iterdir()] == ["best.safetensors"]
    assert (tmp_path / "best.safetensors").read_text() == "mine"
