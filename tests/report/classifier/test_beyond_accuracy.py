"""The section beyond accuracy: with and without curves.json, and true to both."""

from pathlib import Path

import numpy as np
import pytest
from analyses import undrawn, words_of  # noqa: F401 - a fixture
from written_runs import write_run

from agegen import metrics
from agegen.analysis.analysis import Analysis
from agegen.analysis.curves import analyze
from agegen.classifier.evaluate import Predictions
from agegen.report.classifier import beyond_accuracy
from agegen.report.classifier.groups import draw_years
from agegen.report.classifier.right_and_wrong import draw_precision
from agegen.report.parts.saved_run import read_run, read_scores
from agegen.report.parts.section import Section
from agegen.run.files import read_json, write_json


def write_curves(run: Path) -> dict:
    """Write analysis/curves.json of a written run."""
    scored = read_scores(read_run(run), None)
    logit = np.log(scored.p / (1 - scored.p))
    test = Predictions(scored.indices, scored.y, logit, scored.p, scored.p)
    folder = run / "analysis"
    curves = analyze(Analysis(run, folder, None, scored.store, test, 0))
    write_json(folder / "curves.json", curves)
    return curves


def answer(run: Path) -> Section:
    saved = read_run(run)
    return beyond_accuracy.answer(run / "analysis", saved.evaluation, read_scores(saved, None))


@pytest.mark.usefixtures("undrawn")
def test_without_the_chapter_there_are_the_evaluations_own_figures(tmp_path: Path) -> None:
    section = answer(write_run(tmp_path))
    assert [p.name for p in section.pictures] == [
        "Confusion matrix", "ROC curve", "Margins", "Reliability", "Accuracy by age (years)",
        "Accuracy by gender",
    ]  # fmt: skip
    assert "see the command below" in words_of(section)
    assert "--chapters curves" in section.command


@pytest.mark.usefixtures("undrawn")
def test_with_the_chapter_there_are_bands_precision_and_single_years(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    curves = write_curves(run)
    section = answer(run)
    assert [p.name for p in section.pictures] == [
        "Confusion matrix", "ROC curve", "Precision and recall of old", "Margins", "Reliability",
        "Accuracy by age", "Accuracy by gender",
    ]  # fmt: skip
    text = words_of(section)
    average = curves["average_precision"]
    assert f"{average['value']:.3f} [{average['low']:.3f}, {average['high']:.3f}]" in text
    assert "chance 0.500, their share" in text
    at = curves["roc"]["curve"]
    expected = f"{at['value'][10]:.3f} [{at['low'][10]:.3f}, {at['high'][10]:.3f}]"
    assert f"the share of old found is {expected}" in text
    assert "interval leaves out the accuracy of their class: 0 of 4" in text
    assert "Accuracy by gender: female" in text
    assert "Balanced accuracy by gender" not in text  # each gender has one class here


@pytest.mark.usefixtures("undrawn")
def test_curves_of_another_evaluation_are_left_aside(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    curves = write_curves(run)
    evaluation = read_json(run / "evaluation.json")
    assert beyond_accuracy.read_curves(run / "analysis", evaluation) == curves
    for change in ({"n": 41}, {"roc_auc": evaluation["roc_auc"] | {"value": 0.1}}):
        assert beyond_accuracy.read_curves(run / "analysis", evaluation | change) is None


@pytest.mark.usefixtures("undrawn")
def test_one_class_and_nothing_known_of_the_faces(tmp_path: Path) -> None:
    run = write_run(tmp_path, faces=8, one_class=True, known=False)
    write_curves(run)
    section = answer(run)
    text = words_of(section)
    assert [p.name for p in section.pictures] == ["Confusion matrix", "Margins", "Reliability"]
    assert "Neither age nor gender of these faces is known." in text
    assert "cannot be compared" in text
    assert "nan" not in text
    assert "None" not in text


@pytest.mark.usefixtures("undrawn")
def test_persons_in_common_are_told(tmp_path: Path) -> None:
    run = write_run(tmp_path, known=False)  # two faces a person, no ages
    assert "40 faces show 20 persons" in words_of(write_and_answer(run))


def write_and_answer(run: Path) -> Section:
    write_curves(run)
    return answer(run)


def recalls(value: float, low: float | None, high: float | None) -> dict:
    """Recalls whose intervals overlap, and an interval of their difference."""
    young = {"value": 0.9, "low": 0.84, "high": 0.96}
    old = {"value": 0.9 - value, "low": 0.84 - value, "high": 0.96 - value}
    difference = {"value": value, "low": low, "high": high}
    return {"recall": {"young": young, "old": old}, "recall_difference": difference}


def test_which_error_is_more_frequent_follows_the_differences_interval() -> None:
    say = beyond_accuracy.describe_recalls
    assert say(recalls(0.02, -0.03, 0.07)).endswith(
        "no clear difference (+0.020 [-0.030,\u00a00.070])."
    )
    clear = say(recalls(0.1, 0.02, 0.18))
    assert clear.endswith("old faces are more often taken for young than the reverse.")
    reverse = say(recalls(-0.1, -0.18, -0.02))
    assert reverse.endswith("young faces are more often taken for old than the reverse.")
    assert say(recalls(0.1, None, None)).endswith("recognised.")


def test_an_evaluation_from_before_there_was_the_difference_makes_no_claim() -> None:
    older = recalls(0.1, 0.02, 0.18)
    del older["recall_difference"]
    assert beyond_accuracy.describe_recalls(older).endswith("recognised.")


def test_errors_that_go_with_age_are_told_in_their_direction() -> None:
    say = beyond_accuracy.describe_age_of_errors
    assert "the older of" in say("young", {"value": 0.7, "low": 0.6, "high": 0.8})
    assert "the younger of" in say("old", {"value": 0.3, "low": 0.2, "high": 0.4})
    assert "no dependence" in say("old", {"value": 0.6, "low": 0.4, "high": 0.7})
    assert say("old", {"value": None, "low": None, "high": None}) == ""
    few = say("old", {"value": 0.1, "low": 0.05, "high": 0.2, "wrong": 2})
    assert few.startswith("2 old faces of known age classified wrongly: too few")


@pytest.mark.parametrize(
    ("gap", "verdict"),
    [
        ((0.1, 0.05, 0.15), "larger than"),
        ((-0.1, -0.15, -0.05), "larger than"),
        ((0.02, -0.05, 0.1), "within"),
    ],
)
def test_the_gap_between_genders_is_judged_by_its_interval(gap: tuple, verdict: str) -> None:
    figure = dict(zip(("value", "low", "high"), gap, strict=True))
    group = {"n": 10, "accuracy": figure, "balanced_accuracy": figure}
    evaluation = {"by_gender": {"female": group, "male": group}}
    curves = {"gender_gaps": {"balanced_accuracy": figure, "roc_auc": figure}}
    first, second = beyond_accuracy.describe_genders(evaluation, curves)
    assert first.startswith("Balanced accuracy by gender: female")
    assert f"{gap[0]:.3f}" in second
    assert f"({verdict} its uncertainty)" in second
    assert len(beyond_accuracy.describe_genders(evaluation, None)) == 1


def test_ages_that_stand_out_are_those_whose_interval_leaves_the_class_out() -> None:
    def year(age: int, n: int, value: float, low: float, high: float) -> dict:
        return {"age": age, "n": n, "accuracy": {"value": value, "low": low, "high": high}}

    years = {
        "young": [year(20, 90, 1.0, 0.96, 1.0), year(26, 10, 0.1, 0.0, 0.4)],
        "old": [year(55, 9, 0.5, 0.2, 0.8)],
    }
    text = beyond_accuracy.describe_outstanding(years)  # the young are right in 0.91
    assert "interval leaves out the accuracy of their class: 2 of 3 (" in text
    assert "young of 26, 0.100" in text
    assert "young of 20, 1.000" in text
    assert "old of" not in text
    none = beyond_accuracy.describe_outstanding({"young": [], "old": years["old"]})
    assert none == (
        "Single years of age whose interval leaves out the accuracy of their class: "
        "0 of 1 (by chance, about 0.1 would)."
    )


def test_the_drawn_precision_steps_have_the_average_precision_as_their_area(
    tmp_path: Path,
) -> None:
    from matplotlib.figure import Figure

    run = write_run(tmp_path)
    curves, scored = write_curves(run), read_scores(read_run(run), None)
    figure = Figure()
    draw_precision(figure, scored.y, scored.p, curves)
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    x, y = lines["classifier"].get_data()
    area = (np.diff(np.r_[0, x]) * y).sum()
    assert area == pytest.approx(curves["average_precision"]["value"])
    point = lines["threshold p(old) = 0.5"].get_xydata()[0]
    called = scored.p > 0.5
    assert point == pytest.approx([called[scored.y == 1].mean(), scored.y[called].mean()])


def test_every_year_is_drawn_with_its_interval_and_number() -> None:
    from matplotlib.figure import Figure

    accuracy = {"value": 0.8, "low": 0.5, "high": 0.9}
    years = {"young": [{"age": a, "n": a * 100, "accuracy": accuracy} for a in (20, 22, 23)]}
    figure = Figure()
    draw_years(figure, years | {"old": []}, overall=0.7)
    (axes,) = figure.axes
    assert axes.containers[0].lines[0].get_xdata().tolist() == [20, 22, 23]
    assert {text.get_text() for text in axes.texts} == {"2,000", "2,200", "2,300"}
    (bars,) = axes.containers[0].lines[2]
    assert np.array(bars.get_segments())[0][:, 1] == pytest.approx([0.5, 0.9])


def test_metrics_and_curves_agree(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    curves, scored = write_curves(run), read_scores(read_run(run), None)
    area = np.trapezoid(curves["roc"]["curve"]["value"], curves["roc"]["young_taken_for_old"])
    assert area == pytest.approx(float(metrics.roc_auc(scored.y, scored.p)), abs=0.02)
