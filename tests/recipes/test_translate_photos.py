"""translate_photos and export_cyclegan as real commands: odd photos, no photos, no extra."""

import csv
import os
import shutil

import numpy as np
import pytest
from made_photos import keep_made_geometry
from photos import picture, recipe, recipe_here, save
from PIL import Image
from real_face import SIDE, hopper, hopper_photo
from without_extra import recipe_without_extra

TURNED = 6  # EXIF orientation of a photo taken with the camera turned


@pytest.fixture(scope="module")
def run(cyclegan_run, drawn_store, tmp_path_factory):
    """A run beside its store, whose geometry is known."""
    folder = tmp_path_factory.mktemp("recipe")
    keep_made_geometry(drawn_store, shutil.copytree(drawn_store.folder, folder / "faces"))
    return shutil.copytree(cyclegan_run, folder / "run")


def fill(folder):
    """Write odd photos; returns name → what its line must say."""
    folder.mkdir()
    upright = Image.fromarray(hopper())
    exif = Image.Exif()
    exif[0x0112] = TURNED
    upright.transpose(Image.Transpose.ROTATE_90).save(folder / "turned.jpg", exif=exif)
    upright.convert("L").save(folder / "grey.png")
    upright.convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(np.hstack([hopper(), hopper()[:, ::-1]])).save(folder / "two\nlines.png")
    save(folder / "noise.png", 3, size=100)
    (folder / "cut.jpg").write_bytes(hopper_photo().read_bytes()[:3000])
    (folder / "notes.txt").write_text("x")
    shutil.copy(folder / "noise.png", folder / os.fsdecode(b"Ren\xe9.png"))
    return {
        "turned.jpg": "1 face translated to old: ",
        "grey.png": "1 face translated to old: ",
        "cmyk.jpg": "1 face translated to old: ",
        "two lines.png": "2 faces translated to old: ",
        "noise.png": "no face found",
        "Ren\\udce9.png": "no face found",
        "cut.jpg": "truncated",
        "notes.txt": "not an image",
        "gone.jpg": "does not exist",
    }


def opened(path):
    """The pixels of a picture as int, and its format."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int), image.format


def read_table(out):
    with (out / "translations.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def party(run, tmp_path_factory):
    """Odd photos, their translations, and what the command said."""
    folder = tmp_path_factory.mktemp("photos") / "party"
    out, expected = folder / "old", fill(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    done = recipe(
        "translate_photos", "--run", run, "--to", "old", "--faces", run.parent / "faces",
        "--search-megapixels", 0.2, "--out", out, folder, folder / "gone.jpg",
    )  # fmt: skip
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} == before
    return folder, out, expected, done


def test_every_photo_gets_its_line_and_nothing_stops_the_others(party):
    folder, out, expected, done = party
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "Warning" not in done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if str(folder) in line]
    assert len(lines) == len(expected) + 1
    for name, words in expected.items():
        (line,) = [line for line in lines if f"/{name}: " in line]
        assert words in line
    assert lines[-1] == (f"saved to {out}: index.html, translated photos, strips, translations.csv")
    assert (out / "index.html").read_text(encoding="utf-8").count('role="radiogroup"') == 4


def test_a_run_that_knows_how_faces_were_cropped_needs_no_store(party, run, tmp_path):
    """The first call kept it in the run."""
    moved = shutil.copytree(run, tmp_path / "moved")
    config = (moved / "config.json").read_text().replace('"faces": "', '"faces": "/nowhere')
    (moved / "config.json").write_text(config)
    done = recipe(
        "translate_photos", "--run", moved, "--to", "old", "--search-megapixels", 0.2,
        "--out", tmp_path / "out", party[0] / "grey.png",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "1 face translated to old: " in done.stdout
    (moved / "geometry.json").unlink()
    done = recipe("translate_photos", "--run", moved, "--to", "old", party[0] / "grey.png")
    assert done.returncode == 2
    assert "/nowhere" in done.stderr


def test_the_table_has_a_row_for_each_face_or_problem(party):
    _, out, expected, _ = party
    rows = read_table(out)
    assert list(rows[0]) == [
        "photo", "translated", "face", "left", "top", "right", "bottom", "to", "problem",
        "years_before", "years_after",
    ]  # fmt: skip
    assert len(rows) == len(expected) + 1  # one photo has two faces
    assert {row["to"] for row in rows} == {"old"}
    two = [row for row in rows if row["photo"].endswith("lines.png")]
    assert [row["face"] for row in two] == ["1", "2"]
    boxes = sorted((float(row["left"]) + float(row["right"])) / 2 for row in two)
    assert 0 < boxes[0] < SIDE < boxes[1] < 2 * SIDE
    for row in rows:
        assert bool(row["problem"]) != bool(row["translated"])
        assert bool(row["years_after"]) == bool(row["translated"])
        if row["translated"]:
            assert (out / row["translated"]).exists()
            assert float(row["left"]) < float(row["right"])


@pytest.mark.parametrize(
    ("name", "kind"), [("turned.jpg", "JPEG"), ("cmyk.jpg", "JPEG"), ("grey.png", "PNG")]
)
def test_faces_change_and_the_rest_does_not(party, name, kind):
    """Every photo comes out upright, as large, of its kind, the same outside the face's square."""
    folder, out, _, _ = party
    (row,) = [row for row in read_table(out) if row["photo"] == str(folder / name)]
    result, found = opened(out / row["translated"])
    source = hopper().astype(int)
    if name == "grey.png":
        source = opened(folder / name)[0]
        assert (result[..., 0] == result[..., 1]).all()
        assert (result[..., 0] == result[..., 2]).all()
    assert found == kind
    assert result.shape == source.shape
    left, top, right, bottom = (float(row[c]) for c in ("left", "top", "right", "bottom"))
    y, x = np.indices(result.shape[:2]) + 0.5
    outside = (x < left) | (x > right) | (y < top) | (y > bottom)
    middle = np.hypot(x - (left + right) / 2, y - (top + bottom) / 2) < (right - left) / 4
    assert outside.sum() > 500
    off = np.abs(result - source).mean(axis=-1)
    assert off[outside].mean() < (0.1 if kind == "PNG" else 8)  # JPEG, and CMYK and back
    assert off[middle].mean() > 2 * off[outside].mean() + 2


def test_strips_show_both_photos_and_every_face(party):
    _, out, _, _ = party
    strips = sorted(path.name for path in out.glob("*_strip.png"))
    assert len(strips) == 4
    for name in strips:
        pixels, _ = opened(out / name)
        assert pixels.shape[0] > 500
        assert pixels.std() > 20


def test_without_the_extra_whole_crops_of_any_size_are_translated(run, tmp_path):
    photo = tmp_path / "face.png"
    Image.fromarray(picture(5, 301)[:, :233]).save(photo)
    done = recipe_without_extra(
        "translate_photos", "--run", run, "--to", "young", "--out", tmp_path / "out", photo
    )
    assert done.returncode == 0, done.stderr
    assert "pip install 'agegen[photos]'" in done.stdout
    assert "face.png: 1 face translated to young: 001_face_young.png" in done.stdout
    result, _ = opened(tmp_path / "out" / "001_face_young.png")
    assert result.shape == (301, 233, 3)
    change = np.abs(result - picture(5, 301)[:, :233].astype(int)).mean(axis=-1)
    edge = np.concatenate([change[0], change[-1], change[:, 0], change[:, -1]])
    assert edge.mean() > 1  # no mask: the whole picture is the face
    (row,) = read_table(tmp_path / "out")
    assert [float(row[c]) for c in ("left", "top", "right", "bottom")] == [0, 0, 233, 301]


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--centred", "gone.jpg"), "no photo to translate: gone.jpg does not exist"),
        (("--centred", "--out", "recipes", "recipes"), "choose another folder for the results"),
        (("--faces", "nowhere", "x.jpg"), "nowhere"),
    ],
)
def test_mistakes_are_one_sentence(run, flags, sentence):
    done = recipe_here("translate_photos", "--run", run, "--to", "old", *flags)
    assert done.returncode == 2
    assert sentence in done.stderr


def test_export_says_what_the_file_takes_and_how_well_it_agrees(run, tmp_path):
    out = tmp_path / "old.onnx"
    done = recipe("export_cyclegan", "--run", run, "--to", "old", "--out", out)
    assert done.returncode == 0, done.stderr
    assert f"saved to {out}: faces uint8 (n, h, w, 3), h and w from 32 up" in done.stdout
    assert "differ by at most" in done.stdout
    assert out.exists()
