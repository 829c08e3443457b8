"""What is written about classified photos: tables, pictures, one line a photo."""

import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from made_photos import make_photo, make_verdict
from photos import picture, save
from PIL import Image

from agegen.photos import classify_files as photo_files
from agegen.photos.classify import load_photo_classifier
from agegen.photos.classify_files import (
    COLUMNS,
    classify_photos,
    describe_verdict,
    mark_text,
    result_of,
    write_pictures,
    write_tables,
)
from agegen.photos.sets import short_name
from agegen.run.errors import UserError
from agegen.run.files import read_json


@pytest.fixture(scope="module")
def centred(trained_run, drawn_store, tmp_path_factory):
    run = shutil.copytree(trained_run, tmp_path_factory.mktemp("files") / "run")
    return load_photo_classifier(run, drawn_store.folder, centred=True)


def read_table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_photo_and_every_other_file_gets_its_rows(centred, tmp_path):
    folder = tmp_path / "party"
    first = save(folder / "a.png", 0)
    save(folder / "a.jpg", 1)  # another photo of the same name
    (folder / "broken.jpg").write_bytes(b"")
    (folder / "notes.txt").write_text("x")
    out = tmp_path / "found"
    results = list(
        classify_photos(centred, [folder, tmp_path / "gone.jpg"], out, {"run": "runs/x"})
    )
    photos = [result.content for result in results]
    problems = {Path(p["path"]).name: p["problem"] for p in photos if p["problem"]}
    assert problems == {
        "notes.txt": "not an image: its name ends in “.txt”",
        "gone.jpg": "does not exist",
        "broken.jpg": "empty file",
    }
    rows = read_table(out / "photos.csv")
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 5
    row = next(row for row in rows if row["photo"] == str(first))
    assert (row["width"], row["height"], row["face"]) == ("64", "64", "1")
    assert [float(row[name]) for name in ("left", "top", "right", "bottom")] == [0, 0, 64, 64]
    assert {row["remarks"] for row in rows if not row["face"]} == set(problems.values())
    content = read_json(out / "photos.json")
    assert content["run"] == "runs/x"
    assert content["views"] == "ten"
    assert content["temperature"] == centred.classifier.temperature
    assert content["geometry"] is None
    assert content["familiarity"]["training"] == centred.familiarity.training
    for photo in content["photos"]:
        assert (photo["picture"] is None) == bool(photo["problem"])
        for face in photo["faces"]:
            with Image.open(out / face["image"]) as image:
                assert image.size == (48, 48)
            assert face["p_old"] == pytest.approx(float(row["p_old"]), abs=1)
    pictures = [photo["picture"] for photo in content["photos"] if photo["picture"]]
    assert len(set(pictures)) == 2
    assert all((out / name).exists() for name in pictures)


def test_a_second_run_does_not_look_at_the_results_of_the_first(centred, tmp_path):
    save(tmp_path / "party" / "a.png", 0)
    out = tmp_path / "party" / "found"
    for _ in range(2):
        results = list(classify_photos(centred, [tmp_path / "party"], out, {}))
        assert [Path(r.content["path"]).name for r in results] == ["a.png"]


def test_results_among_the_photos_are_refused(centred, tmp_path):
    save(tmp_path / "a.png", 0)
    with pytest.raises(UserError, match="choose another folder for the results"):
        list(classify_photos(centred, [tmp_path], tmp_path / "x" / "..", {}))
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("names", "sentence"),
    [([], "none was named"), (["gone"], "gone does not exist"), (["empty"], "without photos")],
)
def test_no_photo_at_all_is_one_sentence(centred, tmp_path, names, sentence):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=f"no photo to classify: .*{sentence}"):
        list(classify_photos(centred, [tmp_path / name for name in names], tmp_path / "out", {}))


def test_results_that_may_not_be_written_are_one_sentence(centred, tmp_path):
    photo = save(tmp_path / "a.png", 0)
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot write"):
        list(classify_photos(centred, [photo], tmp_path / "file", {}))


def test_names_that_are_long_or_no_utf8_stop_nothing(centred, tmp_path):
    long = save(tmp_path / f"{'李' * 80}.png", 0)
    latin = save(tmp_path / os.fsdecode(b"Ren\xe9.png"), 1)
    results = list(classify_photos(centred, [long, latin], tmp_path / "out", {}))
    assert all(result.content["faces"] for result in results)
    names = [photo["picture"] for photo in read_json(tmp_path / "out" / "photos.json")["photos"]]
    assert names == [f"001_{'李' * 40}.jpg", "002_Ren.jpg"]
    assert short_name(long) == "李" * 40


def test_faces_are_marked_with_their_colours_and_numbers(tmp_path):
    photo = np.full((300, 400, 3), 128, np.uint8)
    verdicts = [
        make_verdict(1, 0.02, centre=(80, 100)),
        make_verdict(2, 0.99, centre=(200, 100)),
        make_verdict(3, 0.5, centre=(320, 100)),
    ]
    (tmp_path / "faces").mkdir()
    write_pictures(tmp_path, "x", photo, verdicts)
    pixels = np.asarray(Image.open(tmp_path / "x.jpg")).astype(int)
    for x, colour in ((80, (0, 114, 178)), (200, (213, 94, 0)), (320, (118, 118, 118))):
        top = pixels[48:57, x - 10 : x + 10].reshape(-1, 3)
        assert np.abs(top - colour).sum(axis=1).min() < 90, colour
    for verdict in verdicts:
        saved = np.asarray(Image.open(tmp_path / "faces" / f"x_{verdict.number}.png"))
        np.testing.assert_array_equal(saved, verdict.face.image)


def test_few_faces_show_their_probability_and_doubt_is_marked():
    assert mark_text(make_verdict(2, 0.95), few=True) == "2: old, p(old) 0.95"
    assert mark_text(make_verdict(2, 0.2, 1.5), few=False) == "2: probably young ?"


def test_the_table_gives_a_tilted_face_its_box_and_tilt(tmp_path):
    verdict = make_verdict(1, 0.25, 1.2, side=100, centre=(200, 150), tilt=45)
    write_tables(tmp_path, [result_of(make_photo(tmp_path / "x.jpg", verdict), "001_x")], {})
    (row,) = read_table(tmp_path / "photos.csv")
    half = 50 * 2**0.5
    expected = [200 - half, 150 - half, 200 + half, 150 + half]
    box = [float(row[name]) for name in ("left", "top", "right", "bottom")]
    np.testing.assert_allclose(box, expected, atol=0.06)
    assert float(row["tilt"]) == pytest.approx(45)
    assert row["verdict"] == "probably young"
    assert row["remarks"] == "unlike the training faces"
    assert float(row["eye_distance"]) == pytest.approx(18 * 100 / 48, rel=0.01)


def test_one_line_says_what_a_photo_shows(tmp_path):
    path = tmp_path / "x.jpg"
    one = make_photo(path, make_verdict(1, 0.97, 1.3))
    assert describe_verdict(one) == (
        f"{path}: 1 face: 1 old (p(old) 0.97, unlike the training faces)"
    )
    two = make_photo(path, make_verdict(1, 0.97), make_verdict(2, 0.4))
    assert describe_verdict(two).endswith("2 faces: 1 old (p(old) 0.97); 2 undecided (p(old) 0.40)")
    assert describe_verdict(make_photo(path, problem="empty file")) == f"{path}: empty file"


def test_many_faces_are_counted(tmp_path):
    many = [make_verdict(i, p) for i, p in enumerate([0.01, 0.2, 0.5, 0.8, 0.99, 0.99, 0.6], 1)]
    line = describe_verdict(make_photo(tmp_path / "x.jpg", *many))
    assert line.endswith("7 faces: 2 young, 3 old, 2 undecided")
    assert "\n" not in line


def test_a_line_stays_one_line(tmp_path):
    line = describe_verdict(make_photo(tmp_path / "two\nlines.jpg", make_verdict()))
    assert "\n" not in line


def test_a_photo_without_a_face_has_no_picture(centred, tmp_path, monkeypatch):
    monkeypatch.setattr(
        photo_files, "write_pictures", lambda *_: pytest.fail("no face, no picture")
    )
    Image.fromarray(picture(0, 20)).save(tmp_path / "tiny.png")
    result = next(classify_photos(centred, [tmp_path / "tiny.png"], tmp_path / "out", {}))
    assert "too small for a face" in result.content["problem"]
