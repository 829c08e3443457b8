"""Untrained networks: fresh ones, their statistics, and tests against chance that hold."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
import torch
from analyses import opened_analysis  # noqa: F401 - a fixture
from torch import nn

from agegen import metrics
from agegen.analysis.analysis import Analysis
from agegen.analysis.untrained import (
    analyze,
    estimate_statistics,
    fresh_network,
    judge,
    mean_over_networks,
    summarise,
)
from agegen.classifier.model import ModelConfig
from agegen.classifier.predict import mean_outputs
from agegen.faces.views import to_float


class WithoutNorm(nn.Sequential):
    """A network that keeps no statistics."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(48, 2))


def drawn(skill: float, n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels (a third old), log-odds and bootstrap weights."""
    y = (np.arange(n) % 3 == 0).astype(int)
    logit = np.random.default_rng(0).normal(skill * (2 * y - 1), 1)
    return y, logit, metrics.bootstrap_weights(n, resamples=50)


def test_a_seed_gives_the_same_network_and_leaves_torchs_numbers_alone(analysis: Analysis) -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    one, same, other = (fresh_network(analysis.classifier, seed) for seed in (5, 5, 6))
    assert torch.rand(1) == expected
    assert one.head.weight.equal(same.head.weight)
    assert not one.head.weight.equal(other.head.weight)
    assert not one.head.weight.equal(analysis.classifier.model.head.weight)
    assert not one.training


def test_statistics_are_those_of_the_faces_and_weights_stay(analysis: Analysis) -> None:
    model = fresh_network(analysis.classifier, 0)
    before = [p.clone() for p in model.parameters()]
    assert model.stages[0].norm1.running_mean.abs().max() == 0
    images = np.array(analysis.store.images[:100])
    estimate_statistics(model, images, analysis.store.size)
    seen = model.stem(to_float(torch.from_numpy(images)))
    norm = model.stages[0].norm1
    torch.testing.assert_close(norm.running_mean, seen.mean(dim=(0, 2, 3)), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(norm.running_var, seen.var(dim=(0, 2, 3)), rtol=0.02, atol=1e-4)
    assert all(a.equal(b) for a, b in zip(before, model.parameters(), strict=True))
    assert not model.training


def test_exchanged_outputs_have_the_opposite_auc(analysis: Analysis) -> None:
    """The symmetry by which the expected AUC of an untrained network is 0.5."""
    model, test = fresh_network(analysis.classifier, 0), analysis.test
    aucs = []
    for _ in range(2):
        crop, images = analysis.classifier.crop, analysis.store.images
        logit = mean_outputs(model, images, test.indices, crop, "centre", torch.device("cpu"))[:, 0]
        aucs.append(float(metrics.roc_auc(test.labels, logit.double().numpy())))
        model.head.weight.copy_(model.head.weight.flip(0))
        model.head.bias.copy_(model.head.bias.flip(0))
    assert sum(aucs) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("answer", [-1.0, 1.0])
def test_a_constant_answer_is_no_better_than_a_blind_one(answer: float) -> None:
    y, _, weights = drawn(0)
    found = judge(y, np.full(60, answer), weights)
    assert found["accuracy"]["value"] == found["blind_accuracy"] == (2 / 3 if answer < 0 else 1 / 3)
    assert found["excess_accuracy"] == 0
    assert found["fisher_p"] == 1
    assert found["roc_auc"]["value"] == found["balanced_accuracy"]["value"] == 0.5


def test_accuracy_has_its_exact_interval_and_fishers_test_the_hypergeometric_tails() -> None:
    y, logit, weights = drawn(0.4)
    found = judge(y, logit, weights)
    right, n = int(((logit > 0) == y).sum()), len(y)
    beta = scipy.stats.beta
    assert found["accuracy"]["low"] == pytest.approx(beta.ppf(0.025, right, n - right + 1))
    assert found["accuracy"]["high"] == pytest.approx(beta.ppf(0.975, right + 1, n - right))
    called, both = int((logit > 0).sum()), int(((logit > 0) & (y == 1)).sum())
    chances = scipy.stats.hypergeom(n, int(y.sum()), called).pmf(np.arange(called + 1))
    expected = chances[chances <= chances[both] * (1 + 1e-7)].sum()
    assert found["fisher_p"] == pytest.approx(expected)
    assert found["called_old"] == called


def test_blind_accuracy_is_what_permuted_labels_have_on_average() -> None:
    y, logit, weights = drawn(1.0)
    rng = np.random.default_rng(0)
    permuted = [((logit > 0) == rng.permutation(y)).mean() for _ in range(4000)]
    found = judge(y, logit, weights)
    assert found["blind_accuracy"] == pytest.approx(np.mean(permuted), abs=0.005)
    assert found["excess_accuracy"] > 0.2


def test_one_class_alone_leaves_the_auc_undefined() -> None:
    found = judge(np.zeros(60, int), np.linspace(-1, 1, 60), np.ones((5, 60)))
    assert found["roc_auc"]["value"] is None
    assert found["fisher_p"] == 1
    assert found["quantiles"].keys() == {"young"}


def test_the_mean_has_students_interval_and_test() -> None:
    values = [0.4, 0.52, 0.47, 0.61, 0.5, 0.55]
    found = mean_over_networks([*values, None], 0.4)
    low, high = scipy.stats.t.interval(0.95, 5, loc=np.mean(values), scale=scipy.stats.sem(values))
    assert (found["low"], found["high"]) == pytest.approx((low, high))
    assert found["p"] == pytest.approx(scipy.stats.ttest_1samp(values, 0.4).pvalue)
    assert found["deviation"] == pytest.approx(np.std(values, ddof=1))


@pytest.mark.parametrize(("value", "p"), [(0.5, 1.0), (0.6, 0.0)])
def test_equal_values_leave_no_doubt(value: float, p: float) -> None:
    found = mean_over_networks([value] * 4, 0.5)
    assert found["p"] == p
    assert found["low"] == found["high"] == value


def test_no_values_have_no_mean() -> None:
    assert mean_over_networks([None, None], 0.5)["value"] is None
    assert mean_over_networks([0.5], 0.5)["p"] is None


def test_networks_apart_from_chance_are_counted_with_the_binomial_tail() -> None:
    y, _, weights = drawn(0)
    sure = judge(y, 2.0 * y - 1, weights)
    blind = judge(y, np.ones(60), weights)
    for networks, count in (([blind] * 9, 0), ([sure] * 2 + [blind] * 7, 2), ([sure] * 9, 9)):
        apart = summarise(networks)["apart"]
        expected = sum(math.comb(9, k) * 0.05**k * 0.95 ** (9 - k) for k in range(count, 10))
        assert apart == {"count": count, "p": pytest.approx(expected)}
    none = judge(np.zeros(60, int), np.ones(60), weights)
    assert summarise([none] * 3)["apart"] is None


def test_the_chapter_judges_both_kinds_of_statistics_and_the_trained_network(
    analysis: Analysis,
) -> None:
    content = json.loads(json.dumps(analyze(analysis, count=3)))
    assert analyze(analysis, count=3) == content
    kinds = [content["estimated"], content["initial"]]
    assert [len(kind["networks"]) for kind in kinds] == [3, 3]
    assert kinds[0]["networks"][0]["roc_auc"] != kinds[1]["networks"][0]["roc_auc"]
    trained = float(metrics.roc_auc(analysis.test.labels, analysis.test.logit))
    assert content["trained"]["roc_auc"]["value"] == pytest.approx(trained)
    aucs = [network["roc_auc"]["value"] for network in kinds[0]["networks"]]
    assert kinds[0]["means"]["roc_auc"]["value"] == pytest.approx(np.mean(aucs))
    assert len(set(aucs)) == 3
    assert sum(kinds[0]["histogram"]["old"]) == pytest.approx(1)
    grey = [analysis.store.images[i].mean() for i in analysis.test.indices]
    expected = float(metrics.roc_auc(analysis.test.labels, np.array(grey)))
    assert content["pixels"]["brightness"]["value"] == pytest.approx(expected)


def test_a_network_without_statistics_is_judged_once(analysis: Analysis) -> None:
    config = replace(analysis.classifier.config, model=ModelConfig(f"{__name__}:WithoutNorm"))
    own = analysis._replace(classifier=replace(analysis.classifier, config=config))
    content = analyze(own, count=2)
    assert content["initial"] is None
    assert len(content["estimated"]["networks"]) == 2
