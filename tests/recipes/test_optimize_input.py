"""The input-optimisation recipe as a real command."""

import runpy
import shutil
from functools import partial
from pathlib import Path

import pytest
from photos import recipe, recipe_here
from PIL import Image

from agegen.faces.store import FaceStore
from agegen.run.errors import UserError
from agegen.run.files import read_json

ROOT = Path(__file__).parents[2]


optimise = partial(recipe, "optimize_input")


def test_writes_images_strip_curve_and_figures_also_of_a_judge(
    trained_run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "inputs"
    done = optimise(
        "--run",
        trained_run,
        "--out",
        out,
        "--count",
        2,
        "--method.steps",
        3,
        "--judge",
        trained_run,
    )
    assert done.returncode == 0, done.stderr
    figures = read_json(out / "figures.json")
    assert [image["name"] for image in figures["images"]] == [
        "old_from_noise_0", "old_from_noise_1",
    ]  # fmt: skip
    first = figures["images"][0]
    assert first["second_p_old_after"] == first["p_old_after"]  # its own judge here
    assert len(first["history"]) == 3
    p = f"{first['p_old_before']:.2f}"
    assert f"old_from_noise_0: p(old) {p} | {p} → p(old)" in done.stdout
    with Image.open(out / "old_from_noise_0.png") as image:
        assert image.size == (4 * 46, 4 * 46)
    for name in ("before_after.png", "curve.svg"):
        assert (out / name).stat().st_size > 1000


def test_starts_from_a_face_or_a_photo(
    trained_run: Path, drawn_store: FaceStore, tmp_path: Path
) -> None:
    run = shutil.copytree(trained_run, tmp_path / "run")
    photo = tmp_path / "my face.png"
    Image.fromarray(drawn_store.images[7]).save(photo)
    shared = ("--run", run, "--target", "young", "--method.steps", 2)
    face = optimise(*shared, "--start", "face", "--face", 7)
    assert face.returncode == 0, face.stderr
    assert "note: no second classifier" in face.stdout
    from_store = read_json(run / "inputs" / "figures.json")["images"][0]
    assert optimise(*shared, "--start", "photo", "--photo", photo).returncode == 0
    from_photo = read_json(run / "inputs" / "figures.json")["images"][0]
    assert from_photo["name"] == "young_from_photo_my face"
    assert from_store["second_p_old_after"] is None
    for name in ("p_old_before", "p_old_after"):
        assert from_photo[name] == pytest.approx(from_store[name], abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--start", "face", "--face", 300], "--face 300: "),
        (["--judge", "nowhere"], "nowhere is not a run folder"),
    ],
)
def test_mistakes_are_one_sentence(trained_run: Path, arguments, sentence: str) -> None:
    done = recipe_here("optimize_input", "--run", trained_run, *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr


def test_flags_that_do_not_fit_together_and_bad_photos_are_refused(tmp_path: Path) -> None:
    recipe = runpy.run_path(str(ROOT / "recipes" / "optimize_input.py"))
    config, read_photo = recipe["InputConfig"], recipe["read_photo"]
    with pytest.raises(UserError, match="--face needs --start face"):
        config(Path("run"), face=3)
    with pytest.raises(UserError, match="need each other"):
        config(Path("run"), start="photo")
    with pytest.raises(UserError, match="--count must be above 0"):
        config(Path("run"), count=0)
    with pytest.raises(UserError, match="--photo nowhere is not a file"):
        read_photo(Path("nowhere"), 48)
    (tmp_path / "words.jpg").write_text("no picture")
    with pytest.raises(UserError, match="a text file, not an image"):
        read_photo(tmp_path / "words.jpg", 48)
