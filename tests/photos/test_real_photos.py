"""Finds are compared with faces that someone has marked."""

from types import SimpleNamespace

import numpy as np
import pytest
from made_photos import make_photo, make_verdict

from agegen.photos.real_photos import NEAR, RealFace, measure_real_photos, pair_up, read_marks
from agegen.run.errors import UserError

AGES = {"young": [20, 26], "old": [52, 62]}
HEADER = "photo,x,y,width,view,age\n"


def write(folder, *lines):
    (folder / "marks.csv").write_text(HEADER + "".join(f"{line}\n" for line in lines))
    return folder


def classifying(**verdicts):
    """A photo classifier that says of each photo what it is told to."""
    return SimpleNamespace(
        ages=AGES, classify_file=lambda path: (make_photo(path, *verdicts[path.stem]), None)
    )


def test_marks_are_read_by_photo(tmp_path):
    write(tmp_path, "a.jpg,10,20.5,30,front,23", "b.jpg,,,,,", "a.jpg,50,60,30,side,")
    assert read_marks(tmp_path / "marks.csv") == {
        "a.jpg": [
            RealFace("a.jpg", 10, 20.5, 30, "front", 23),
            RealFace("a.jpg", 50, 60, 30, "side", None),
        ],
        "b.jpg": [],
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (HEADER + "a.jpg,1,2,3,front,\na.jpg,1,two,3,front,\n", "line 3: not a row of photo, x"),
        ("photo,faces\na.jpg,3\n", "line 2: not a row"),
        (HEADER + "a.jpg,1\n", "line 2: not a row"),
        (HEADER + "a.jpg,1,2,3,front,old\n", "line 2: not a row"),
    ],
)
def test_a_wrong_table_is_one_sentence(tmp_path, text, sentence):
    (tmp_path / "marks.csv").write_text(text)
    with pytest.raises(UserError, match=sentence):
        read_marks(tmp_path / "marks.csv")


def test_a_missing_table_says_what_belongs_in_it(tmp_path):
    with pytest.raises(UserError, match="does not exist: a table of photo, x, y, width"):
        read_marks(tmp_path / "marks.csv")


def mark(x, width=100.0):
    return (x, 100, width)


def test_the_nearest_pairs_belong_together():
    marks = [mark(100), mark(150)]
    finds = [make_verdict(1, centre=(145, 100)), make_verdict(2, centre=(110, 100))]
    assert pair_up(marks, finds, NEAR) == ([finds[1], finds[0]], [])


def test_far_finds_and_second_finds_are_false():
    finds = [make_verdict(i, centre=(x, 100)) for i, x in enumerate((105, 130, 400), 1)]
    found, extra = pair_up([mark(100), mark(700)], finds, NEAR)
    assert found == [finds[0], None]
    assert extra == finds[1:]
    assert pair_up([], finds, NEAR) == ([], finds)
    assert pair_up([mark(1)], [], NEAR) == ([None], [])


def test_every_mark_and_every_find_is_accounted_for(tmp_path):
    write(
        tmp_path,
        "a.jpg,200,150,90,front,25",
        "a.jpg,20,20,40,side,54",
        "b.jpg,200,150,90,front,40",
        "c.jpg,,,,,",
    )
    measured = measure_real_photos(
        classifying(
            a=[make_verdict(1, 0.1)], b=[make_verdict(1, 0.8, 1.4)], c=[make_verdict(1, 0.5, 2.0)]
        ),
        tmp_path,
    )
    assert (measured.photos, measured.without) == (3, 1)
    assert [face.found for face in measured.faces] == [1, 0, 1]
    assert [face.label for face in measured.faces] == [0, 1, None]  # 40 is in neither class
    assert measured.faces[0].p_old == 0.1
    assert np.isnan(measured.faces[1].p_old)
    assert measured.false_finds == [("c.jpg", 200.0, 150.0, 2.0)]


def test_a_marked_photo_that_cannot_be_read_is_one_sentence(tmp_path):
    write(tmp_path, "a.jpg,1,2,3,front,")
    broken = SimpleNamespace(
        ages=AGES,
        classify_file=lambda path: (make_photo(path, problem="empty file")._replace(width=0), None),
    )
    with pytest.raises(UserError, match=r"a\.jpg: empty file"):
        measure_real_photos(broken, tmp_path)
