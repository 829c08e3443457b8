"""Multi-crop evaluation: its views, averages, tests and recommendation."""

import csv
import json
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from analyses import draw_views, opened_analysis  # noqa: F401 - a fixture

from agegen import metrics
from agegen.analysis.analysis import Analysis
from agegen.analysis.multi_crop import (
    RANDOM_COUNTS,
    SCHEMES,
    analyze,
    average,
    discordant,
    judge_schemes,
    mcnemar,
    recommend,
    view_split,
)
from agegen.run.errors import UserError

LABELS = np.arange(400) % 2


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (1, 0), (3, 9), (40, 17), (5, 5), (700, 620)])
def test_mcnemar_adds_up_both_tails_of_the_binomial(gained: int, lost: int) -> None:
    n = gained + lost
    tail = sum(math.comb(n, i) for i in range(min(gained, lost) + 1)) / 2**n
    assert discordant(gained, lost).p == pytest.approx(min(1, 2 * tail))
    assert discordant(lost, gained).p == discordant(gained, lost).p


def test_mcnemar_counts_only_faces_that_one_has_right() -> None:
    first = np.array([True, True, False, False, False, True])
    second = np.array([True, False, True, True, False, True])
    assert mcnemar(first, second) == (2, 1, 1.0)
    assert mcnemar(first, first) == (0, 0, 1.0)


def test_averages_by_hand() -> None:
    views = np.zeros((42, 2))
    views[0], views[5] = (np.log(3), 2.0), (np.log(1 / 9), 2.0)  # p = 3/4 and 1/10
    assert average(views, "flip") == pytest.approx([np.log(3 / 9) / 2, 2.0])
    p = (3 / 4 + 1 / 10) / 2
    assert average(views, "flip", "probabilities") == pytest.approx([np.log(p / (1 - p)), 2.0])
    assert (average(views, "centre", "probabilities") == pytest.approx(views[0])) is True


def test_averages_of_certain_probabilities_keep_their_digits() -> None:
    views = np.zeros((42, 3))
    views[0], views[5] = (50, 800, -800), (60, 900, 800)
    # the smaller of the two 1 − p decides a mean next to it: log odds 50 + log 2
    expected = [50 + np.log(2) - np.log1p(np.exp(-10)), 800 + np.log(2), 0]
    assert average(views, "flip", "probabilities") == pytest.approx(expected, abs=1e-9)


def test_the_fixed_views_are_those_of_an_evaluation(analysis: Analysis) -> None:
    classifier, store = analysis.classifier, analysis.store
    found = view_split(classifier, store, "test", crops=1, batch_size=7)
    assert (found.indices == store.indices("test")).all()
    assert (found.labels == store.labels[found.indices]).all()
    for views in ("centre", "flip", "five", "ten"):
        expected = classifier.log_odds(store.images, found.indices, views)
        np.testing.assert_allclose(average(found.logits, views), expected, atol=2e-4)


def test_random_crops_follow_from_the_seed_and_the_face_alone(analysis: Analysis) -> None:
    classifier, store = analysis.classifier, analysis.store
    many, few = (view_split(classifier, store, "test", 5, k, b) for k, b in ((4, 32), (2, 11)))
    np.testing.assert_allclose(many.logits[:12], few.logits, atol=2e-4)
    other = view_split(classifier, store, "test", 6, 2)
    assert np.abs(other.logits[10:] - few.logits[10:]).max() > 0.01

    # every random crop is one of the face's possible crops, or the mirror image of one
    face, crop = few.indices[0], classifier.crop
    image = torch.from_numpy(np.array(store.images[face])).float() / 127.5 - 1
    places = range(store.size - crop + 1)
    cut = [image[t : t + crop, x : x + crop] for t in places for x in places]
    possible = torch.stack([*cut, *(c.flip(1) for c in cut)]).permute(0, 3, 1, 2)
    with torch.no_grad():
        logits = classifier.model(possible)
    distances = np.abs((logits[:, 1] - logits[:, 0]).numpy()[:, None] - many.logits[10:, 0])
    assert (distances.min(axis=0) < 2e-4).all()


def test_more_random_crops_hold_the_fewer_ones() -> None:
    columns = [set(SCHEMES[f"random {k}"]) for k in RANDOM_COUNTS]
    assert [len(c) for c in columns] == list(RANDOM_COUNTS)
    assert all(a < b for a, b in pairwise(columns))
    assert not columns[-1] & set(SCHEMES["ten"])


def test_an_empty_split_is_named(analysis: Analysis) -> None:
    store = replace(analysis.store, splits=np.full(len(analysis.store), "train"))
    with pytest.raises(UserError, match="no faces in its val split"):
        view_split(analysis.classifier, store, "val")


def judge(centre: float, others: float, labels: np.ndarray = LABELS) -> list[dict]:
    test, val = draw_views(labels, centre, others), draw_views(labels, centre, others, seed=1)
    return judge_schemes(test, val, metrics.bootstrap_weights(len(labels), resamples=200))


def test_figures_of_a_scheme_are_those_of_its_average() -> None:
    test = draw_views(LABELS, 0.5, 0.5)
    rows = {(row["scheme"], row["average"]): row for row in judge(0.5, 0.5)}
    assert len(rows) == 2 * len(SCHEMES) - 2  # single views have nothing to average
    ten, centre = rows["ten", "probabilities"], rows["centre", "logits"]
    right = (metrics.sigmoid(test.logits[:10]).mean(axis=0) > 0.5) == LABELS
    first = (test.logits[0] > 0) == LABELS
    assert ten["accuracy"]["value"] == right.mean()
    assert ten["accuracy_gain"]["value"] == pytest.approx(right.mean() - first.mean())
    assert ten["mcnemar"]["gained"] - ten["mcnemar"]["lost"] == right.sum() - first.sum()
    assert ten["roc_auc_gain"]["value"] == pytest.approx(
        ten["roc_auc"]["value"] - centre["roc_auc"]["value"]
    )
    for name in ("accuracy_gain", "roc_auc_gain"):
        assert centre[name] == {"value": 0, "low": 0, "high": 0}
        assert ten[name]["low"] < ten[name]["value"] < ten[name]["high"]


def test_the_temperature_makes_up_for_what_averaging_does_to_confidence() -> None:
    rows = {(row["scheme"], row["average"]): row for row in judge(0.5, 0.5)}
    # independent noise: the mean of 32 is surer than it says, as p it says even less
    one, many = rows["random 1", "logits"], rows["random 32", "logits"]
    assert one["temperature"] > 0.8
    assert many["temperature"] < 0.2
    assert many["expected_calibration_error"]["value"] < 0.05


def test_more_views_are_recommended_only_if_they_help() -> None:
    helped = recommend(judge(0.5, 0.5))
    assert helped["scheme"] == helped["better"][0]
    assert len(SCHEMES[helped["scheme"]]) == min(len(SCHEMES[s]) for s in helped["better"])
    assert helped["threshold"] == pytest.approx(0.05 / 9)
    assert helped["worse"] == []
    hurt = recommend(judge(2.0, 0.0))
    assert (hurt["scheme"], hurt["better"]) == ("centre", [])
    assert "random 32" in hurt["worse"]
    same = recommend(judge(8.0, 8.0))
    assert (same["scheme"], same["better"], same["worse"]) == ("centre", [], [])


def row_of(scheme: str, views: int, p: float, low: float) -> dict:
    gain = {"value": 0.02, "low": low, "high": 0.04}
    test = {"gained": 30, "lost": 10, "p": p}
    return {"scheme": scheme, "average": "logits", "views": views} | {
        "mcnemar": test,
        "accuracy_gain": gain,
    }


def test_a_recommendation_needs_the_test_and_the_interval_over_persons() -> None:
    weak, clustered = row_of("five", 5, 0.03, 0.001), row_of("random 8", 8, 1e-5, -0.001)
    good = row_of("ten", 10, 0.01, 0.001)
    assert recommend([weak, clustered])["scheme"] == "centre"  # 0.03 > 0.05 / 2
    assert recommend([weak, clustered, good])["better"] == ["ten"]
    assert recommend([good | {"average": "probabilities"}])["tried"] == 0


def test_one_class_leaves_the_auc_undefined() -> None:
    rows = judge(1.0, 1.0, np.ones(50, dtype=int))
    assert all(row["roc_auc"]["value"] is row["roc_auc_gain"]["value"] is None for row in rows)
    assert all(0.5 < row["accuracy"]["value"] <= 1 for row in rows)
    json.dumps(rows, allow_nan=False)


def test_the_chapter_and_its_table(analysis: Analysis) -> None:
    content = analyze(analysis)
    json.dumps(content, allow_nan=False)
    store = analysis.store
    assert content["n"] == len(store.indices("test"))
    assert content["n_val"] == len(store.indices("val"))
    side = store.size - analysis.classifier.crop + 1
    assert content["distinct_crops"] == 2 * side**2
    flip = next(row for row in content["schemes"] if row["scheme"] == "flip")
    test = analysis.test  # the run's own views are "flip"
    assert content["own_views"] == "flip"
    assert flip["accuracy"]["value"] == pytest.approx(np.mean((test.logit > 0) == test.labels))
    assert flip["roc_auc"]["value"] == pytest.approx(metrics.roc_auc(test.labels, test.logit))
    with Path(analysis.folder / "multi_crop_schemes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(content["schemes"])
    assert float(rows[1]["accuracy.value"]) == content["schemes"][1]["accuracy"]["value"]
