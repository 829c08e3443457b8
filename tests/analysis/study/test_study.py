"""Studies of hyperparameters: their plan, their trials, and how sure their differences are."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from studies import tiny_base, write_study

from agegen import metrics
from agegen.analysis.analysis import open_analysis
from agegen.analysis.study import trials as study_trials
from agegen.analysis.study.base import Study, open_study
from agegen.analysis.study.factors import FACTORS, settings_of
from agegen.analysis.study.results import estimates, resample
from agegen.analysis.study.settings import AUGMENTATION_OFF, changed, differences
from agegen.analysis.study.study import analyze, plan, run_study
from agegen.classifier.config import TrainConfig
from agegen.classifier.model import ModelConfig, build_model
from agegen.classifier.train import train
from agegen.faces.store import FaceStore
from agegen.faces.views import evaluation_views
from agegen.run.errors import UserError
from agegen.run.files import read_json
from agegen.run.folder import Run

BASE = changed(TrainConfig(Path("f"), Path("o")), {"augment.crop": 96})


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Trains in this process, and lists what was trained."""
    folders: list[Path] = []

    def train_here(configs: list[TrainConfig], workers: int | None, label: str) -> None:
        for config in configs:
            train(replace(config, threads=1, resume=True))
            folders.append(config.out)

    monkeypatch.setattr(study_trials, "train_all", train_here)
    return folders


@pytest.fixture
def study(striped_store: FaceStore, tmp_path: Path) -> Study:
    base = tiny_base(striped_store, tmp_path / "run")
    return open_study(tmp_path / "study", base, epochs=2)


@pytest.mark.parametrize("name", FACTORS)
def test_every_setting_of_a_factor_changes_something_else_and_one_nothing(name: str) -> None:
    settings = settings_of(name, BASE, 100)
    configs = [changed(BASE, setting.changes) for setting in settings]
    assert len(settings) >= 2
    assert [c == BASE for c in configs].count(True) == 1
    assert len({repr(c) for c in configs}) == len(configs)
    assert len({setting.label for setting in settings}) == len(settings)
    for setting, config in zip(settings, configs, strict=True):
        assert differences(BASE, config) == setting.changes


def test_factors_follow_their_base() -> None:
    plain = changed(BASE, {"model.name": "plain"})
    assert settings_of("blocks", plain, 100) == []
    bare = changed(BASE, AUGMENTATION_OFF)
    off, on = settings_of("augmentation", bare, 100)
    assert not off.changes
    assert on.changes.keys() == AUGMENTATION_OFF.keys()
    part = changed(BASE, {"subset.share": 0.5, "epochs": 8})
    shares = [s.changes.get("subset.share", 0.5) for s in settings_of("training_faces", part, 100)]
    assert shares == [1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2]
    epochs = [s.changes.get("epochs", 8) for s in settings_of("training_faces", part, 100)]
    assert epochs == [32, 23, 16, 11, 8]
    sgd = changed(BASE, {"optimizer": "sgd", "learning_rate": 0.1})
    assert {s.changes.get("optimizer") for s in settings_of("optimizer", sgd, 100)} == {
        None,
        "adamw",
    }


def test_mistakes_are_named(study: Study, striped_store: FaceStore, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no factor is named sunshine"):
        plan(study, ["sunshine"], [0])
    without_depth = tiny_base(striped_store, tmp_path)
    without_depth = replace(without_depth, model=ModelConfig("plain", widths=(8, 16)))
    with pytest.raises(UserError, match="blocks has no effect"):
        plan(open_study(tmp_path / "plain", without_depth), ["blocks"], [0])
    other = replace(tiny_base(striped_store, tmp_path), batch_size=32)
    with pytest.raises(UserError, match=r"batch_size \(16 then, 32 now\)"):
        open_study(study.folder, other)
    with pytest.raises(UserError, match=r"epochs \(2 then, 3 now\)"):
        open_study(study.folder, tiny_base(striped_store, tmp_path), epochs=3)
    assert open_study(study.folder, tiny_base(striped_store, tmp_path)).base.epochs == 2


def test_the_base_is_trained_once_a_seed_for_all_factors(study: Study) -> None:
    names = [trial.name for trial in plan(study, ["augmentation", "class_balance"], [3, 4])]
    assert names == [
        "augmentation_off_seed3", "base_seed3", "class_balance_no_seed3",
        "augmentation_off_seed4", "base_seed4", "class_balance_no_seed4",
    ]  # fmt: skip


def test_intervals_hold_the_true_mean_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(400):  # two settings of three seeds; faces add an error common to the seeds
        faces = rng.normal(0, 1, 2)
        groups = []
        for error in faces:
            seeds = error + rng.normal(0, 2, 3)
            groups.append(np.c_[seeds, seeds[:, None] + rng.normal(0, 1, (1, 200))])
        hits += [e["low"] < 0 < e["high"] for e in estimates(groups)]
    assert 0.93 < np.mean(hits) < 0.995


def test_one_seed_leaves_the_interval_of_the_faces() -> None:
    resampled = np.random.default_rng(0).normal(5, 2, 4000)
    (one,) = estimates([np.r_[5.0, resampled][None]])
    assert one["high"] - one["low"] == pytest.approx(2 * 1.96 * 2, rel=0.05)


def test_a_difference_that_all_seeds_and_faces_share_is_certain() -> None:
    y = np.arange(60) % 2
    weights = metrics.bootstrap_weights(60, resamples=50)
    logit = np.random.default_rng(0).normal(y, 1.0)
    auc = resample(y, logit, weights)["roc_auc"]
    assert auc[0] == metrics.roc_auc(y, logit)
    assert len(auc) == 51
    shifted = np.stack([auc + 0.02, auc + 0.02]) - np.stack([auc, auc])
    (estimate,) = estimates([shifted])
    assert (estimate["low"], estimate["high"]) == pytest.approx((0.02, 0.02))


def test_a_study_is_measured_once_and_keeps_no_weights(study: Study, trained: list[Path]) -> None:
    factors = ["augmentation", "training_faces"]
    figures = run_study(study, factors, [0])
    assert len(trained) == 6
    faces = next(f for f in figures["factors"] if f["name"] == "training_faces")
    n = [setting["n_train"] for setting in faces["settings"]]
    assert n[-1] == len(study.store.indices("train"))
    assert np.allclose(np.array(n[1:]) / n[:-1], 2, rtol=0.25)
    assert not list(study.folder.rglob("*.safetensors"))
    assert figures == read_json(study.folder / "study.json")
    assert len((study.folder / "trials.csv").read_text().splitlines()) == 1 + 5 + 2

    assert run_study(study, factors, [0]) == figures
    assert len(trained) == 6
    shutil.rmtree(study.folder / "trials" / "augmentation_off_seed0")
    again = run_study(study, factors, [0])
    assert trained[6:] == [study.folder / "trials" / "augmentation_off_seed0"]
    without_time = [{k: v for k, v in row.items() if k != "seconds"} for row in again["trials"]]
    assert without_time == [
        {k: v for k, v in row.items() if k != "seconds"} for row in figures["trials"]
    ]


def test_a_trial_is_judged_by_its_last_averaged_weights_on_validation_faces(
    study: Study, trained: list[Path]
) -> None:
    (base,) = (t for t in plan(study, ["class_balance"], [5]) if t.name == "base_seed5")
    alone = replace(base.config, out=study.folder / "alone")
    train(alone)
    checkpoint = Run(alone.out).latest_checkpoint()
    assert checkpoint is not None
    averaged = checkpoint.tensors["averaged"]
    model = build_model(alone.model).eval()
    model.load_state_dict({k: averaged[f"module.{k}"] for k in model.state_dict()})
    val = study.store.indices("val")
    views = evaluation_views(torch.from_numpy(study.store.images[val]), alone.augment.crop, "flip")
    with torch.no_grad():
        logit = torch.stack([model(view).diff(dim=1)[:, 0] for view in views]).mean(dim=0)

    run_study(study, ["class_balance"], [5])
    result = read_json(base.result)
    np.testing.assert_allclose(result["logit"], logit.numpy(), atol=2e-3)
    auc = metrics.roc_auc(study.store.labels[val], np.array(result["logit"]))
    assert result["roc_auc"] == pytest.approx(auc, abs=0.01)


def test_a_killed_study_goes_on(
    study: Study, trained: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = study_trials.train_all

    def killed(configs: list[TrainConfig], workers: int | None, label: str) -> None:
        whole(configs[:1], workers, label)
        raise KeyboardInterrupt

    monkeypatch.setattr(study_trials, "train_all", killed)
    with pytest.raises(KeyboardInterrupt):
        run_study(study, ["augmentation"], [0])
    monkeypatch.setattr(study_trials, "train_all", whole)
    figures = run_study(study, ["augmentation"], [0])
    assert [s["label"] for s in figures["factors"][0]["settings"]] == ["off", "on"]


def test_a_trial_whose_loss_diverges_is_a_result(
    striped_store: FaceStore, tmp_path: Path, trained: list[Path]
) -> None:
    base = replace(tiny_base(striped_store, tmp_path), clip_norm=0.0, learning_rate=1e-3)
    study = open_study(tmp_path / "study", base, epochs=3)
    seeds = [0]
    trials = plan(study, ["learning_rate"], seeds)
    wild = max(trials, key=lambda trial: trial.config.learning_rate)
    wild = wild._replace(config=replace(wild.config, learning_rate=1e30))
    calm = next(trial for trial in trials if trial.name == "base_seed0")
    study_trials.run_trials([wild, calm], striped_store, "centre", None)
    assert read_json(wild.result)["diverged"]
    assert not read_json(calm.result)["diverged"]
    figures = run_study(study, ["learning_rate"], seeds)
    last = figures["factors"][0]["settings"][-1]
    assert last["diverged"] == 1
    assert last["differences"]["roc_auc"] is None
    assert figures["factors"][0]["settings"][0]["differences"]["roc_auc"] is not None


def test_other_mistakes_of_a_trial_stop_the_study(study: Study, trained: list[Path]) -> None:
    too_large = replace(study.base.augment, crop=study.store.size + 1)
    wrong = replace(study.base, augment=too_large, out=study.folder / "x")
    with pytest.raises(UserError, match="larger than the faces"):
        study_trials.run_trials([study_trials.Trial("x", wrong)], study.store, "centre", None)


def test_differences_have_the_sign_and_the_seeds_of_their_trials(
    striped_store: FaceStore, tmp_path: Path
) -> None:
    skill = lambda trial: 1.0 if "augmentation_off" in trial.name else 2.5  # noqa: E731
    study = write_study(tmp_path, striped_store, skill, ("augmentation",), seeds=3)
    (factor,) = read_json(study.folder / "study.json")["factors"]
    off, on = factor["settings"]
    assert off["seeds"] == [0, 1, 2]
    assert on["differences"]["roc_auc"] is None
    change = off["scores"]["roc_auc"]["value"] - on["scores"]["roc_auc"]["value"]
    assert off["differences"]["roc_auc"]["value"] == pytest.approx(change)
    assert change < 0
    assert read_json(study.folder / "study.json")["missing"] == [
        name for name in FACTORS if name != "augmentation"
    ]


def test_the_chapter_of_a_run(
    trained_run: Path, tmp_path: Path, trained: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agegen.analysis.study.base.EPOCHS", 1)
    run = shutil.copytree(trained_run, tmp_path / "run")
    figures = analyze(open_analysis(run, seed=1))
    assert [f["name"] for f in figures["factors"]] == ["training_faces", "augmentation"]
    assert {row["seed"] for row in figures["trials"]} == {1, 2}
    assert len(trained) == 12
    assert figures == read_json(run / "study" / "study.json")
