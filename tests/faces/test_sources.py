import numpy as np
import pytest
from catalogs import by_name, reasons, touch
from scipy.io import savemat

from agegen.errors import UserError
from agegen.faces.catalog import read_catalog
from agegen.faces.records import OLD, YOUNG, AgeRanges

RANGES = AgeRanges()


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
        (61, "female", OLD, ""),
        (20, "female", YOUNG, ""),
    }
    listed = reasons(catalog)
    assert "no age in the name" in listed["53__0_20170116184028385.jpg"]
    assert "age 9 is in neither class" in listed["9_1_0_20170109150557335.jpg"]


TABLE = """Path, Age ,label,identity,gender,split
a.jpg,23,,ann,Female,Test
sub/b.jpg,,old,bob,male,train
c.jpg,24,1,,,val
missing.jpg,24,,,,
bad.jpg,24.5,,,,
huge.jpg,99999999999999999999,1,,,
squared.jpg,²,0,,,
between.jpg,40,,,,
nothing.jpg,,,,,
label.jpg,24,2,,,
split.jpg,24,,,,holdout
,24,,,,
"""


def write_table(folder, text=TABLE, name="faces.csv", encoding="utf-8-sig"):
    for line in text.splitlines()[1:]:
        path = line.split(",")[0]
        if path and path != "missing.jpg":
            touch(folder, path)
    (folder / name).write_text(text, encoding=encoding)
    return folder / name


@pytest.mark.parametrize("by_file", [True, False])
def test_table(tmp_path, by_file):
    table = write_table(tmp_path)
    catalog = read_catalog(table if by_file else tmp_path, RANGES)
    assert catalog.kind == "table"
    assert [tuple(face)[1:] for face in catalog.faces] == [
        (YOUNG, 23, "ann", "female", "test"),
        (OLD, 24, "", "", "val"),  # the label decides, whatever the age
        (OLD, None, "bob", "male", ""),
    ]
    listed = reasons(catalog)
    expected = {
        "missing.jpg": "line 5 of faces.csv: no such file",
        "bad.jpg": "line 6 of faces.csv: age “24.5” is not a whole number",
        "huge.jpg": "is not a whole number",
        "squared.jpg": "age “²” is not a whole number",
        "between.jpg": "age 40 is in neither class",
        "nothing.jpg": "neither an age nor a label",
        "label.jpg": "label “2” is not 0, 1, young or old",
        "split.jpg": "split “holdout” is not train, val or test",
        tmp_path.name: "line 13 of faces.csv: no such file",
    }
    assert set(listed) == set(expected)
    for name, fragment in expected.items():
        assert fragment in listed[name]


def test_a_table_with_an_impossible_path_is_listed(tmp_path):
    touch(tmp_path, "a.jpg", "b.jpg")
    table = tmp_path / "t.csv"
    table.write_text(f"path,label\na.jpg,0\nb.jpg,1\n{'x' * 5000}.jpg,0\n", encoding="utf-8")
    catalog = read_catalog(table, RANGES)
    assert len(catalog.faces) == 2
    assert "no such file" in catalog.rejected[0].reason


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"file,years\na.jpg,23\n", "needs the columns path and age"),
        (b"", "needs the columns path and age"),
        ("path,age\nä.jpg,23\n".encode("utf-16"), "is not a CSV in UTF-8"),
        (b"path,age\n" + b"x" * 200_000 + b",23\n", "is not a CSV in UTF-8"),
    ],
    ids=["columns", "empty", "utf-16", "endless cell"],
)
def test_unreadable_tables_are_refused(tmp_path, content, sentence):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        read_catalog(tmp_path / "t.csv", RANGES)


def test_two_tables_have_to_be_told_apart(tmp_path):
    write_table(tmp_path, name="one.csv")
    write_table(tmp_path, name="two.csv")
    with pytest.raises(UserError, match="more than one: name the file"):
        read_catalog(tmp_path, RANGES, "table")
