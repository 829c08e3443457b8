"""The section on suspect labels says what its chapter found, whichever way it points."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from analyses import rewrite, undrawn, words_of  # noqa: F401 - a fixture

from agegen.analysis import label_noise as computed
from agegen.analysis.analysis import open_analysis
from agegen.report.classifier import label_noise
from agegen.report.parts.section import Section
from agegen.run.files import read_json, write_json

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture(scope="module")
def chapter(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The analysis folder after the chapter, with judges that contradict every tenth label."""
    run = shutil.copytree(trained_run, tmp_path_factory.mktemp("label_noise") / "run")
    analysis = open_analysis(run)
    labels = analysis.store.labels
    contradicted = np.arange(len(labels)) % 10 == 0
    p = np.where(contradicted ^ (labels == 1), 0.9, 0.1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(computed, "cross_validate", lambda configs: p)
        write_json(analysis.folder / "label_noise.json", computed.analyze(analysis))
    return analysis.folder


@pytest.fixture
def folder(chapter: Path, tmp_path: Path) -> Path:
    """A copy to be changed."""
    return shutil.copytree(chapter, tmp_path / "run" / "analysis")


def answer(folder: Path) -> Section:
    return label_noise.answer(folder, {})


def share(count: float, n: int) -> dict:
    value = count / n if n else None
    low, high = (max(value - 0.05, 0), min(value + 0.05, 1)) if n else (None, None)
    return {"n": n, "count": count, "share": {"value": value, "low": low, "high": high}}


def change_errors(folder: Path, wrong: dict, right: dict, low: float, high: float) -> None:
    content = read_json(folder / "label_noise.json")
    difference = {"value": (low + high) / 2, "low": low, "high": high}
    content["among_test_faces"] |= {
        "of_errors": wrong, "of_right": right, "difference": difference,
    }  # fmt: skip
    rewrite(folder / "label_noise.json", content)


def test_the_section_of_the_chapter(chapter: Path) -> None:
    content, section = read_json(chapter / "label_noise.json"), answer(chapter)
    words = words_of(section)
    young = content["by_class"]["young"]
    assert section.answer[0].startswith("30 of 300 labels of the whole data set are suspects")
    assert f"{young['count']:.0f} of {young['n']} labelled young" in section.answer[0]
    assert str(chapter / "label_noise_faces.csv") in section.answer[-1]
    assert "nan" not in words
    assert "None" not in words
    (table,) = section.tables
    assert [row[0] for row in table.rows] == ["young", "old"]
    assert table.rows[0][2] == f"{young['threshold']:.3f}"
    assert [p.name for p in section.pictures] == [
        "Self-confidence of the labels",
        "Suspects by age",
    ]
    assert "n = 300" in section.pictures[0].alt
    assert f"{content['folds']} parts" in section.details[0]


def test_galleries_show_the_suspects_of_each_label(chapter: Path) -> None:
    content = read_json(chapter / "label_noise.json")
    for name, gallery in zip(("young", "old"), answer(chapter).galleries, strict=True):
        faces = content["galleries"][name]
        assert gallery.name == f"labelled {name}: the {len(faces)} most suspicious"
        for face, (src, what, caption) in zip(faces, gallery.faces, strict=True):
            assert src.startswith("data:image/jpeg;base64,")
            assert what.startswith(f"{name} face {face['index']} of the store")
            assert caption.endswith(f"age {face['age']}\n{face['split']} split")


def test_errors_that_are_suspects(folder: Path) -> None:
    change_errors(folder, share(40, 60), share(5, 800), 0.5, 0.8)
    sentence = answer(folder).answer[2]
    assert "40 of 60 are suspects (share 0.667 [" in sentence
    assert "Errors are more often suspects" in sentence
    assert "most errors are faces that other networks" in sentence
    change_errors(folder, share(10, 60), share(5, 800), 0.1, 0.2)
    assert "yet most errors are not" in answer(folder).answer[2]
    change_errors(folder, share(0, 60), share(400, 800), -0.6, -0.4)
    assert "Errors are less often suspects" in answer(folder).answer[2]
    change_errors(folder, share(5, 60), share(50, 800), -0.1, 0.1)
    assert "no clear difference" in answer(folder).answer[2]


def test_ages_with_more_suspects_are_named(folder: Path) -> None:
    content = read_json(folder / "label_noise.json")
    content["suspects"] = share(30, 300)
    content["by_age"] = {"26": share(30, 100), "53": share(13, 100), "60": share(1, 100)}
    rewrite(folder / "label_noise.json", content)
    sentence = answer(folder).answer[1]
    assert "at age 26 (30 of 100, 0.300 [" in sentence
    assert "53" not in sentence
    assert "about 0.1 of 3 ages" in sentence
    content["by_age"]["26"] = share(12, 100)
    rewrite(folder / "label_noise.json", content)
    assert answer(folder).answer[1].startswith("At no age")


def test_no_suspects_no_errors_nothing_known(folder: Path) -> None:
    content = read_json(folder / "label_noise.json")
    unknown = {"value": None, "low": None, "high": None}
    content["among_test_faces"] = {
        "n": 90, "of_errors": share(0, 0), "of_right": share(0, 90), "difference": unknown,
    }  # fmt: skip
    content |= {"by_age": {}, "galleries": {"young": [], "old": []}}
    rewrite(folder / "label_noise.json", content)
    section = answer(folder)
    assert "classifies all 90 test faces right" in section.answer[1]
    assert [gallery.name for gallery in section.galleries] == [
        "labelled young: no suspects", "labelled old: no suspects",
    ]  # fmt: skip
    assert len(section.pictures) == 1
    assert "None" not in words_of(section)


def test_the_bounds_of_the_figure_are_where_suspects_begin() -> None:
    from matplotlib.figure import Figure

    histogram = [0] * 20
    by_class = {
        "young": {"threshold": 0.9, "histogram": [3, *histogram[1:]]},
        "old": {"threshold": 0.7, "histogram": histogram},
    }
    figure = Figure()
    label_noise.draw_confidence(figure, by_class)
    axes = figure.axes[0]
    bounds = [line.get_xdata()[0] for line in axes.lines]
    assert bounds == pytest.approx([0.3, 0.1])  # of young labels by old's threshold, and back
    assert axes.patches[0].get_data().values[0] == 3
    by_class["old"]["threshold"] = 0.4  # half is the bound then: suspects are the more probable
    figure = Figure()
    label_noise.draw_confidence(figure, by_class)
    assert figure.axes[0].lines[0].get_xdata()[0] == 0.5
