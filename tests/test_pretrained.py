"""The generators that come with the package."""

from pathlib import Path

import torch
from safetensors.torch import load_file

from agegen.cyclegan.photo_translator import load_photo_translator
from agegen.cyclegan.translate import PRETRAINED, find_run, load_translator
from agegen.faces.store import FaceStore

FOLDER = Path(__file__).parents[1] / "agegen" / "pretrained"


def test_they_load_without_any_run_and_change_faces(drawn_store: FaceStore) -> None:
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


def test_they_know_how_faces_are_cropped() -> None:
    translator = load_photo_translator(PRETRAINED, "old")
    assert translator.geometry is not None
    assert translator.geometry.size == translator.translator.store_size


def test_a_folder_of_that_name_comes_first(tmp_path: Path, monkeypatch) -> None:
    assert find_run(Path("runs/mine")) == Path("runs/mine")
    assert find_run(PRETRAINED) == FOLDER / "cyclegan"
    monkeypatch.chdir(tmp_path)
    PRETRAINED.mkdir()
    assert find_run(PRETRAINED) == FOLDER / "cyclegan"
    (PRETRAINED / "config.json").write_text("{}")
    assert find_run(PRETRAINED) == PRETRAINED


def test_they_are_small_and_have_a_card() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert sum(path.stat().st_size for path in files) < 25e6
    weights = load_file(FOLDER / "cyclegan" / "generators.safetensors")
    assert {w.dtype for w in weights.values()} == {torch.float16}
    card = (FOLDER / "cyclegan" / "README.md").read_text()
    for word in ("UTKFace", "non-commercial", "verified", "evaluate_cyclegan.py"):
        assert word in card
