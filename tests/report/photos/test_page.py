"""The page on classified photos, from files that no network has made."""

import json
import re

import pytest
from made_photos import make_photo, make_verdict
from photos import picture

from agegen.photos.classify_files import result_of, write_pictures, write_tables
from agegen.report.photos import page as photos_page
from agegen.report.photos.page import make_page
from agegen.run.errors import UserError
from agegen.run.files import read_json, write_json

ABOUT = {
    "run": "runs/<utk>",
    "ages": {"young": [20, 26], "old": [52, 62]},
    "views": "ten",
    "temperature": 0.789,
    "age_margin": None,
    "cropping": "landmarks were found in 93 of 100 training faces",
    "familiarity": {"quantile": 0.99, "training": 4600, "validation": 652},
}


def write(folder, *photos, **about):
    """Write the folder of photos given as (name, verdicts or problem)."""
    (folder / "faces").mkdir(parents=True, exist_ok=True)
    results = []
    for number, (name, content) in enumerate(photos, 1):
        if isinstance(content, str):
            results.append(result_of(make_photo(folder / name, problem=content), ""))
        else:
            results.append(result_of(make_photo(folder / name, *content), f"{number:03d}_x"))
            write_pictures(folder, f"{number:03d}_x", picture(number, 300), content)
    write_tables(folder, results, ABOUT | about)
    return folder


def tile(page, name):
    found = re.search(
        rf'<span class="name">{name}</span><span class="value">([^<]*)</span>'
        r'<span class="interval">([^<]*)</span>',
        page,
    )
    return found.groups()


@pytest.fixture
def party(tmp_path):
    return write(
        tmp_path,
        ("party & friends.jpg", [make_verdict(1, 0.05), make_verdict(2, 0.8, 1.7)]),
        ("<b>.jpg", [make_verdict(1, 0.5)]),
        ("broken.jpg", "empty file"),
    )


def test_the_tiles_count_what_the_table_says(party):
    page = make_page(party)
    assert tile(page, "files") == ("3", "1 without a result")
    assert tile(page, "faces") == ("3", "in 2 photos")
    assert tile(page, "young") == ("1", "0 of them probably")
    assert tile(page, "old") == ("1", "1 of them probably")
    assert tile(page, "undecided")[0] == "1"
    assert tile(page, "unlike the training faces")[0] == "1"


def test_every_photo_and_face_is_shown_with_what_was_said(party):
    page = make_page(party)
    assert page.count("data:image/jpeg;base64,") == 2
    assert page.count("data:image/png;base64,") == 3
    assert "party &amp; friends.jpg with 2 faces marked: 1 young; 2 probably old" in page
    assert "2: probably old\np(old) 0.80\nunlike the training faces" in page
    assert "&lt;b&gt;.jpg" in page
    assert "<b>" not in page
    assert re.search(r"broken\.jpg</th><td>empty file</td>", page)


def test_the_page_refers_to_nothing_outside_itself(party):
    page = make_page(party)
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", page)
    assert "http" not in page


def test_the_method_is_told_with_the_runs_figures(party, tmp_path):
    page = make_page(party)
    for words in ("20 to 26 years", "temperature 0.789", "93 of 100", "4,600", "99%", "652"):
        assert words in page, words
    assert "runs/&lt;utk&gt;" in page
    centred = make_page(write(tmp_path / "centred", ("a.jpg", [make_verdict()]), cropping=""))
    assert "No faces were looked for" in centred
    assert "Cropping:" not in centred


def test_photos_without_any_face_have_no_section_of_faces(tmp_path):
    page = make_page(write(tmp_path, ("a.jpg", "no face found")))
    assert 'id="photos"' not in page
    assert tile(page, "faces") == ("0", "in 0 photos")


def test_photos_without_a_problem_have_no_table_of_problems(tmp_path):
    assert 'id="without"' not in make_page(write(tmp_path, ("a.jpg", [make_verdict()])))


def test_very_many_photos_are_not_all_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(photos_page, "MOST_SHOWN", 2)
    folder = write(tmp_path, *[(f"{i}.jpg", [make_verdict()]) for i in range(5)])
    page = make_page(folder)
    assert page.count("data:image/jpeg;base64,") == 2
    assert "3 more photos with faces are in photos.csv" in page
    assert tile(page, "faces") == ("5", "in 5 photos")
    assert "more photos with faces" not in make_page(
        write(tmp_path / "two", *[(f"{i}.jpg", [make_verdict()]) for i in range(2)])
    )


@pytest.mark.parametrize("name", ["001_x.jpg", "faces/001_x_1.png", "photos.json"])
def test_a_missing_file_is_one_sentence(party, name):
    (party / name).unlink()
    with pytest.raises(UserError, match=re.escape(name)):
        make_page(party)


def test_a_damaged_picture_is_one_sentence(party):
    (party / "001_x.jpg").write_bytes(b"x")
    with pytest.raises(UserError, match="classify the photos again"):
        make_page(party)


@pytest.mark.parametrize("left_out", ["photos", "familiarity", "run"])
def test_a_table_of_another_version_is_one_sentence(party, left_out):
    content = read_json(party / "photos.json")
    del content[left_out]
    write_json(party / "photos.json", content)
    with pytest.raises(UserError, match="of another version"):
        make_page(party)
    (party / "photos.json").write_text(json.dumps([1]))
    with pytest.raises(UserError, match="of another version"):
        make_page(party)
