"""What comes with the package: a classifier and generators."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from photos import REPOSITORY, environment
from real_face import hopper, hopper_photo
from safetensors.torch import load_file

from agegen.analysis.analysis import open_analysis
from agegen.classifier.predict import load_classifier
from agegen.classifier.training_faces import open_faces
from agegen.cyclegan.translate import load_translator
from agegen.evaluation.frozen_classifier import doubt_of, load_judge
from agegen.faces.store import FaceStore
from agegen.photos.classify import load_photo_classifier
from agegen.photos.translate import load_photo_translator
from agegen.report.classifier.page import make_page
from agegen.run.errors import UserError
from agegen.run.files import read_json, write_json
from agegen.run.pretrained import PRETRAINED, find_run, require_record

FOLDER = Path(__file__).parents[2] / "agegen" / "pretrained"
WEIGHTS = {"classifier": "best", "cyclegan": "generators"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder here is named pretrained."""
    monkeypatch.chdir(tmp_path)


def test_the_generators_load_without_any_run_and_change_faces(drawn_store: FaceStore) -> None:
    translator = load_translator(PRETRAINED, device="cpu")
    images = torch.nn.functional.interpolate(
        torch.tensor(drawn_store.images[:4]).permute(0, 3, 1, 2), translator.store_size
    )
    faces = translator.views(images.permute(0, 2, 3, 1).numpy())
    made = {to: translator.translate(faces, to) for to in ("young", "old")}
    for fake in made.values():
        assert fake.shape == faces.shape
        assert 0.01 < (fake - faces).abs().mean() < 0.2  # neither the face itself nor another
    assert (made["old"] - made["young"]).abs().mean() > 0.01


@pytest.mark.parametrize("load", [load_classifier, load_translator])
def test_a_slip_in_the_name_of_a_run_is_met_with_the_right_one(load, tmp_path: Path) -> None:
    kind = {load_classifier: "classifier", load_translator: "cyclegan"}[load]
    with pytest.raises(UserError, match=r"^pretraind is not a run.*; pretrained is one$"):
        load(Path("pretraind"))
    (tmp_path / "demo" / kind).mkdir(parents=True)
    (tmp_path / "demo" / kind / "config.json").write_text("{}")
    with pytest.raises(UserError, match=rf"^demo is not a run.*; demo/{kind} is one$"):
        load(Path("demo"))
    (tmp_path / "mine").mkdir()
    config = {"generator": {}} if kind == "cyclegan" else {}
    write_json(tmp_path / "mine" / "config.json", {"config": config})
    (tmp_path / "mint").mkdir()
    other = {} if kind == "cyclegan" else {"generator": {}}
    write_json(tmp_path / "mint" / "config.json", {"config": other})
    with pytest.raises(UserError, match=r"^\S*mina is not a run.*; \S*mine is one$"):
        load(tmp_path / "mina")
    for far in (Path("elsewhere"), tmp_path / "zzzz"):
        with pytest.raises(UserError, match=r"\(it does not exist\)$"):
            load(far)
    with pytest.raises(UserError, match=r"\(no config.json\)$"):
        load(tmp_path)


def test_they_know_how_faces_are_cropped() -> None:
    translator = load_photo_translator(PRETRAINED, "old")
    assert translator.geometry is not None
    assert translator.geometry.size == translator.translator.store_size


def test_the_classifier_finds_a_woman_of_seventy_old() -> None:
    loaded = load_photo_classifier(PRETRAINED)
    (verdict,) = loaded._replace(search_pixels=160_000).classify(hopper())
    assert verdict.words == "old"
    assert loaded.ages == {"young": [20, 26], "old": [52, 62]}
    assert loaded.familiarity.training == 3253 + 1446 + 8552
    assert verdict.age is not None
    assert 52 < verdict.age.years < 90


def test_it_judges_and_says_that_it_was_trained_on_other_faces(drawn_store: FaceStore) -> None:
    scores = load_judge(PRETRAINED, "cpu").scores(torch.rand(2, 3, 96, 96) * 2 - 1)
    assert scores["p_old"].shape == (2,)
    assert doubt_of(PRETRAINED, drawn_store).startswith("trained on another store")


def test_results_are_written_here_and_not_into_the_package(tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in FOLDER.rglob("*")}
    recipe = REPOSITORY / "recipes" / "classify_photos.py"
    flags = ("--run", "pretrained", "--search-megapixels", "0.2", str(hopper_photo()))
    done = subprocess.run(
        [sys.executable, str(recipe), *flags],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "1 face: 1 old, about " in done.stdout
    assert done.stdout.splitlines()[-1].startswith("saved to pretrained/photos: index.html")
    assert (tmp_path / "pretrained" / "photos" / "index.html").exists()
    assert {path: path.stat().st_mtime_ns for path in FOLDER.rglob("*")} == before


def test_what_needs_faces_or_the_record_of_the_training_says_so(drawn_store: FaceStore) -> None:
    with pytest.raises(UserError, match="do not come with it: --faces names a FaceStore"):
        open_faces(load_classifier(PRETRAINED, "cpu").config)
    for need in (
        lambda: open_analysis(PRETRAINED, drawn_store.folder),
        lambda: make_page(PRETRAINED),
        lambda: require_record(PRETRAINED, "classifier"),
    ):
        with pytest.raises(UserError, match="have no record of their training"):
            need()
    with pytest.raises(UserError, match="leave out --faces"):
        load_photo_classifier(PRETRAINED, drawn_store.folder)


@pytest.mark.parametrize("kind", ["classifier", "cyclegan"])
def test_a_run_of_that_name_comes_first(kind: str) -> None:
    assert find_run(Path("runs/mine"), kind) == Path("runs/mine")
    assert find_run(PRETRAINED, kind) == FOLDER / kind
    PRETRAINED.mkdir()
    assert find_run(PRETRAINED, kind) == FOLDER / kind
    (PRETRAINED / "config.json").write_text("{}")
    assert find_run(PRETRAINED, kind) == PRETRAINED
    require_record(PRETRAINED, kind)


def test_all_of_it_is_small() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert sum(path.stat().st_size for path in files) < 25e6


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("cyclegan", ("verified", "evaluate_cyclegan.py")),
        (
            "classifier",
            ("balanced accuracy", "calibration", "one seed", "years off", "pack_run.py"),
        ),
    ],
)
def test_weights_are_half_and_have_a_card(kind: str, words: tuple[str, ...]) -> None:
    weights = load_file(FOLDER / kind / f"{WEIGHTS[kind]}.safetensors")
    assert {w.dtype for w in weights.values() if w.is_floating_point()} == {torch.float16}
    card = (FOLDER / kind / "README.md").read_text()
    for word in ("UTKFace", "non-commercial", *words):
        assert word in card


def test_no_path_of_a_machine_is_in_the_configs() -> None:
    for path in FOLDER.rglob("*.json"):
        config = read_json(path).get("config", {})
        assert not Path(config.get("faces", "")).is_absolute()
        assert not Path(config.get("out", "")).is_absolute()
