import pytest
from catalogs import touch
from photos import save

from agegen.faces.catalog import read_catalog
from agegen.faces.records import AgeRanges
from agegen.run.errors import UserError

RANGES = AgeRanges()


def test_a_missing_source_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"nowhere does not exist"):
        read_catalog(tmp_path / "nowhere", RANGES)


def test_an_unknown_kind_is_refused(tmp_path):
    touch(tmp_path, "holiday.jpg", "notes.txt")
    with pytest.raises(UserError, match="is of no known kind: expected train/0"):
        read_catalog(tmp_path, RANGES)
    with pytest.raises(UserError, match="is a file, but not a CSV table"):
        read_catalog(tmp_path / "notes.txt", RANGES)


def test_an_empty_folder_is_refused(tmp_path):
    (tmp_path / "inside").mkdir()
    touch(tmp_path, ".hidden")
    with pytest.raises(UserError, match="holds no visible files"):
        read_catalog(tmp_path, RANGES)


def test_a_missing_class_is_refused_where_nothing_was_left_out(tmp_path):
    touch(tmp_path, "24_Ann_Lee_0001.jpg")
    with pytest.raises(UserError, match=r"no face of class old in .* read as cacd$"):
        read_catalog(tmp_path, RANGES)


def test_a_missing_class_is_refused_with_the_first_reason(tmp_path):
    touch(tmp_path, "24_Ann_Lee_0001.jpg", "45_Bob_Ray_0001.jpg")
    with pytest.raises(
        UserError, match=r"no face of class old .* read as cacd .*age 45 is in neither"
    ):
        read_catalog(tmp_path, RANGES)


def test_faces_are_sorted_and_nothing_is_decoded(tmp_path):
    touch(tmp_path, *(f"{age}_Ann_Lee_{i:04d}.jpg" for i, age in enumerate((55, 24, 60, 21))))
    save(tmp_path / "b" / "22_Ann_Lee_0009.png", 0)
    paths = [str(face.path) for face in read_catalog(tmp_path, RANGES).faces]
    assert len(paths) == 5
    assert paths == sorted(paths)
