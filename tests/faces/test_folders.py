"""Folders that say split, class or age, by whatever names people give them."""

import random

import pytest
from catalogs import by_name, reasons, touch

from agegen.faces.catalog import read_catalog
from agegen.faces.records import OLD, YOUNG, AgeRanges

RANGES = AgeRanges()
SPLITS = {
    "": ("train", "Train", "TRAINING"),
    "val": ("val", "valid", "Validation", "dev"),
    "test": ("test", "Test", "testing", "test_set"),
}
CLASSES = {
    YOUNG: ("0", "young", "Young", "class_0", "0_young", "class 0"),
    OLD: ("1", "old", "OLD", "class1", "1-old", "Older"),
}
DOMAINS = {YOUNG: ("A", "a", "_A"), OLD: ("B", "b", "-B")}
AGES = {YOUNG: ("20", "026", "age_23", "(20-26)", "22_24"), OLD: ("52", "062", "Age 60", "52-62")}


def random_layout(rng):
    """Return path → (class, split) for each photo of a layout that has to be understood."""
    expected = {}
    kind = rng.choice(
        ("split/class", "class/split", "class", "domain", "split/age", "age", "mixed")
    )
    for split, split_words in SPLITS.items():
        for word in rng.sample(split_words, rng.randint(1, len(split_words))):
            for label in (YOUNG, OLD):
                style = rng.choice(("split/class", "class/split", "domain"))
                style = style if kind == "mixed" else kind
                said = rng.choice((AGES if "age" in kind else CLASSES)[label])
                folder = {
                    "split/class": f"{word}/{said}",
                    "split/age": f"{word}/{said}",
                    "class/split": f"{said}/{word}",
                    "domain": word + rng.choice(DOMAINS[label]),
                }.get(style, said)
                for _ in range(rng.randint(1, 3)):
                    deeper = rng.choice(("", "a/", "b/c/"))
                    given = "" if style in ("class", "age") else split
                    expected[f"{folder}/{deeper}{len(expected)}.jpg"] = (label, given)
    return expected


def test_split_class_and_age_are_read_by_whatever_name(tmp_path):
    rng = random.Random(0)
    photos = 0
    for number in range(150):
        source = tmp_path / str(number)
        expected = random_layout(rng)
        touch(source, *expected)
        catalog = read_catalog(source, RANGES)
        read = {f.path.relative_to(source).as_posix(): (f.label, f.split) for f in catalog.faces}
        assert catalog.kind == "folders"
        assert read == expected
        assert not catalog.rejected
        photos += len(read)
    assert photos > 3000


def test_two_folders_of_one_split_are_both_read(tmp_path):
    touch(
        tmp_path, *(f"{s}/{c}/{s}{c}.jpg" for s in ("train", "val", "valid", "Test") for c in "01")
    )
    splits = {name: face.split for name, face in by_name(read_catalog(tmp_path, RANGES)).items()}
    assert splits["val0.jpg"] == splits["valid1.jpg"] == "val"
    assert splits["Test0.jpg"] == "test"


def test_what_lies_in_no_folder_of_a_split_is_listed(tmp_path):
    touch(tmp_path, "train/0/a.jpg", "train/1/b.jpg", "Test/0/c.jpg", "Test/1/d.jpg")
    touch(tmp_path, "extra/0/e.jpg", "1/f.jpg", "g.jpg", "Test/h.jpg", "extra/train/0/i.jpg")
    touch(tmp_path, "README.md", "faces.csv", ".DS_Store", "train/._b.jpg", "__MACOSX/j.jpg")
    catalog = read_catalog(tmp_path, RANGES)
    assert set(by_name(catalog)) == {"a.jpg", "b.jpg", "c.jpg", "d.jpg"}
    assert reasons(catalog) == {
        **dict.fromkeys(("e.jpg", "f.jpg", "g.jpg", "i.jpg"), "in none of the folders Test, train"),
        "h.jpg": "in none of the class folders 0, 1",
        "README.md": "not an image: its name ends in “.md”",
    }
    assert list(catalog.remarks()) == ["beside the photos, and not read: faces.csv"]


def test_class_folders_without_train_are_its(tmp_path):
    touch(tmp_path, "0/a.jpg", "1/b.jpg", "test/0/c.jpg", "test/1/d.jpg", "e.jpg")
    catalog = read_catalog(tmp_path, RANGES)
    assert {n: f.split for n, f in by_name(catalog).items()} == {
        "a.jpg": "", "b.jpg": "", "c.jpg": "test", "d.jpg": "test",
    }  # fmt: skip
    assert reasons(catalog) == {"e.jpg": "in none of the folders test"}


def test_the_domains_of_cyclegan_are_said(tmp_path):
    touch(tmp_path, "trainA/a.jpg", "trainB/b.jpg", "testA/23_Ann_Lee_0001.jpg")
    catalog = read_catalog(tmp_path, RANGES)
    assert by_name(catalog)["23_Ann_Lee_0001.jpg"].identity == "Ann_Lee"
    assert "A and B, as CycleGAN's users call their folders, are taken for young and old" in (
        "\n".join(catalog.remarks())
    )


@pytest.mark.parametrize("top", ["", "train/"])
def test_zero_and_one_are_ages_among_ages_of_both_classes(tmp_path, top):
    touch(tmp_path, *(f"{top}{age}/{age}.jpg" for age in range(91)))
    catalog = read_catalog(tmp_path, RANGES)
    assert {f.age for f in catalog.faces} == {*range(20, 27), *range(52, 63)}
    assert reasons(catalog)["1.jpg"] == "age 1 is in neither class (young 20–26, old 52–62)"


def test_zero_and_one_are_classes_among_anything_else(tmp_path):
    touch(tmp_path, "0/a.jpg", "1/b.jpg", "2/c.jpg", "23/d.jpg")
    catalog = read_catalog(tmp_path, RANGES)
    assert {n: f.label for n, f in by_name(catalog).items()} == {"a.jpg": YOUNG, "b.jpg": OLD}
    assert set(reasons(catalog).values()) == {"in none of the class folders 0, 1"}


def test_numbered_folders_of_named_photos_are_no_ages(tmp_path):
    touch(tmp_path, "train/022/55_Ann_Lee_0001.jpg", "train/055/23_Bob_Ray_0001.jpg")
    faces = by_name(read_catalog(tmp_path, RANGES))
    assert {f.identity: f.age for f in faces.values()} == {"Ann_Lee": 55, "Bob_Ray": 23}


def test_folders_of_ages_against_names_and_ranges(tmp_path):
    touch(tmp_path, "23/a.jpg", "23/23_1_2_20170109150557335.jpg", "23/55_Ann_Lee_0001.jpg")
    touch(tmp_path, "(52-62)/b.jpg", "(52-62)/54_Bob_Ray_0002.jpg", "(60-100)/c.jpg", "1/d.jpg")
    touch(tmp_path, "e.jpg")
    catalog = read_catalog(tmp_path, RANGES)
    faces = {name: (f.label, f.age, f.gender) for name, f in by_name(catalog).items()}
    assert faces == {
        "a.jpg": (YOUNG, 23, ""),
        "23_1_2_20170109150557335.jpg": (YOUNG, 23, "female"),
        "b.jpg": (OLD, None, ""),
        "54_Bob_Ray_0002.jpg": (OLD, 54, ""),
    }
    assert reasons(catalog) == {
        "55_Ann_Lee_0001.jpg": "its folder says 23 years, its name 55",
        "c.jpg": "the ages 60–100 are not all in one class",
        "d.jpg": "age 1 is in neither class (young 20–26, old 52–62)",
        "e.jpg": "in none of the class folders (52-62), (60-100), 1, 23",
    }


def test_one_photo_under_several_names_is_read_once(tmp_path):
    touch(tmp_path, "train/0/a.jpg", "train/1/b.jpg", "train/0/c.jpg", "train/0/d.jpg")
    touch(tmp_path, "test/0/z.jpg")
    (tmp_path / "train/1/c_again.jpg").hardlink_to(tmp_path / "train/0/c.jpg")
    (tmp_path / "train/0/d_again.jpg").symlink_to(tmp_path / "train/0/d.jpg")
    (tmp_path / "train/0/a_leak.jpg").hardlink_to(tmp_path / "test/0/z.jpg")
    catalog = read_catalog(tmp_path, RANGES)
    assert set(by_name(catalog)) == {"a.jpg", "b.jpg", "d.jpg", "z.jpg"}
    listed = reasons(catalog)
    assert listed["c.jpg"].endswith("c_again.jpg, with another class: nothing tells which is true")
    assert listed["c_again.jpg"].startswith(f"the same photo as {tmp_path}/train/0/c.jpg, with")
    assert listed["d_again.jpg"] == f"a repeat of {tmp_path}/train/0/d.jpg"
    assert listed["a_leak.jpg"] == f"a repeat of {tmp_path}/test/0/z.jpg"
