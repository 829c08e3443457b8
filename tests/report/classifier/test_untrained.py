"""The section on untrained networks concludes what the numbers support, and nothing else."""

from pathlib import Path

import numpy as np
import pytest
from analyses import undrawn, words_of  # noqa: F401 - a fixture

from agegen import metrics
from agegen.analysis.untrained import EDGES, judge, summarise
from agegen.report.classifier import untrained
from agegen.report.classifier.untrained import draw_distributions, draw_scores
from agegen.report.parts.section import Section
from agegen.run.files import write_json

LABELS = (np.arange(120) % 3 == 0).astype(int)
WEIGHTS = metrics.bootstrap_weights(120, resamples=60)


def networks(skills: list[float], labels: np.ndarray = LABELS) -> list[dict]:
    """Networks whose log-odds lie around the label by a skill each."""
    rng = np.random.default_rng(2)
    noise = rng.normal(size=(len(skills), len(labels)))
    logits = np.array(skills)[:, None] * (2 * labels - 1) + noise
    return [judge(labels, logit, WEIGHTS) for logit in logits]


def write(folder: Path, skills: list[float], **changes) -> Section:
    """The section on networks of these skills, beside a trained one."""
    pixels = {"brightness": {"value": 0.5, "low": 0.45, "high": 0.55}}
    content = {"n": 120, "n_by_class": {"young": 80, "old": 40}, "persons": 120}
    content |= {"views": "flip", "statistics_faces": 99, "resamples": 60, "edges": EDGES.tolist()}
    content |= {"estimated": summarise(networks(skills)), "initial": None, "pixels": pixels}
    content |= {"trained": networks([2.0])[0]} | changes
    write_json(folder / "untrained.json", content)
    return untrained.answer(folder, {})


pytestmark = pytest.mark.usefixtures("undrawn")


def test_chance_is_said_to_be_chance(tmp_path: Path) -> None:
    section = write(tmp_path, [0.0] * 12)
    assert "is not shown to differ from chance" in section.answer[0]
    assert "no more than faces drawn at random would bring about" in section.answer[2]
    assert "always answering “young” reaches 0.667" in section.answer[1]
    assert "Plain properties" not in words_of(section)
    assert "above the highest of them" in section.answer[-1]


def test_networks_that_are_off_either_way_are_told_from_a_mean_that_is_off(tmp_path: Path) -> None:
    section = write(tmp_path, [0.8, -0.8] * 6)
    assert "is not shown to differ from chance" in section.answer[0]
    assert "its interval leaves 0.5 out in 12 of 12" in section.answer[2]
    assert "above 0.5 in 6 of 12" in section.answer[2]


@pytest.mark.parametrize("skill", [0.5, -0.5])
def test_a_mean_that_is_off_is_said_to_be(tmp_path: Path, skill: float) -> None:
    first = write(tmp_path, [skill] * 8).answer[0]
    assert "In AUC and balanced accuracy, untrained networks differ from chance" in first


def test_a_training_that_brought_nothing_is_told(tmp_path: Path) -> None:
    section = write(tmp_path, [0.0] * 8, trained=networks([0.0] * 3)[2])
    assert "not clearly above the highest of them" in section.answer[-1]


def test_differences_of_the_pictures_are_named(tmp_path: Path) -> None:
    pixels = {
        "brightness": {"value": 0.6, "low": 0.55, "high": 0.65},
        "contrast": {"value": 0.5, "low": 0.4, "high": 0.6},
    }
    text = words_of(write(tmp_path, [0.0] * 4, pixels=pixels))
    assert "between the classes too, by AUC: brightness 0.600 [0.550, 0.650]." in text


def test_both_kinds_of_statistics_are_in_the_table(tmp_path: Path) -> None:
    section = write(tmp_path, [0.0] * 4, initial=summarise(networks([0.1] * 4)))
    assert [row[0] for row in section.tables[0].rows] == [*untrained.KINDS.values(), "trained"]
    assert "99 training faces, without their labels" in section.details[0]
    assert len(section.tables[1].rows) == 4
    assert len(write(tmp_path, [0.0] * 4).tables[0].rows) == 2


def test_persons_in_common_are_a_reservation(tmp_path: Path) -> None:
    assert "60 persons" in words_of(write(tmp_path, [0.0] * 4, persons=60))
    assert "persons" not in words_of(write(tmp_path, [0.0] * 4))


def test_one_class_alone(tmp_path: Path) -> None:
    young = np.zeros(120, int)
    found = networks([0.0] * 4, young)
    section = write(
        tmp_path, [0.0], estimated=summarise(found), trained=found[0],
        n_by_class={"young": 120, "old": 0}, pixels={},
    )  # fmt: skip
    text = words_of(section)
    assert "of one class alone" in section.answer[0]
    assert [p.name for p in section.pictures] == ["p(old) before and after training"]
    assert "nan" not in text
    assert "None" not in text


def test_the_figures_hold_every_network_and_every_share() -> None:
    from matplotlib.figure import Figure

    found = networks([0.0] * 5)
    figure = Figure()
    aucs = [network["roc_auc"] for network in found]
    draw_scores(figure, aucs, summarise(found)["means"]["roc_auc"], found[0]["roc_auc"])
    drawn = np.concatenate([line.get_xdata() for line in figure.axes[0].lines[:1]])
    assert drawn.tolist() == sorted(auc["value"] for auc in aucs)
    figure = Figure()
    draw_distributions(figure, {"a": found[0]["histogram"], "b": found[1]["histogram"]}, EDGES)
    shares = [patch.get_data().values.sum() for patch in figure.axes[0].patches]
    assert shares == pytest.approx([1] * 4)
