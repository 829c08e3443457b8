"""Suspect labels: confident learning by hand, and the cross-validation that it needs."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from analyses import opened_analysis  # noqa: F401 - a fixture
from studies import tiny_base

from agegen.analysis import label_noise
from agegen.analysis.analysis import Analysis
from agegen.analysis.label_noise import (
    analyze,
    cross_validate,
    find_suspects,
    fold_configs,
)
from agegen.classifier.config import TrainConfig
from agegen.classifier.train import train
from agegen.classifier.training_faces import open_faces
from agegen.faces.store import UNKNOWN_AGE, FaceStore
from agegen.run.errors import UserError


def test_suspects_by_hand() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    p = np.array([0.1, 0.2, 0.9, 0.6, 0.9, 0.8, 0.05, 0.45])
    found = find_suspects(labels, p)
    own = [0.9, 0.8, 0.1, 0.4, 0.9, 0.8, 0.05, 0.45]
    assert found.self_confidence == pytest.approx(own)
    assert found.thresholds == pytest.approx([2.2 / 4, 2.2 / 4])
    # 0.55 is the threshold of both: face 3 (p of old 0.6) reaches it, face 7 (p of young 0.55) too
    assert found.suspect.tolist() == [False, False, True, True, False, False, True, True]
    assert found.order[:4].tolist() == [6, 2, 3, 7]


def test_a_class_that_the_network_is_unsure_of_has_the_lower_threshold() -> None:
    labels = np.array([0] * 6 + [1] * 6)
    sure = [0.02] * 5 + [0.6]  # young faces are known for young; one looks old
    unsure = [0.6, 0.55, 0.65, 0.5, 0.7, 0.08]  # old ones hardly; one looks young
    found = find_suspects(labels, np.array(sure + unsure))
    young, old = found.thresholds
    assert young == pytest.approx((5 * 0.98 + 0.4) / 6)
    assert old == pytest.approx(3.08 / 6)
    assert np.flatnonzero(found.suspect).tolist() == [5, 11]
    # the paper's rule alone would suspect a face whose own class is the more probable one
    found = find_suspects(np.array([0, 0, 1, 1]), np.array([0.0, 0.4, 0.4, 0.3]))
    assert found.thresholds == pytest.approx([0.8, 0.35])
    assert not found.suspect[1]  # p of old 0.4 is above 0.35, and below that of young


def test_perfect_judges_suspect_nobody_and_find_every_flipped_label() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 300)
    p = np.clip(np.where(truth == 1, 0.95, 0.05) + rng.normal(0, 0.02, 300), 0, 1)
    assert not find_suspects(truth, p).suspect.any()
    flipped = rng.permutation(300)[:12]
    labels = truth.copy()
    labels[flipped] = 1 - labels[flipped]
    found = find_suspects(labels, p)
    assert set(np.flatnonzero(found.suspect)) == set(flipped) == set(found.order[:12])


def test_folds_are_short_narrow_and_of_the_runs_kind(striped_store: FaceStore) -> None:
    base = tiny_base(striped_store, Path("run"))
    base = replace(base, ema_decay=0.998, patience=3, compile=True, learning_rate=3e-3)
    configs = fold_configs(base, Path("moved"), Path("out"), folds=3, epochs=2, seed=5)
    assert [c.subset.fold for c in configs] == [0, 1, 2]
    assert {c.subset.folds for c in configs} == {3}
    assert [c.out.name for c in configs] == ["seed5_fold0", "seed5_fold1", "seed5_fold2"]
    for c in configs:
        assert c.model.widths == (4, 8)
        assert (c.faces, c.epochs, c.seed, c.patience, c.compile) == (Path("moved"), 2, 5, 0, False)
        assert (c.learning_rate, c.augment, c.views) == (3e-3, base.augment, base.views)
        assert c.ema_decay == 0.99
    narrowest = replace(base, model=replace(base.model, widths=(1, 2)))
    assert fold_configs(narrowest, Path("f"), Path("o"))[0].model.widths == (1, 1)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Trains in this process, and lists what was trained."""
    folders: list[Path] = []

    def train_here(configs: list[TrainConfig], workers: int | None, label: str) -> None:
        for config in configs:
            if not (config.out / "best.json").exists():
                train(replace(config, threads=1))
                folders.append(config.out)

    monkeypatch.setattr(label_noise, "train_all", train_here)
    return folders


def test_every_face_is_judged_by_the_network_that_held_it_out(
    striped_store: FaceStore, tmp_path: Path, in_process: list[Path]
) -> None:
    base = tiny_base(striped_store, tmp_path)
    configs = fold_configs(base, striped_store.folder, tmp_path / "folds", folds=2, epochs=4)
    p = cross_validate(configs)
    assert p.shape == (len(striped_store),)
    assert ((p >= 0) & (p <= 1)).all()
    for config in configs:
        held_out = open_faces(config).indices("test")
        classifier = label_noise.load_classifier(config.out)
        assert p[held_out] == pytest.approx(
            classifier.probabilities(striped_store.images, held_out)
        )
    assert np.array_equal(cross_validate(configs), p)
    assert in_process == [config.out for config in configs]
    with pytest.raises(UserError, match="every face"):
        cross_validate(configs[:1])


@pytest.fixture
def judged(analysis: Analysis, monkeypatch: pytest.MonkeyPatch) -> tuple[Analysis, np.ndarray]:
    """Judges that know every face, and some whose labels they contradict."""
    labels = analysis.store.labels
    suspects = np.r_[np.flatnonzero(labels == 0)[:20], np.flatnonzero(labels == 1)[:5]]
    p = np.where(labels == 1, 0.9, 0.1) + 0.0001 * np.arange(len(labels))
    p[suspects] = 1 - p[suspects]

    def judge(configs: list[TrainConfig]) -> np.ndarray:
        for config in configs:
            config.out.mkdir(parents=True)
        return p

    monkeypatch.setattr(label_noise, "cross_validate", judge)
    return analysis, suspects


def test_the_chapter_and_its_files(judged: tuple[Analysis, np.ndarray]) -> None:
    analysis, suspects = judged
    store, folder = analysis.store, analysis.folder
    content = analyze(analysis)
    json.dumps(content, allow_nan=False)
    assert content["n"] == len(store)
    assert content["suspects"]["count"] == 25
    assert content["folds"] == 4
    assert not (folder / "label_noise_folds").exists()  # checkpoints are large
    for name, count in (("young", 20), ("old", 5)):
        group = content["by_class"][name]
        assert group["count"] == count
        assert sum(group["histogram"]) == group["n"]
        assert sum(group["histogram"][:10]) == count  # below one half
    by_age = content["by_age"]
    assert sum(group["count"] for group in by_age.values()) == 25
    assert sum(group["n"] for group in by_age.values()) == (store.ages != UNKNOWN_AGE).sum()

    among, test = content["among_test_faces"], analysis.test
    wrong = (test.p > 0.5) != test.labels
    flagged = np.isin(test.indices, suspects)
    assert among["of_errors"]["count"] == (flagged & wrong).sum()
    assert among["of_right"]["count"] == (flagged & ~wrong).sum()
    assert (among["of_errors"]["n"], among["n"]) == (wrong.sum(), len(wrong))

    assert [len(content["galleries"][name]) for name in ("young", "old")] == [12, 5]
    young = content["galleries"]["young"]
    assert [f["p_old"] for f in young] == sorted((f["p_old"] for f in young), reverse=True)
    with np.load(folder / "label_noise_suspects.npz") as kept:
        shown = {f["index"] for faces in content["galleries"].values() for f in faces}
        assert kept["indices"].tolist() == sorted(shown)
        assert np.array_equal(kept["images"], store.images[kept["indices"]])
    with Path(folder / "label_noise_faces.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {int(row["index"]) for row in rows[:25]} == set(suspects)
    assert [row["suspect"] for row in rows] == ["1"] * 25 + ["0"] * (len(rows) - 25)
    confidence = [float(row["self_confidence"]) for row in rows]
    assert confidence == sorted(confidence)
    assert rows[0]["path"] == store.paths[int(rows[0]["index"])]


def test_no_suspects_no_errors_nothing_known(
    analysis: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = analysis.store.labels
    monkeypatch.setattr(label_noise, "cross_validate", lambda configs: labels * 0.98 + 0.01)
    store = replace(analysis.store, ages=np.full(len(labels), UNKNOWN_AGE))
    test = replace(analysis.test, p=np.where(analysis.test.labels == 1, 0.9, 0.1))
    content = analyze(analysis._replace(store=store, test=test))
    json.dumps(content, allow_nan=False)
    assert content["suspects"]["count"] == 0
    assert content["by_age"] == {}
    assert content["galleries"] == {"young": [], "old": []}
    assert content["among_test_faces"]["of_errors"]["n"] == 0
    assert content["among_test_faces"]["difference"]["value"] is None
