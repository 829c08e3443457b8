"""The section on attributions says what its chapter found, whichever way it points."""

import shutil
from pathlib import Path

import pytest
from analyses import rewrite, undrawn, words_of  # noqa: F401 - a fixture

from agegen.analysis import attributions as computed
from agegen.analysis.analysis import open_analysis
from agegen.report.classifier import attributions
from agegen.report.parts.section import Section
from agegen.run.files import read_json, write_json

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture(scope="module")
def chapter(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = shutil.copytree(trained_run, tmp_path_factory.mktemp("attributions") / "run")
    analysis = open_analysis(run)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(computed, "FACES_A_CLASS", 6)
        patch.setattr(computed, "SHOWN", 2)
        write_json(analysis.folder / "attributions.json", computed.analyze(analysis))
    return analysis.folder


@pytest.fixture
def folder(chapter: Path, tmp_path: Path) -> Path:
    """A copy to be changed."""
    return shutil.copytree(chapter, tmp_path / "run" / "analysis")


def answer(folder: Path) -> Section:
    return attributions.answer(folder, {})


def figure(value: float, reach: float = 0.02) -> dict:
    return {"value": value, "low": value - reach, "high": value + reach}


def change_regions(folder: Path, **shares: float) -> None:
    content = read_json(folder / "attributions.json")
    for name, region in content["regions"].items():
        region["share"] = figure(shares.get(name.split()[0], region["even"]))
    rewrite(folder / "attributions.json", content)


def test_the_section_of_the_chapter(chapter: Path) -> None:
    content, section = read_json(chapter / "attributions.json"), answer(chapter)
    words = words_of(section)
    assert "nan" not in words
    assert "None" not in words
    faces, classes, regions = section.pictures
    assert faces.wide
    assert faces.src.startswith("data:image/png;base64,")
    assert classes.src != faces.src
    assert "test split, n = 12: 6 young, 6 old" in regions.alt
    (table,) = section.tables
    assert [row[0] for row in table.rows] == list(content["regions"])
    assert all(len(row) == len(table.header) == 5 for row in table.rows)
    assert f"{content['missing']['median']:.1%}".replace("%", " %") in section.answer[2]


def test_regions_with_more_and_less_than_their_share(folder: Path) -> None:
    change_regions(folder, upper=0.2, middle=0.5)
    sentence = answer(folder).answer[0]
    assert "more than an even share in the middle third (0.500 [" in sentence
    assert "; less in the upper third (0.200 [" in sentence
    assert "lower" not in sentence
    change_regions(folder, rim=0.1)
    assert "have less in the rim" in answer(folder).answer[0]
    change_regions(folder)
    assert "spread evenly" in answer(folder).answer[0]


@pytest.mark.parametrize(
    ("alike", "says"),
    [
        (0.05, "show what was learned"),
        (-0.3, "show what was learned"),
        (0.4, "something in common"),
        (0.25, "something in common"),
        (0.8, "follow the picture more than the training"),
    ],
)
def test_the_check_is_judged_by_its_figure(folder: Path, alike: float, says: str) -> None:
    content = read_json(folder / "attributions.json")
    content["untrained"] = {"signed": figure(0.1), "magnitude": figure(alike)}
    rewrite(folder / "attributions.json", content)
    sentence = answer(folder).answer[1]
    assert says in sentence
    assert f"{alike:.3f} [" in sentence


def test_one_class_alone(folder: Path) -> None:
    content = read_json(folder / "attributions.json")
    content["n_by_class"]["young"] = 0
    for region in content["regions"].values():
        del region["by_class"]["young"]
    rewrite(folder / "attributions.json", content)
    (table,) = answer(folder).tables
    assert table.header[-1] == "old faces"
    assert all(len(row) == 4 for row in table.rows)


def test_regions_are_drawn_from_the_top_down(chapter: Path) -> None:
    from matplotlib.figure import Figure

    regions = read_json(chapter / "attributions.json")["regions"]
    drawn = Figure()
    attributions.draw_regions(drawn, regions, ["young", "old"])
    axes = drawn.axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == list(regions)
    for container, name in zip(axes.containers, ("young", "old"), strict=True):
        x = container.lines[0].get_xdata().tolist()
        assert x == [region["by_class"][name]["value"] for region in regions.values()]
    even = [segment[0][0] for segment in axes.collections[-1].get_segments()]
    assert even == pytest.approx([region["even"] for region in regions.values()])
    assert axes.yaxis_inverted()
