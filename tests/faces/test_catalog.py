from pathlib import Path

import numpy as np
import pytest
from catalogs import by_name, reasons, touch
from photos import save
from scipy.io import savemat

from agegen.faces.catalog import read_catalog
from agegen.faces.names import UTKFACE_NAME, parse_utkface_name
from agegen.faces.records import OLD, YOUNG, AgeRanges
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


def test_class_folders_with_given_test(tmp_path):
    touch(tmp_path, "train/0/a.jpg", "train/1/b.jpg", "train/1/deep/c.png")
    touch(tmp_path, "test/0/d.jpg", "test/1/57_Ann_Lee_0001.jpg")
    catalog = read_catalog(tmp_path, RANGES)
    assert catalog.kind == "folders"
    faces = by_name(catalog)
    assert {n: (f.label, f.split) for n, f in faces.items()} == {
        "a.jpg": (YOUNG, ""),
        "b.jpg": (OLD, ""),
        "c.png": (OLD, ""),
        "d.jpg": (YOUNG, "test"),
        "57_Ann_Lee_0001.jpg": (OLD, "test"),
    }
    assert (faces["57_Ann_Lee_0001.jpg"].age, faces["57_Ann_Lee_0001.jpg"].identity) == (
        57,
        "Ann_Lee",
    )
    assert faces["a.jpg"].age is None
    assert not catalog.rejected


def test_class_folders_at_the_top_and_by_word(tmp_path):
    touch(tmp_path, "young/a.jpg", "old/b.jpg")
    assert {n: f.label for n, f in by_name(read_catalog(tmp_path, RANGES)).items()} == {
        "a.jpg": YOUNG,
        "b.jpg": OLD,
    }


def test_photos_beside_the_class_folders_are_listed(tmp_path):
    touch(tmp_path, "train/0/a.jpg", "train/1/b.jpg", "train/2/c.jpg", "train/d.jpg")
    listed = reasons(read_catalog(tmp_path, RANGES))
    assert set(listed) == {"c.jpg", "d.jpg"}
    assert all("in none of the class folders" in reason for reason in listed.values())


def test_ages_in_the_names_of_train_and_test(tmp_path):
    touch(tmp_path, "train/22_a.jpg", "train/60_b.jpg", "train/40_c.jpg", "train/d.jpg")
    touch(tmp_path, "val/23_e.jpg", "test/25_0_1_20170101120000000.jpg", "test/55_f.jpg")
    catalog = read_catalog(tmp_path, RANGES)
    faces = by_name(catalog)
    assert {n: (f.label, f.age, f.split) for n, f in faces.items()} == {
        "22_a.jpg": (YOUNG, 22, ""),
        "60_b.jpg": (OLD, 60, ""),
        "23_e.jpg": (YOUNG, 23, "val"),
        "25_0_1_20170101120000000.jpg": (YOUNG, 25, "test"),
        "55_f.jpg": (OLD, 55, "test"),
    }
    assert faces["25_0_1_20170101120000000.jpg"].gender == "male"
    assert reasons(catalog) == {
        "40_c.jpg": "age 40 is in neither class (young 20–26, old 52–62)",
        "d.jpg": "no age in the name (expected to begin like 25_)",
    }


@pytest.mark.parametrize(
    ("name", "age", "gender"),
    [
        ("61_3_20170109150557335.jpg.chip.jpg", 61, ""),
        ("39_1_20170116174525125.jpg.chip.jpg", 39, ""),
        ("61_1_20170109142408075.jpg.chip.jpg", 61, ""),
        ("53__0_20170116184028385.jpg.chip.jpg", 53, ""),
        ("24_0_0_20170116232725357jpg.chip.jpg", 24, "male"),
        ("55_0__20170116232725357.jpg", 55, "male"),
        ("1_3_2_20161219154612015.jpg", 1, ""),
    ],
)
def test_malformed_names_of_utkface_still_say_the_age(name, age, gender):
    assert UTKFACE_NAME.match(name)
    face = parse_utkface_name(Path(name))
    assert (face.age, face.gender) == (age, gender)


def test_imdb_wiki(tmp_path):
    touch(tmp_path, "00/nm0000100_rm1_1980-6-30_2003.jpg", "00/nm0000100_rm2_1980-7-1_2003.jpg")
    touch(tmp_path, "01/1000_1940-08-02_1999.jpg", "23/1001_1940-00-00_1999.png", "23/wiki.mat")
    touch(tmp_path, "01/1002_1940-13-02_1999.jpg", "01/1003_1999-02-30_2020.jpg")
    touch(tmp_path, "01/1004_2010-01-01_1999.jpg", "01/1005_0-0-0_1999.jpg", "01/1006_1999.jpg")
    catalog = read_catalog(tmp_path, RANGES)
    assert catalog.kind == "imdb-wiki"
    assert {(f.age, f.identity, f.label) for f in catalog.faces} == {
        (23, "nm0000100", YOUNG),  # in the middle of 2003 the birthday was just over
        (22, "nm0000100", YOUNG),
        (58, "1000", OLD),
        (59, "1001", OLD),  # without a month: the years alone
    }
    assert reasons(catalog) == {
        "1002_1940-13-02_1999.jpg": "its date of birth 1940-13-02 does not exist",
        "1003_1999-02-30_2020.jpg": "its date of birth 1999-02-30 does not exist",
        "1004_2010-01-01_1999.jpg": "no age: born 2010-01-01, photographed 1999",
        "1005_0-0-0_1999.jpg": "its date of birth 0-0-0 does not exist",
        "1006_1999.jpg": "no dates in the name (expected like 1000_1981-05-05_2009.jpg)",
    }
    assert [item.path.name for item in catalog.beside] == ["wiki.mat"]


def test_cacd_by_name(tmp_path):
    touch(tmp_path, "24_Ann_Lee_0001.jpg", "62_Bob_O'Ray-Fox_0012.JPG", "25_Zoë_Ñ_0003.jpg")
    touch(
        tmp_path, "25_Two\nLines_0004.jpg", "63_Ann_Lee_0005.jpg", "Ann_Lee_0006.jpg", "notes.txt"
    )
    catalog = read_catalog(tmp_path, RANGES)
    assert catalog.kind == "cacd"
    assert {(f.age, f.identity, f.label) for f in catalog.faces} == {
        (24, "Ann_Lee", YOUNG),
        (62, "Bob_O'Ray-Fox", OLD),
        (25, "Zoë_Ñ", YOUNG),
        (25, "Two\nLines", YOUNG),
    }
    listed = reasons(catalog)
    assert "neither class" in listed["63_Ann_Lee_0005.jpg"]
    assert "no age in the name" in listed["Ann_Lee_0006.jpg"]
    assert "its name ends in “.txt”" in listed["notes.txt"]


def test_cacd_with_its_table(tmp_path):
    touch(
        tmp_path, "photos/53_Robin_Williams_0001.jpg", "photos/22_Ann_Lee_0002.jpg", "photos/x.jpg"
    )
    names = ["53_Robin_Williams_0001.jpg", "22_Ann_Lee_0002.jpg"]
    columns = {"name": np.array(names, dtype=object), "age": [53, 22], "identity": [1, 7]}
    savemat(tmp_path / "celebrity2000_meta.mat", {"celebrityImageData": columns})
    catalog = read_catalog(tmp_path, RANGES)
    assert {(f.age, f.identity) for f in catalog.faces} == {
        (53, "Robin_Williams"),  # the name wins, so that listed and unlisted photos agree
        (22, "Ann_Lee"),
    }
    assert set(reasons(catalog)) == {"x.jpg"}


def test_a_damaged_cacd_table_is_named(tmp_path):
    touch(tmp_path, "22_Ann_Lee_0001.jpg", "55_Ann_Lee_0002.jpg", "celebrity2000_meta.mat")
    with pytest.raises(UserError, match=r"celebrity2000_meta\.mat is not CACD's"):
        read_catalog(tmp_path, RANGES)


def test_utkface(tmp_path):
    touch(tmp_path, "25_0_1_20170101120000000.jpg.chip.jpg", "61_1_20170109142408075.jpg.chip.jpg")
    touch(
        tmp_path,
        "20_1_4_20170117.jpg",
        "53__0_20170116184028385.jpg",
        "9_1_0_20170109150557335.jpg",
    )
    catalog = read_catalog(tmp_path, RANGES)
    assert catalog.kind == "utkface"
    assert {(f.age, f.gender, f.label, f.identity) for f in catalog.faces} == {
        (25, "male", YOUNG, ""),
        (61, "", OLD, ""),  # 61_1_…: gender or race
        (53, "", OLD, ""),
        (20, "female", YOUNG, ""),
    }
    listed = reasons(catalog)
    assert "age 9 is in neither class" in listed["9_1_0_20170109150557335.jpg"]
