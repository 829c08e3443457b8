"""The section on errors and successes says what its chapter found, whichever way it points."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from analyses import rewrite, undrawn, words_of  # noqa: F401 - a fixture

from agegen.analysis.analysis import open_analysis
from agegen.analysis.errors import analyze
from agegen.report.classifier import errors
from agegen.report.classifier.groups import draw_shares
from agegen.report.parts.section import Section
from agegen.run.errors import UserError
from agegen.run.files import read_json, write_json

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture(scope="module")
def chapter(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The analysis folder after the chapter; every third face is wrong."""
    run = shutil.copytree(trained_run, tmp_path_factory.mktemp("errors") / "run")
    analysis = open_analysis(run)
    y = analysis.test.labels
    wrong = np.arange(len(y)) % 3 == 0
    p = np.where(wrong ^ (y == 1), 0.93, 0.05)
    content = analyze(analysis._replace(test=replace(analysis.test, p=p)))
    write_json(analysis.folder / "errors.json", content)
    return analysis.folder


@pytest.fixture
def folder(chapter: Path, tmp_path: Path) -> Path:
    """A copy to be changed."""
    return shutil.copytree(chapter, tmp_path / "run" / "analysis")


def answer(folder: Path) -> Section:
    n = read_json(folder / "errors.json")["n"]
    return errors.answer(
        folder, {"split": "test", "n": n, "n_by_class": {"young": n // 2, "old": n - n // 2}}
    )


def change(folder: Path, **values) -> None:
    rewrite(folder / "errors.json", read_json(folder / "errors.json") | values)


def share(count: float, n: int, reach: float = 0.05) -> dict:
    value = count / n if n else None
    low, high = (None, None) if value is None else (value - reach, value + reach)
    return {"n": n, "count": count, "share": {"value": value, "low": low, "high": high}}


def contrast(a: dict, b: dict, low: float, high: float) -> dict:
    middle = (low + high) / 2
    return {
        "of_errors": a,
        "of_right": b,
        "difference": {"value": middle, "low": low, "high": high},
    }


def test_the_section_of_the_chapter(chapter: Path) -> None:
    content, section = read_json(chapter / "errors.json"), answer(chapter)
    words = words_of(section)
    wrong, n = content["errors"]["count"], content["n"]
    assert section.answer[0].startswith(f"{wrong:.0f} of {n} faces are classified wrongly")
    assert f"{content['by_class']['old']['count']:.0f} of" in section.answer[0]
    assert "old faces taken for young" in section.answer[0]
    assert str(chapter / "errors.csv") in section.answer[-1]
    assert "nan" not in words
    assert "None" not in words
    assert [g.name for g in section.galleries] == [
        f"{label}: the {len(content['galleries'][f'{kind} {label}'])} most {kind}"
        for kind in ("wrong", "right")
        for label in ("young", "old")
    ]
    ages, sheet = section.pictures
    assert ages.name == "Errors by age"
    assert sheet.wide
    assert sheet.src.startswith("data:image/png;base64,")


def test_galleries_show_p_age_and_neighbours(chapter: Path) -> None:
    faces = read_json(chapter / "errors.json")["galleries"]["wrong young"]
    gallery = answer(chapter).galleries[0]
    for face, (src, what, caption) in zip(faces, gallery.faces, strict=True):
        assert src.startswith("data:image/jpeg;base64,")
        assert caption == (
            f"p(old) {face['p_old']:.3f}\nage {face['age']}\n{face['nearest_old']} of 5 near: old"
        )
        assert what.startswith(f"young face {face['index']} of the store")


def test_errors_among_the_other_classs_faces(folder: Path) -> None:
    change(folder, other_class_neighbours=contrast(share(40, 50), share(5, 100), 0.6, 0.9))
    sentence = answer(folder).answer[-2]
    assert "neighbours of the other class are more frequent around errors" in sentence
    assert "lie among the other class" in sentence
    change(folder, other_class_neighbours=contrast(share(5, 50), share(50, 100), -0.6, -0.2))
    sentence = answer(folder).answer[-2]
    assert "less frequent around errors" in sentence
    assert "lie among their own class" in sentence
    change(folder, other_class_neighbours=contrast(share(25, 50), share(50, 100), -0.1, 0.1))
    sentence = answer(folder).answer[-2]
    assert "no clear difference" in sentence
    assert "cannot be told" in sentence


def test_of_few_errors_nothing_is_said_to_be_shared(folder: Path) -> None:
    near = {"years": 2} | contrast(share(3, 3), share(10, 60), 0.6, 0.9)
    others = contrast(share(3, 3), share(5, 100), 0.6, 0.99)
    change(folder, errors=share(3, 150), near_bound=near, other_class_neighbours=others)
    _, _, ages, *_, neighbours, _ = answer(folder).answer
    assert ages.endswith("too few errors to compare.")
    assert neighbours.endswith("too few errors to compare.")


def test_errors_near_the_bound(folder: Path) -> None:
    for low, high, says in (
        (0.1, 0.3, "errors are more frequent there"),
        (-0.3, -0.1, "errors are less frequent there"),
        (-0.1, 0.2, "no clear difference"),
    ):
        near = {"years": 2} | contrast(share(9, 30), share(10, 60), low, high)
        change(folder, near_bound=near)
        assert says in answer(folder).answer[2]


def test_genders_are_compared_within_a_class(folder: Path) -> None:
    groups = {"of_female": share(5, 50), "of_male": share(20, 50)}
    for low, high, says in (
        (-0.4, -0.2, "errors are less frequent among women (difference -0.300"),
        (0.2, 0.4, "errors are more frequent among women"),
        (-0.1, 0.2, "no clear difference"),
    ):
        difference = {"value": (low + high) / 2, "low": low, "high": high}
        change(folder, by_gender={"young": groups | {"difference": difference}})
        section = answer(folder)
        assert says in section.answer[3]
        assert "Among young faces, a share of 0.100 [" in section.answer[3]
        rows = [row[:3] for row in section.tables[0].rows]
        assert ["young male", "50", "20"] in rows


def test_no_errors_and_nothing_known(folder: Path) -> None:
    content, none = read_json(folder / "errors.json"), share(0, 0)
    unknown = {"value": None, "low": None, "high": None}
    empty = {"of_errors": none, "of_right": share(30, 60), "difference": unknown}
    for faces in content["galleries"].values():
        for face in faces:
            face["age"] = None
    content["galleries"] |= {"wrong young": [], "wrong old": []}
    content |= {
        "errors": share(0, 60),
        "sure_errors": none,
        "by_age": {},
        "by_class_and_gender": {},
    }
    content |= {"near_bound": {"years": 2} | empty, "other_class_neighbours": empty}
    rewrite(folder / "errors.json", content)
    section = answer(folder)
    words = words_of(section)
    assert "There are no errors to look into." in section.answer
    assert "known of no error" in words
    assert "None" not in words
    assert section.galleries[0] == ("young: none wrong", [])
    assert "age unknown" in section.galleries[2].faces[0][2]
    assert [p.name for p in section.pictures] == ["Nearest training faces"]


def test_a_lost_file_names_the_command_that_makes_it(folder: Path) -> None:
    (folder / "errors_faces.npz").unlink()
    with pytest.raises(UserError, match=r"errors_faces\.npz.*analyze_classifier\.py --again"):
        answer(folder)


def test_shares_are_drawn_from_the_youngest_down() -> None:
    from matplotlib.figure import Figure

    groups = {"20": share(1, 10), "9": share(0, 0), "55": share(3, 10)}
    figure = Figure()
    draw_shares(figure, groups, 0.2, "share wrong")
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "20  (n = 10)", "9  (n = 0)", "55  (n = 10)",
    ]  # fmt: skip
    points = axes.containers[0].lines[0]
    assert points.get_xdata().tolist() == [0.1, 0.3]
    assert points.get_ydata().tolist() == [0, 2]
    assert axes.yaxis_inverted()
