"""Tables as spreadsheets and other programs write them, and as people damage them."""

import os
import random
import re

import pytest
from catalogs import by_name, reasons, touch

from agegen.faces.catalog import SOURCES, read_catalog
from agegen.faces.records import OLD, YOUNG, AgeRanges
from agegen.run.errors import UserError

RANGES = AgeRanges()
TABLE = """Path, Age ,label,identity,gender,split
a.jpg,23,,ann,Female,Test
sub/b.jpg,,old,bob,male,train
c.jpg,24,1,,,val
missing.jpg,24,,,,
bad.jpg,-24,,,,
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


def rows_of(folder, text, name="t.csv"):
    """Write a table beside the photos 0.jpg to 9.jpg, of which 8 and 9 are in it."""
    touch(folder, *(f"{i}.jpg" for i in range(10)))
    columns = text.split("\n")[0].split(",")
    known = {"path": ("8.jpg", "9.jpg"), "age": ("23", "57"), "label": ("0", "1")}
    rows = [",".join(known.get(c, ("", ""))[i] for c in columns) for i in (0, 1)]
    (folder / name).write_text("\n".join([text, *rows]), encoding="utf-8")
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
        "bad.jpg": "line 6 of faces.csv: age “-24” is not a number of years",
        "huge.jpg": "line 7 of faces.csv: age “99999999999999999999” is not a number",
        "squared.jpg": "age “²” is not a number of years",
        "between.jpg": "line 9 of faces.csv: age 40 is in neither class",
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
    long = "x" * 5000
    table.write_text(f"path,label\na.jpg,0\nb.jpg,1\n{long}.jpg,0\nnul\0.jpg,0\n{long * 30},0\n")
    catalog = read_catalog(table, RANGES)
    assert len(catalog.faces) == 2
    assert [item.reason for item in catalog.rejected] == [
        "line 4 of t.csv: no such file",
        "line 5 of t.csv: no such file",
        "line 6 of t.csv: a cell is too long",
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"file,years\na.jpg,23\n", "needs the columns path and age .or label.*“file”, “years”$"),
        (b"a.jpg,23\n", "needs the columns path and age .*it has “a.jpg”, “23”$"),
        (b"", "needs the columns path and age .*it has none"),
        (b"\n \n", "needs the columns path and age .*it has none"),
        (b"PK\x03\x04\x14\0\x06\0", "t.csv is a spreadsheet's workbook: save it as CSV"),
        (bytes(range(256)) * 9, "needs the columns path and age"),
        (b"file,image,age\n", "“file” and “image” could each be the path: rename one"),
        (b"path,age,Age\n", "“age” and “Age” could each be the age: rename one"),
        (b"path,age\nx.jpg,23\n", r"\(1 left out; the first, x.jpg: line 2 of t.csv: no such"),
    ],
)
def test_unreadable_tables_are_refused_in_a_sentence(tmp_path, content, sentence):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        read_catalog(tmp_path / "t.csv", RANGES)


def test_two_tables_have_to_be_told_apart(tmp_path):
    write_table(tmp_path, name="one.csv")
    write_table(tmp_path, name="._one.csv")  # macOS's shadow of it is none
    assert read_catalog(tmp_path, RANGES).kind == "table"
    write_table(tmp_path, name="two.CSV")
    with pytest.raises(UserError, match="more than one: name the file"):
        read_catalog(tmp_path, RANGES, "table")


def test_a_photo_twice_is_a_repeat_or_a_contradiction(tmp_path):
    table = rows_of(
        tmp_path,
        "path,label,age,gender,split\n"
        "0.jpg,0,,,\n./0.jpg,0.0,,,train\n"  # lines 2, 3
        "1.jpg,0,,,\n1.jpg,1,,,\n"
        "2.jpg,,23,,\n2.jpg,,40,,\n"  # 6, 7: contradicted by an age that is in neither class
        "3.jpg,0,,,train\n3.jpg,0,,,test\n"
        "4.jpg,0,23,m,\n4.jpg,0,24,f,\n"
        "5.jpg,0,,,\n5.jpg,,23,,\n5.jpg,,22,,test\n6.jpg,1,,,\n6.jpg,,58,f,",
    )
    catalog = read_catalog(table, RANGES)
    assert {name: face.split for name, face in by_name(catalog).items()} == {
        "0.jpg": "", "3.jpg": "test", "6.jpg": "", "8.jpg": "", "9.jpg": "",
    }  # fmt: skip
    other = "the same photo as line {} of t.csv, with another {}: nothing tells which is true"
    assert sorted(item.reason for item in catalog.rejected) == sorted(
        f"line {number} of t.csv: {reason}"
        for number, reason in {
            3: "a repeat of line 2 of t.csv",
            4: other.format(5, "class"),
            5: other.format(4, "class"),
            6: other.format(7, "class and age"),
            7: other.format(6, "class and age"),
            8: "a repeat of line 9 of t.csv",
            10: other.format(11, "age and gender"),
            11: other.format(10, "age and gender"),
            12: "the same photo as line 13 of t.csv, line 14 of t.csv, with another age: nothing "
            "tells which is true",
            13: "the same photo as line 12 of t.csv, line 14 of t.csv, with another age: nothing "
            "tells which is true",
            14: "the same photo as line 12 of t.csv, line 13 of t.csv, with another age: nothing "
            "tells which is true",
            16: "a repeat of line 15 of t.csv",  # which says less, but nothing else
        }.items()
    )


def test_genders_that_say_nothing_are_unknown_and_said(tmp_path):
    genders = ("M", "f", " Woman", "MALE", "0", "1", "x", "nan")
    rows = [f"{i}.jpg,23,{gender}" for i, gender in enumerate(genders)]
    table = rows_of(tmp_path, "\n".join(["path,age,sex", *rows]))
    catalog = read_catalog(table, RANGES)
    assert [f.gender for f in catalog.faces] == [
        "male", "female", "female", "male", "", "", "", "", "", "",
    ]  # fmt: skip
    assert [note.text for note in catalog.notes] == [
        "gender “0”, “1”, “x” counts as unknown (lines of t.csv: 3): write female or male"
    ]


def test_columns_that_are_not_read_are_said(tmp_path):
    catalog = read_catalog(rows_of(tmp_path, "path,id,age,name"), RANGES)
    assert [note.text for note in catalog.notes] == ["columns of t.csv that are not read: id, name"]
    assert {face.identity for face in catalog.faces} == {""}


def test_what_a_folder_holds_beside_its_table_is_listed(tmp_path):
    rows_of(tmp_path, "path,age\n./sub/../0.jpg,23", "t.tsv")
    touch(tmp_path, "sub/x.jpg", "notes.txt", "meta.mat")
    catalog = read_catalog(tmp_path, RANGES)
    assert len(catalog.faces) == 3
    listed = reasons(catalog)
    assert {n for n, why in listed.items() if why == "t.tsv does not name it"} == {
        *(f"{i}.jpg" for i in range(1, 8)), "x.jpg",
    }  # fmt: skip
    assert listed["notes.txt"] == "not an image: its name ends in “.txt”"
    assert [item.path.name for item in catalog.beside] == ["meta.mat"]
    assert not read_catalog(tmp_path / "t.tsv", RANGES).rejected


def test_names_in_other_bytes_and_accents_are_found(tmp_path):
    touch(tmp_path, os.fsdecode("Zoë.jpg".encode("latin-1")), "Re\u0301ne\u0301.jpg", "ok/a\\b.jpg")
    (tmp_path / "t.csv").write_bytes(
        b"path;label\n" + "Zoë.jpg;0\n".encode("cp1252") + "Réné.jpg;1\nok\\a\\b.jpg;0\n".encode()
    )
    catalog = read_catalog(tmp_path / "t.csv", RANGES)
    assert len(catalog.faces) == 2
    assert [item.reason for item in catalog.rejected] == ["line 4 of t.csv: no such file"]
    assert [note.text for note in catalog.notes] == [
        "t.csv is not all UTF-8: lines read as Windows-1252: 1"
    ]


@pytest.mark.parametrize("form", ["sep=;\n{}", '"sep=;"\r\n{}', "\ufeff\n\n{}"])
def test_excels_own_first_line_and_blank_ones(tmp_path, form):
    touch(tmp_path, "a.jpg", "b,c.jpg")
    text = form.format('path;"age";x,y,z\n"a.jpg";23,9;1,2,3\n\n;;\nb,c.jpg;57\n')
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    catalog = read_catalog(tmp_path / "t.csv", RANGES)
    assert [face.age for face in catalog.faces] == [23, 57]
    assert not catalog.rejected


HEADERS = {
    "path": ("path", "Filename", "file_name", "FILE", "image", "img", "Image Path"),
    "age": ("age", "Age", " AGE ", "Age (years)"),
    "label": ("label", "Class", "target"),
    "split": ("split", "set", "Subset"),
    "gender": ("gender", "Sex"),
    "id": ("id", "notes", "näme"),
}
WORDS = {
    "label": {YOUNG: ("0", "0.0", "Young", "0,0"), OLD: ("1", "1.0", "old", "OLD", "1,0")},
    "split": {
        "": ("", "train", "Training"),
        "val": ("val", "valid", "Validation", "DEV"),
        "test": ("test", "Test", "testing"),
    },
    "gender": {"": ("", "0", "?", "nan"), "female": ("F", "female", "woman"), "male": ("M", "Man")},
}


def quoted(cell, delimiter, rng):
    """Quote a cell where it must be, and now and then where it need not."""
    must = delimiter in cell or cell.startswith('"')
    return '"' + cell.replace('"', '""') + '"' if must or rng.random() < 0.1 else cell


def random_table(folder, rng):
    """Write a table and its photos; returns it, what each sound line says, and the broken lines."""
    delimiter = rng.choice(",;\t|")
    columns = ["path", *rng.choice((("age",), ("label",), ("label", "age")))]
    columns += [name for name in ("split", "gender", "id") if rng.random() < 0.5]
    rng.shuffle(columns)
    encoding = rng.choice(("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"))
    lines = [delimiter.join(quoted(rng.choice(HEADERS[c]), delimiter, rng) for c in columns)]
    sound, broken = {}, set()

    def add(text, is_broken=True):
        lines.append(text)
        if is_broken:
            broken.add(len(lines))

    for number in range(rng.randint(5, 30)):
        name = f"{rng.choice(('', 'imgs/', 'a b/c/'))}{rng.choice('aéx,;')}{number}.jpg"
        touch(folder, name)
        label, age = rng.choice(((YOUNG, rng.randint(20, 26)), (OLD, rng.randint(52, 62))))
        split, gender = (rng.choice(list(WORDS[column])) for column in ("split", "gender"))
        cells = {
            "path": rng.choice((name, "./" + name, name.replace("/", "\\"), ".\\" + name)),
            "age": f"{age}{rng.choice(('', '.0', ',0', '.75', ' '))}",
            "label": rng.choice(WORDS["label"][label]),
            "split": rng.choice(WORDS["split"][split]),
            "gender": rng.choice(WORDS["gender"][gender]),
            "id": rng.choice(("", "7", "5\" tall", "x, y; z", "Zoë")),
        }  # fmt: skip
        row = [quoted(cells[column], delimiter, rng) for column in columns]
        damage = rng.choice(("open quote", "newline", "cells", "file", "blank", *["none"] * 9))
        if damage == "open quote":
            at = rng.randrange(len(row))
            add(delimiter.join([*row[:at], '"' + row[at].replace('"', ""), *row[at + 1 :]]))
        elif damage == "newline":
            add(delimiter.join([*row, '"first']))
            add('second"')
        elif damage == "cells":
            add(delimiter.join([*row, "more"]))
        elif damage == "file":
            add(delimiter.join("gone.jpg" if c == "path" else "0" for c in columns))
        else:
            add(delimiter.join(row), False)
            sound[len(lines)] = (
                name,
                label,
                age if "age" in columns else None,
                split if "split" in columns else "",
                gender if "gender" in columns else "",
            )
            if damage == "blank":
                add(rng.choice(("", "  ", delimiter * len(columns))), False)
    text = rng.choice(("\n", "\r\n", "\r")).join(lines) + rng.choice(("", "\n"))
    table = folder / rng.choice(("t.csv", "t.CSV", "t.tsv"))
    table.write_bytes(text.encode(encoding, "strict"))
    return table, sound, broken


def test_every_line_of_any_table_is_a_face_or_rejected_by_its_number(tmp_path):
    rng = random.Random(0)
    faces = rejected = 0
    for number in range(300):
        folder = touch(tmp_path / str(number), "any.txt")
        table, sound, broken = random_table(folder, rng)
        catalog = [item for item in SOURCES["table"](table, RANGES) if hasattr(item, "path")]
        read = [face for face in catalog if hasattr(face, "label")]
        assert {
            (f.path.relative_to(folder).as_posix(), f.label, f.age, f.split, f.gender) for f in read
        } == set(sound.values())
        assert len(read) == len(sound)
        reasons = [item.reason for item in catalog if hasattr(item, "reason")]
        assert sorted(int(re.match(r"line (\d+) of t\.", why)[1]) for why in reasons) == sorted(
            broken
        )
        faces, rejected = faces + len(read), rejected + len(reasons)
    assert faces > 3000
    assert rejected > 1000


@pytest.mark.parametrize("kind", ["bytes", "text"])
def test_no_file_of_noise_ends_in_a_traceback(tmp_path, kind):
    rng = random.Random(1)
    table = tmp_path / "t.csv"
    touch(tmp_path, "a.jpg", "b.jpg")
    pieces = ["path", "age", "label", "a.jpg", "b.jpg", "23", "57", '"', ",", ";", "\t", "\n", "\r"]
    pieces += ["\0", "\\", "é", "\u2028", "\x0c", "sep=", " ", "0", "..", "/", "\ud7ff", "²", "٢٣"]
    refused = 0
    for _ in range(500):
        noise = rng.randbytes(rng.randint(0, 60)) if kind == "bytes" else b""
        noise += "".join(rng.choice(pieces) for _ in range(rng.randint(0, 60))).encode()
        table.write_bytes(rng.choice((b"", b"path,age\n", b"image;label\n")) + noise)
        try:
            read_catalog(rng.choice((table, tmp_path)), RANGES)
        except UserError:
            refused += 1
    assert refused > 100
