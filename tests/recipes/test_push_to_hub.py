"""push_to_hub as a real command, and models by hf://user/name in the commands that use them."""

import subprocess
import sys
from pathlib import Path

import pytest
from hub_stand_in import TOKEN, serve
from photos import REPOSITORY, environment
from PIL import Image

from agegen.drawn.synthetic import draw_faces
from agegen.run.files import read_json

PACKAGE = REPOSITORY / "agegen" / "pretrained"


@pytest.fixture(scope="module")
def hub():
    with serve() as server:
        yield server


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """huggingface_hub's folder."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def agegen(hub, home, tmp_path):
    """Runs a command in an empty folder, with a drawn face beside it."""
    face = draw_faces(1, size=160).images[0]
    (tmp_path / "here").mkdir()
    Image.fromarray(face).save(tmp_path / "face.png")

    def run(*arguments: object, **changes: str) -> subprocess.CompletedProcess:
        reached = {"HF_ENDPOINT": hub.address, "HF_HOME": str(home), "HF_TOKEN": TOKEN}
        return subprocess.run(
            [sys.executable, "-m", "agegen", *map(str, arguments)],
            cwd=tmp_path / "here", capture_output=True, text=True, timeout=120,
            env=environment(PYTHONPATH=str(REPOSITORY), **{**reached, **changes}),
        )  # fmt: skip

    return run


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("kind", "command", "results"),
    [
        ("classifier", ("classify",), "faces_classifier/photos/photos.csv"),
        ("cyclegan", ("translate", "--to", "old"), "faces_cyclegan/photos_old/translations.csv"),
    ],
)
def test_pushed_and_used_with_and_without_a_network(
    agegen, hub, home, tmp_path, kind, command, results
) -> None:
    done = agegen("push-to-hub", "--run", PACKAGE / kind, "--to", f"ann/faces_{kind}")
    assert done.returncode == 0, done.stderr
    assert f"uploaded to {hub.address}/ann/faces_{kind}" in done.stdout
    flags = (*command, "--run", f"hf://ann/faces_{kind}", "--centred", tmp_path / "face.png")
    done = agegen(*flags)
    assert done.returncode == 0, done.stderr
    assert results in names(tmp_path / "here")
    page = (tmp_path / "here" / results).with_name("index.html").read_text()
    assert f"hf://ann/faces_{kind}" in page
    assert "hf:/ann" not in page
    assert str(home) not in page
    cached = names(home)
    done = agegen(*flags, "--out", "again", HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 0, done.stderr
    assert names(home) == cached  # nothing was written into the cache


def test_mistakes_are_sentences(agegen, tmp_path) -> None:
    for flags, message, changes in (
        (("classify", "--run", "hf://ann/nothing", tmp_path), "does not exist, or is priv", {}),
        (("classify", "--run", "hf://ann/nothing", tmp_path), "is not on this machine yet",
         {"HF_ENDPOINT": "http://127.0.0.1:9"}),
        (("push-to-hub", "--run", PACKAGE / "cyclegan", "--to", "ann/x"),
         "nobody is logged in", {"HF_TOKEN": ""}),
        (("push-to-hub", "--run", PACKAGE / "cyclegan", "--to", "ann/x"), "hf://ann/x",
         {"HF_TOKEN": "hf_wrong"}),
    ):  # fmt: skip
        done = agegen(*flags, **changes)
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].startswith("error: ")
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_a_training_starts_from_it_and_keeps_its_name(agegen, drawn_store, tmp_path) -> None:
    done = agegen("push-to-hub", "--run", PACKAGE / "classifier", "--to", "ann/start")
    assert done.returncode == 0, done.stderr
    done = agegen(
        "train-classifier", "--faces", drawn_store.folder, "--out", "mine", "--epochs", "1",
        "--start-from", "hf://ann/start",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    config = read_json(tmp_path / "here" / "mine" / "config.json")["config"]
    assert config["start_from"] == "hf:/ann/start"
