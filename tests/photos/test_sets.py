"""Which photos are worked through, and what is said where no face is."""

import numpy as np
import pytest
from photos import save

from agegen.photos.sets import explain_no_face, one_line, photos_for, result_name
from agegen.run.errors import UserError


@pytest.mark.parametrize(
    ("size", "pixels", "smallest", "finer"),
    [(200, 4_000_000, 20, False), (1000, 250_000, 80, True), (200, 40_000, 40, True)],
)
def test_a_photo_without_a_face_says_which_faces_are_not_found(size, pixels, smallest, finer):
    said = explain_no_face(np.zeros((size, size, 3), np.uint8), pixels)
    assert said.startswith("no face found")
    assert f"narrower than about {smallest} pixels" in said
    assert ("--search-megapixels" in said) == finer


def test_photos_are_listed_beside_what_is_none(tmp_path):
    photo = save(tmp_path / "party" / "a.png", 0)
    save(tmp_path / "party" / "out" / "old.png", 1)
    photos, rejected = photos_for(
        "age", [tmp_path / "party", tmp_path / "gone.jpg"], tmp_path / "party" / "out"
    )
    assert photos == [photo]
    assert [entry.reason for entry in rejected] == ["does not exist"]


@pytest.mark.parametrize("named", [".", "001_a.png", "link/001_a.png"])
def test_results_never_come_among_the_photos(tmp_path, named):
    save(tmp_path / "001_a.png", 0)
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(UserError, match="choose another folder for the results"):
        photos_for("age", [tmp_path / named], tmp_path)


def test_no_photo_is_one_sentence_with_its_purpose(tmp_path):
    with pytest.raises(UserError, match=r"no photo to age: .*gone does not exist"):
        photos_for("age", [tmp_path / "gone"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_names_are_numbered_and_on_one_line(tmp_path):
    assert result_name(7, tmp_path / "two\nlines.jpg") == "007_two\nlines"
    assert one_line(tmp_path / "two\nlines.jpg").endswith("/two lines.jpg")
