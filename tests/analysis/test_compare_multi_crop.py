"""Multi-crop against the centre crop, over several runs."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from analyses import draw_views
from scipy.stats import binomtest

from agegen import metrics
from agegen.analysis.compare_multi_crop import compare_scheme, compare_schemes, describe
from agegen.analysis.multi_crop import SCHEMES, SplitViews
from agegen.run.errors import UserError
from agegen.run.files import read_json, write_json


def views_of(centre: list[int], mirrored: list[int], labels: np.ndarray) -> SplitViews:
    """Views whose centre crop and whose mean with its mirror image are right (1) or wrong (0)."""
    sign, logits = 2 * labels - 1, np.zeros((42, len(labels)))
    logits[0] = sign * (2 * np.array(centre) - 1)
    logits[5] = sign * 3 * (2 * np.array(mirrored) - 1)
    return SplitViews(np.arange(len(labels)), labels, logits)


def test_tests_over_runs_by_hand() -> None:
    labels = np.array([0, 1, 0, 1, 0])
    runs = [
        views_of([0, 0, 1, 1, 0], [1, 1, 0, 1, 0], labels),  # gains faces 0 and 1, loses 2
        views_of([0, 1, 0, 1, 0], [1, 0, 1, 1, 0], labels),  # gains 0 and 2, loses 1
    ]
    weights = metrics.bootstrap_weights(5, resamples=50)
    found = compare_scheme(runs, "flip", weights)
    tests = found["mcnemar"]
    assert [(t["gained"], t["lost"]) for t in tests["runs"]] == [(2, 1), (2, 1)]
    assert (tests["pooled"]["gained"], tests["pooled"]["lost"]) == (4, 2)
    assert tests["pooled"]["p"] == pytest.approx(binomtest(4, 6).pvalue)
    assert (tests["by_face"]["gained"], tests["by_face"]["lost"]) == (1, 0)  # 1 and 2 cancel
    assert tests["by_face"]["p"] == 1.0
    assert found["accuracy_gain"]["value"] == pytest.approx(1 / 5)


def test_gains_are_means_over_the_runs() -> None:
    labels = np.arange(200) % 2
    runs = [draw_views(labels, 0.5, 1.0, seed) for seed in (0, 1, 2)]
    weights = metrics.bootstrap_weights(200, resamples=100)
    each = [compare_scheme([run], "ten", weights) for run in runs]
    together = compare_scheme(runs, "ten", weights)
    for name in ("accuracy_gain", "roc_auc_gain"):
        mean = np.mean([one[name]["value"] for one in each])
        assert together[name]["value"] == pytest.approx(mean)
        assert together[name]["low"] < mean < together[name]["high"]


def test_runs_that_err_alike_are_sure_only_when_pooled(trained_run: Path, tmp_path: Path) -> None:
    twin = shutil.copytree(trained_run, tmp_path / "twin")
    found = compare_schemes([trained_run, twin], seed=2)
    assert found["schemes"].keys() == SCHEMES.keys() - {"centre"}
    for row in found["schemes"].values():
        first, second = row["mcnemar"]["runs"]
        assert first == second == row["mcnemar"]["by_face"]
        assert row["mcnemar"]["pooled"]["gained"] == 2 * first["gained"]
        assert row["mcnemar"]["pooled"]["p"] <= first["p"]
    text = describe(found)
    assert len(text.splitlines()) == 2 + len(found["schemes"])
    assert f"{found['n']:,} test faces, 2 run(s)" in text


def test_what_cannot_be_compared_is_refused(trained_run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="named twice"):
        compare_schemes([trained_run, trained_run / ".." / "run"])
    other = shutil.copytree(trained_run, tmp_path / "swapped")
    saved = read_json(other / "config.json")
    saved["config"]["subset"]["swap"] = True
    write_json(other / "config.json", saved)
    with pytest.raises(UserError, match="same test faces"):
        compare_schemes([trained_run, other])


def test_undefined_gains_are_said_to_be() -> None:
    labels = np.zeros(6, dtype=int)
    weights = metrics.bootstrap_weights(6, resamples=20)
    row = compare_scheme([views_of([0] * 6, [1] * 6, labels)], "flip", weights)
    assert row["roc_auc_gain"]["value"] is None
    comparison = {"runs": ["a"], "n": 6, "schemes": {"flip": row}}
    assert "undefined" in describe(comparison)
    assert "+1.0000" in describe(comparison)
