"""classify_photos as a real command: odd photos, no photos, and no extra."""

import os
import re
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest
from made_photos import keep_made_geometry
from photos import REPOSITORY, command, environment, picture, recipe, save
from PIL import Image
from real_face import hopper, hopper_photo
from without_extra import recipe_without_extra

from agegen.run.files import read_json


@pytest.fixture(scope="module")
def run(trained_run, drawn_store, tmp_path_factory):
    """A run beside its store, where the command may keep what it measures."""
    folder = tmp_path_factory.mktemp("recipe")
    keep_made_geometry(drawn_store, shutil.copytree(drawn_store.folder, folder / "faces"))
    return shutil.copytree(trained_run, folder / "run")


def fill(folder):
    """Write odd photos; returns name → what its line must say."""
    folder.mkdir()
    upright = Image.fromarray(hopper())
    exif = Image.Exif()
    exif[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(folder / "turned.jpg", exif=exif)
    upright.convert("L").save(folder / "grey.png")
    upright.convert("CMYK").save(folder / "cmyk.jpg")
    upright.convert("RGBA").save(folder / "alpha.png")
    other = Image.fromarray(picture(1, 300))
    upright.save(folder / "moving.gif", save_all=True, append_images=[other])
    faces = dict.fromkeys(("turned.jpg", "grey.png", "cmyk.jpg", "alpha.png", "moving.gif"), "1 fa")
    Image.fromarray(np.hstack([hopper()] * 2)).save(folder / "two\nlines.png")
    sky = np.linspace(40, 220, 300).astype(np.uint8)[:, None, None]
    Image.fromarray(np.broadcast_to(sky, (300, 300, 3))).save(folder / "landscape.png")
    (folder / "text.jpg").write_text("not a photo")
    (folder / "cut.jpg").write_bytes(hopper_photo().read_bytes()[:3000])
    save(folder / "tiny.png", 3, size=20)
    (folder / "notes.txt").write_text("x")
    shutil.copy(folder / "landscape.png", folder / os.fsdecode(b"Ren\xe9.png"))
    return faces | {
        "two lines.png": "2 faces",
        "landscape.png": "no face found",
        "text.jpg": "a text file, not an image",
        "cut.jpg": "truncated",
        "tiny.png": "20 × 20 pixels: too small for a face",
        "notes.txt": "not an image",
        "Ren\\udce9.png": "no face found",
        "gone.jpg": "does not exist",
    }


def test_every_photo_gets_its_line_and_nothing_stops_the_others(run, tmp_path):
    folder, out = tmp_path / "party", tmp_path / "party" / "found"
    expected = fill(folder)
    flags = ("--search-megapixels", 0.36, "--out", out)
    done = recipe(
        "classify_photos", "--run", run, "--faces", run.parent / "faces", *flags, folder,
        folder / "gone.jpg",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "Warning" not in done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if str(folder) in line]
    assert len(lines) == len(expected) + 1
    for name, words in expected.items():
        (line,) = [line for line in lines if f"/{name}: " in line]
        assert words in line
    assert lines[-1] == f"saved to {out}: index.html, photos.csv, annotated pictures"
    photos = read_json(out / "photos.json")["photos"]
    assert len(photos) == len(expected)
    assert sum(len(photo["faces"]) for photo in photos) == 7
    page = (out / "index.html").read_text(encoding="utf-8")
    assert page.count("data:image/png") == 7
    assert "landmarks were found in 91 of 100 training faces" in page


def test_without_the_extra_centred_photos_are_classified(run, drawn_store, tmp_path):
    photo = save(tmp_path / "face.png", 5)
    flags = ("--run", run, "--faces", drawn_store.folder, "--out", tmp_path / "out")
    done = recipe_without_extra("classify_photos", *flags, photo)
    assert done.returncode == 0, done.stderr
    assert "pip install 'agegen[photos]'" in done.stdout
    assert re.search(r"face\.png: 1 face: 1 \w", done.stdout)
    assert "No faces were looked for" in (tmp_path / "out" / "index.html").read_text()


def test_no_photo_is_one_sentence(run):
    flags = ("--faces", run.parent / "faces", "--centred", "gone.jpg")
    done = recipe("classify_photos", "--run", run, *flags)
    assert done.returncode == 2
    assert "error: no photo to classify: gone.jpg does not exist" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGKILL", -9)])
def test_stopped_midway_the_same_command_goes_on(run, drawn_store, tmp_path, sent, status):
    party, out, whole = tmp_path / "party", tmp_path / "out", tmp_path / "whole"
    party.mkdir()
    for number, image in enumerate(drawn_store.images[:40]):
        Image.fromarray(image).resize((700, 700)).save(party / f"{number:02d}.png")
    arguments = ("--run", run, "--centred", party)
    assert recipe("classify_photos", *arguments, "--out", whole).returncode == 0
    process = subprocess.Popen(
        command("classify_photos", *arguments, "--out", out),
        cwd=REPOSITORY,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    until = time.monotonic() + 60
    journal = out / "journal.jsonl"
    while not journal.exists() or journal.read_bytes().count(b"\n") < 5:
        assert time.monotonic() < until
        time.sleep(0.002)
    process.send_signal(getattr(signal, sent))
    shown, _ = process.communicate(timeout=60)
    assert process.returncode == status
    assert "Traceback" not in shown
    if status > 0:
        assert shown.endswith("stopped: the same command goes on\n")
        done = (out / "photos.csv").read_text().count("\n") - 1
        assert 4 <= done == journal.read_text().count("\n") - 1 < 40
        assert (out / "index.html").exists()
    again = recipe("classify_photos", *arguments, "--out", out)
    assert "of these photos are done already" in again.stdout
    for name in ("photos.csv", "photos.json", "index.html"):
        assert (out / name).read_text() == (whole / name).read_text(), name
    assert sorted(p.name for p in out.rglob("*")) == sorted(p.name for p in whole.rglob("*"))
