"""The section on multi-crop evaluation says what the figures say, whichever way they point."""

from pathlib import Path

import numpy as np
import pytest
from analyses import draw_views, undrawn  # noqa: F401 - a fixture

from agegen import metrics
from agegen.analysis.multi_crop import SCHEMES, judge_schemes, recommend
from agegen.report.classifier import multi_crop
from agegen.report.parts.section import Section
from agegen.run.files import read_json, write_json

LABELS = np.arange(300) % 2
EVALUATION = {"split": "test", "n": 300, "n_by_class": {"young": 150, "old": 150}}


pytestmark = pytest.mark.usefixtures("undrawn")


def write(folder: Path, centre: float, others: float, labels: np.ndarray = LABELS) -> dict:
    test, val = (draw_views(labels, centre, others, seed) for seed in (0, 1))
    rows = judge_schemes(test, val, metrics.bootstrap_weights(len(labels), resamples=100))
    content = {"n": len(labels), "n_val": 50, "crop": 46, "size": 48, "distinct_crops": 18}
    content |= {"own_views": "flip", "resamples": 100, "schemes": rows}
    content |= {"recommended": recommend(rows)}
    write_json(folder / "multi_crop.json", content)
    return content


def section(folder: Path) -> Section:
    return multi_crop.answer(folder, EVALUATION)


def test_a_scheme_that_helps_is_recommended(tmp_path: Path) -> None:
    content = write(tmp_path, 0.5, 0.5)
    found = content["recommended"]["scheme"]
    row = next(r for r in content["schemes"] if r["scheme"] == found and r["average"] == "logits")
    first = section(tmp_path).answer[0]
    assert first.startswith("Yes: ")
    assert f"gained {row['mcnemar']['gained']} and lost {row['mcnemar']['lost']}" in first
    assert f"({row['views']} view" in first
    assert "0.0056 (0.05 divided by 9 schemes)" in first
    assert "worse" not in first


def test_without_proof_the_centre_crop_stays(tmp_path: Path) -> None:
    write(tmp_path, 3.0, 3.0)
    first = section(tmp_path).answer[0]
    assert first.startswith("Not proven.")
    assert "The centre crop alone, one view a face, is recommended." in first
    assert "own evaluation averages the centre and mirror image (2 views): accuracy" in first


def test_schemes_that_hurt_are_named(tmp_path: Path) -> None:
    write(tmp_path, 2.0, -0.3)
    first = section(tmp_path).answer[0]
    assert "No scheme classifies more faces right" in first
    assert "Proven to be worse than the centre crop: " in first
    assert "32 random crops" in first


@pytest.mark.parametrize(
    ("own", "says"),
    [("centre", "own evaluation sees the centre crop"), ("ten", "averages the 10-crop (10 views)")],
)
def test_the_runs_own_views_are_compared(tmp_path: Path, own: str, says: str) -> None:
    content = write(tmp_path, 0.5, 0.5)
    content |= {"own_views": own}
    content["recommended"] |= {"scheme": "five", "better": ["five"]}
    write_json(tmp_path / "multi_crop.json", content)
    assert says in section(tmp_path).answer[0]
    content["own_views"] = "five"
    write_json(tmp_path / "multi_crop.json", content)
    assert "what this run's own evaluation does" in section(tmp_path).answer[0]


def test_clear_gains_are_listed_and_absent_ones_not(tmp_path: Path) -> None:
    write(tmp_path, 0.5, 0.5)
    auc = section(tmp_path).answer[2]
    assert auc.startswith("In AUC, the intervals of ")
    assert "32 random crops +0." in auc
    content = read_json(tmp_path / "multi_crop.json")
    for row in content["schemes"]:
        row["roc_auc_gain"] = {"value": 0.001, "low": -0.01, "high": 0.02}
    write_json(tmp_path / "multi_crop.json", content)
    assert "of 0 of 9 schemes" in section(tmp_path).answer[2]
    assert "the largest change is: " in section(tmp_path).answer[2]


def test_tables_hold_every_scheme_and_average(tmp_path: Path) -> None:
    content = write(tmp_path, 0.5, 0.5)
    scores, tests = section(tmp_path).tables
    assert len(scores.rows) == len(content["schemes"]) == 2 * len(SCHEMES) - 2
    assert len(tests.rows) == len(scores.rows) - 1
    assert all(len(row) == len(table.header) for table in (scores, tests) for row in table.rows)
    ten = next(row for row in content["schemes"] if row["scheme"] == "ten")
    cells = next(row for row in tests.rows if row[:2] == ["10-crop", "logits"])
    assert cells[2:4] == [str(ten["mcnemar"]["gained"]), str(ten["mcnemar"]["lost"])]
    assert float(cells[4]) == pytest.approx(ten["mcnemar"]["p"], rel=0.01)


def test_a_missing_class_leaves_out_what_is_undefined(tmp_path: Path) -> None:
    write(tmp_path, 1.0, 1.0, np.ones(40, dtype=int))
    made = section(tmp_path)
    names = [picture.name for picture in made.pictures]
    assert names == ["accuracy against the number of views", "ECE against the number of views",
                     "Gain over the centre crop"]  # fmt: skip
    text = " ".join([*made.answer, *(picture.alt for picture in made.pictures)])
    assert "nan" not in text
    assert "None" not in text
    assert made.tables[1].rows[0][-1] == "undefined"


def test_figures_are_drawn_at_their_number_of_views(tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    from agegen.report.classifier.multi_crop_figures import draw_gains, draw_score, of_logits

    rows = write(tmp_path, 0.5, 0.5)["schemes"]
    figure = Figure()
    draw_score(figure, rows, "accuracy")
    points = {line.get_label(): line.lines[0] for line in figure.axes[0].containers}
    random = points["random crops, mean of logits"]
    values = [r["accuracy"]["value"] for r in rows if "random" in r["scheme"]
              and r["average"] == "logits"]  # fmt: skip
    assert random.get_ydata().tolist() == values
    x = np.array(random.get_xdata(), dtype=float)
    assert np.round(np.log2(x)).tolist() == [0, 1, 2, 3, 4, 5]
    assert len(points["fixed views, mean of probabilities"].get_xdata()) == 3
    figure = Figure()
    draw_gains(figure, of_logits(rows))
    assert sum(len(c.lines[0].get_xdata()) for c in figure.axes[0].containers) == 2 * 9
