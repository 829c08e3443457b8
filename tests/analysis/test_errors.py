"""The ranking of the faces, its files, and what errors have in common."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from analyses import opened_analysis  # noqa: F401 - a fixture
from PIL import Image

from agegen import metrics
from agegen.analysis.analysis import Analysis
from agegen.analysis.errors import analyze, choose_examples, near_bound, summarise
from agegen.classifier.evaluate import Predictions
from agegen.faces.store import UNKNOWN_AGE


def predictions(labels: list[int], p: list[float]) -> Predictions:
    y, p = np.array(labels), np.array(p)
    return Predictions(np.arange(len(y)), y, np.log(p / (1 - p)), p, p)


def test_examples_by_hand() -> None:
    test = predictions([0, 0, 0, 1, 1, 1], [0.9, 0.2, 0.6, 0.4, 0.95, 0.7])
    margin = metrics.margin(test.labels, test.p)
    chosen = choose_examples(test, margin)
    assert chosen == {
        "wrong young": [0, 2],
        "wrong old": [3],
        "right young": [1],
        "right old": [4, 5],
    }
    few = choose_examples(test, margin, most=1)
    assert few == {"wrong young": [0], "wrong old": [3], "right young": [1], "right old": [4]}


def test_near_the_bound_is_measured_from_the_own_class() -> None:
    ages = np.array([20, 24, 26, UNKNOWN_AGE, 52, 54, 55, UNKNOWN_AGE])
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    expected = [False, True, True, False, True, True, False, False]
    assert near_bound(ages, labels).tolist() == expected
    assert not near_bound(np.full(3, UNKNOWN_AGE), np.array([0, 1, 1])).any()


@pytest.fixture
def half_wrong(analysis: Analysis) -> Analysis:
    """Every second test face of each class is wrong, the others are right."""
    y = analysis.test.labels
    wrong = np.zeros(len(y), dtype=bool)
    for label in (0, 1):
        wrong[np.flatnonzero(y == label)[::2]] = True
    p = np.where(wrong ^ (y == 1), 0.8, 0.2) + 0.001 * np.arange(len(y))
    return analysis._replace(test=replace(analysis.test, p=p))


def test_what_errors_share_by_hand(half_wrong: Analysis) -> None:
    genders = np.tile(["female", "male", "male", "", "female"], len(half_wrong.store) // 5)
    store, test = replace(half_wrong.store, genders=genders), half_wrong.test
    margin = metrics.margin(test.labels, test.p)
    wrong = margin < 0
    other_class = np.array([store.indices("train")[store.labels[store.indices("train")] != y][:2]
                            for y in test.labels])  # fmt: skip
    found = summarise(half_wrong._replace(store=store), margin, other_class)
    assert found["errors"]["count"] == wrong.sum()
    assert found["sure_errors"]["count"] == (margin[wrong] < -0.8).sum()
    assert found["other_class_neighbours"]["of_errors"]["share"]["value"] == 1
    assert found["other_class_neighbours"]["difference"]["value"] == 0
    ages = store.ages[test.indices]
    for age, group in found["by_age"].items():
        assert group["n"] == (ages == int(age)).sum()
        assert group["count"] == (wrong & (ages == int(age))).sum()
    young = found["by_class"]["young"]
    assert young["count"] == (wrong & (test.labels == 0)).sum()
    genders = genders[test.indices]
    for label, name in enumerate(("young", "old")):
        for gender in ("female", "male"):
            group, of = found["by_gender"][name][f"of_{gender}"], genders == gender
            assert group["n"] == (of & (test.labels == label)).sum()
            assert group["count"] == (wrong & of & (test.labels == label)).sum()
        women, men = (found["by_gender"][name][f"of_{g}"]["share"] for g in ("female", "male"))
        difference = found["by_gender"][name]["difference"]["value"]
        assert difference == pytest.approx(women["value"] - men["value"])


def test_the_chapter_and_its_files(half_wrong: Analysis) -> None:
    content = analyze(half_wrong)
    json.dumps(content, allow_nan=False)
    store, test, folder = half_wrong.store, half_wrong.test, half_wrong.folder
    with Path(folder / "errors.csv").open() as file:
        rows = list(csv.DictReader(file))
    margins = [float(row["margin"]) for row in rows]
    assert len(rows) == len(test.labels)
    assert margins == sorted(margins)
    assert [int(row["rank"]) for row in rows] == list(range(1, len(rows) + 1))
    first = rows[0]
    place = test.indices.tolist().index(int(first["index"]))
    assert float(first["p_old"]) == pytest.approx(test.p[place], abs=1e-6)
    assert int(first["label"]) == test.labels[place]
    assert first["path"] == store.paths[int(first["index"])]
    near = [int(i) for i in first["nearest_indices"].split(" | ")]
    assert len(near) == content["neighbours"] == 5
    assert first["nearest_paths"].split(" | ") == store.paths[near].tolist()

    galleries = content["galleries"]
    worst = min(galleries["wrong young"] + galleries["wrong old"], key=lambda f: margin_of(f))
    assert worst["index"] == int(first["index"])
    assert worst["nearest_old"] == store.labels[near].sum()
    with np.load(folder / "errors_faces.npz") as kept:
        shown = {face["index"] for faces in galleries.values() for face in faces}
        assert kept["indices"].tolist() == sorted(shown)
        assert np.array_equal(kept["images"], store.images[kept["indices"]])
    with Image.open(folder / "errors_nearest.png") as sheet:
        assert sheet.format == "PNG"


def margin_of(face: dict) -> float:
    return (2 * face["p_old"] - 1) * (1 if face["label"] else -1)


def test_no_errors_at_all(analysis: Analysis) -> None:
    y = analysis.test.labels
    content = analyze(analysis._replace(test=replace(analysis.test, p=np.where(y == 1, 0.9, 0.1))))
    json.dumps(content, allow_nan=False)
    assert content["errors"]["count"] == 0
    assert content["errors"]["share"]["high"] > 0
    assert content["sure_errors"]["n"] == 0
    assert content["near_bound"]["difference"]["value"] is None
    assert content["galleries"]["wrong young"] == content["galleries"]["wrong old"] == []


def test_one_class_nothing_known_of_the_faces(analysis: Analysis) -> None:
    store, rows = analysis.store, analysis.test.labels == 0
    test = Predictions(*(column[rows] for column in vars(analysis.test).values()))
    n = len(store)
    store = replace(store, ages=np.full(n, UNKNOWN_AGE), genders=np.full(n, ""))
    content = analyze(analysis._replace(store=store, test=test))
    json.dumps(content, allow_nan=False)
    assert content["n"] == rows.sum()
    assert list(content["by_class"]) == ["young"]
    assert content["by_age"] == content["by_gender"] == {}
    assert content["near_bound"]["of_errors"]["n"] == 0
    assert content["galleries"]["wrong old"] == content["galleries"]["right old"] == []
    assert all(f["age"] is None for faces in content["galleries"].values() for f in faces)
