"""The benchmark on photos as a real command: a scene of drawn faces, one real photo."""

import csv
import shutil

from made_photos import keep_made_geometry
from photos import recipe, save
from real_face import hopper_photo

from agegen.run.files import read_json


def test_scenes_and_marked_photos_are_measured(trained_run, drawn_store, tmp_path):
    run = shutil.copytree(trained_run, tmp_path / "run")
    faces = shutil.copytree(drawn_store.folder, tmp_path / "faces")
    keep_made_geometry(drawn_store, faces)
    save(tmp_path / "behind" / "landscape.png", 1, size=300)
    photos = tmp_path / "photos"
    photos.mkdir()
    shutil.copy(hopper_photo(), photos / "hopper.jpg")
    (photos / "marks.csv").write_text(
        "photo,x,y,width,view,age\nhopper.jpg,265,235,130,front,77\nhopper.jpg,60,560,50,none,\n"
    )
    out = tmp_path / "out"
    done = recipe(
        "benchmark_photos", "--run", run, "--faces", faces, "--out", out, "--scenes", 1,
        "--scene.smallest", 60, "--scene.largest", 90, "--photos", photos,
        "--backgrounds", tmp_path / "behind",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in read_json(out / "results.json")["rows"]}
    with (out / "faces.csv").open(newline="") as file:
        placed = list(csv.DictReader(file))
    assert rows["faces found, in 1 scenes"]["n"] == len(placed)
    assert len(list((out / "scenes").glob("*.jpg"))) == 1
    real = rows["faces found, in 1 real photos, 0 of them without a face"]
    assert (real["value"], real["n"]) == (0.5, 2)
    assert rows["found, front"]["value"] == 1
    assert (out / "false_finds.csv").read_text().startswith("photo,x,y,unlikeness")
    assert "faces found, in 1 scenes" in done.stdout
    with (out / "real_faces.csv").open(newline="") as file:
        assert [row["found"] for row in csv.DictReader(file)] == ["1", "0"]


def test_nothing_to_measure_is_one_sentence(tmp_path):
    done = recipe("benchmark_photos", "--run", tmp_path, "--out", tmp_path / "out", "--scenes", 0)
    assert done.returncode == 2
    assert "error: nothing to measure" in done.stderr
    assert "Traceback" not in done.stderr
