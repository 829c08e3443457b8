"""Ages in years: the loss, the intervals, and a training that learns them from every face."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agegen.classifier.ages import AGES, COVERAGE, age_loss, estimate_ages, fit_margin
from agegen.classifier.config import SubsetConfig, TrainConfig, standardised
from agegen.classifier.evaluate_run import count_seen
from agegen.classifier.model import ModelConfig, build_model
from agegen.classifier.predict import load_classifier, mean_outputs
from agegen.classifier.train import train
from agegen.classifier.training_faces import (
    count_faces,
    open_every_age,
    open_faces,
    open_training_faces,
)
from agegen.faces.prepare import PrepareConfig, prepare
from agegen.faces.records import OTHER
from agegen.faces.store import FaceStore
from agegen.faces.views import AugmentConfig
from agegen.run.configs import read_config
from agegen.run.errors import UserError

OTHERS_CHECKSUMS = {"images.npy": "0" * 64, "faces.csv": "1" * 64}


@pytest.fixture
def config(aged_store: FaceStore, tmp_path: Path) -> TrainConfig:
    return TrainConfig(
        faces=aged_store.folder,
        out=tmp_path / "run",
        model=ModelConfig(widths=(8, 16), ages=True),
        augment=AugmentConfig(crop=40, rotation=0, scale=0, shift=0, colour=0, erase=0),
        epochs=18,
        batch_size=30,
        ema_decay=0.9,
        learning_rate=1e-2,
        precision="float32",
        threads=1,
    )


def likely_about(ages: np.ndarray, spread: float) -> np.ndarray:
    """Distributions about ages, normal, (n, 101)."""
    weights = np.exp(-(((np.arange(AGES) - ages[:, None]) / spread) ** 2) / 2)
    return weights / weights.sum(axis=1, keepdims=True)


def test_the_loss_is_least_at_the_truth_and_pulls_towards_it() -> None:
    ages = torch.tensor([30, 30, 30, -1])
    columns = torch.from_numpy(likely_about(np.array([30, 34, 60, 60]), 3.0)).log().float()
    right, near, far, unknown = age_loss(columns.requires_grad_(), ages)
    assert right < near < far
    assert unknown == 0
    age_loss(columns, ages).sum().backward()
    assert columns.grad is not None
    assert columns.grad[3].abs().max() == 0
    assert columns.grad[2, 30] < 0 < columns.grad[2, 60]  # a step down makes 30 likelier


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.5, 20), st.floats(0.5, 20))
def test_intervals_hold_the_asked_share_whatever_the_network_believes(
    seed: int, believed: float, true: float
) -> None:
    rng = np.random.default_rng(seed)
    said = rng.uniform(20, 80, 2000)
    ages = (said + rng.normal(0, true, 2000)).round().clip(0, 100)
    likely = likely_about(said, believed)
    margin = fit_margin(likely[:1000], ages[:1000])
    found = estimate_ages(likely[1000:], margin)
    held = (found.low <= ages[1000:]) & (ages[1000:] <= found.high)
    assert held.mean() >= COVERAGE - 0.06
    assert (found.low <= found.years).all()
    assert (found.years <= found.high).all()
    assert (found.low >= 0).all()


def test_the_expected_age_is_read_off() -> None:
    found = estimate_ages(likely_about(np.array([20.0, 55.5]), 4.0), 0.0)
    assert found.years == pytest.approx([20.0, 55.5], abs=0.01)
    assert found.low == pytest.approx([20 - 1.28 * 4, 55.5 - 1.28 * 4], abs=0.15)


def test_a_training_learns_ages_from_faces_of_every_age(
    config: TrainConfig, aged_store: FaceStore
) -> None:
    best = train(replace(config, select_by="age_error"))
    assert best is not None
    guess = np.abs(aged_store.ages - np.median(aged_store.ages)).mean()
    assert best.age_error is not None
    assert best.age_error < guess / 2
    classifier = load_classifier(config.out)
    test = aged_store.indices("test")
    assert (aged_store.labels[test] == OTHER).any()
    answers = classifier.answer(aged_store.images, test)
    found = classifier.estimate_ages(answers)
    assert found is not None
    assert np.abs(found.years - aged_store.ages[test]).mean() < guess / 2
    assert np.corrcoef(found.years, answers.log_odds)[0, 1] > 0.5
    counts = read_config(config.out)["data"]["counts"]
    assert counts == count_faces(open_training_faces(config))
    assert counts["train"]["other"] == aged_store.info["counts"]["other"]["train"] > 0


def test_killed_and_resumed_it_comes_to_the_same_bits(config: TrainConfig) -> None:
    whole = train(replace(config, epochs=2))
    halved = replace(config, epochs=2, out=config.out.with_name("halved"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agegen.classifier.train.validate", stop)
        with pytest.raises(KeyboardInterrupt):
            train(replace(halved, checkpoint_every=2))
    again = train(replace(halved, checkpoint_every=2, resume=True))
    assert again == whole


def stop(*_: object) -> None:
    raise KeyboardInterrupt


def test_without_ages_the_others_are_left_out(config: TrainConfig, aged_store: FaceStore) -> None:
    asked = replace(config, model=replace(config.model, ages=False))
    store = open_training_faces(asked)
    assert set(store.labels) == {0, 1}
    assert len(store) < len(aged_store)
    assert store.images.tobytes() == aged_store.images[: len(store)].tobytes()
    with pytest.raises(UserError, match="--select-by age_error: no ages"):
        train(replace(asked, select_by="age_error"))
    best = train(replace(asked, epochs=1))
    assert best is not None
    assert best.age_error is None
    assert load_classifier(asked.out).answer(store.images).likely is None


@pytest.mark.parametrize("subset", [{"share": 0.5}, {"swap": True}, {"folds": 3, "fold": 1}])
def test_what_is_held_out_is_the_same_with_and_without_the_others(
    config: TrainConfig, subset: dict
) -> None:
    asked = replace(config, subset=SubsetConfig(**subset))
    classes, every = open_faces(asked), open_training_faces(asked)
    np.testing.assert_array_equal(classes.splits, every.splits[: len(classes)])
    assert {"train", "test"} <= set(every.splits[every.labels == OTHER])


def test_what_is_held_out_is_that_of_a_store_without_the_others(
    config: TrainConfig, aged_store: FaceStore, tmp_path: Path
) -> None:
    photos = Path(aged_store.info["request"]["source"])
    alone = prepare(PrepareConfig(photos, tmp_path / "alone", size=40, workers=1))
    for subset in ({}, {"share": 0.5}, {"swap": True}, {"folds": 3, "fold": 2}):
        asked = replace(config, subset=SubsetConfig(**subset))
        same = open_faces(replace(asked, faces=alone.folder))
        np.testing.assert_array_equal(open_faces(asked).splits, same.splits)


def test_no_person_is_on_two_sides_in_a_fold_or_share(
    config: TrainConfig, aged_store: FaceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = np.array([f"p{i % 40}" for i in range(len(aged_store))])
    monkeypatch.setattr(
        FaceStore, "open", lambda *_, **__: replace(aged_store, identities=names, splits=names)
    )
    for fold in range(3):
        subset = SubsetConfig(folds=3, fold=fold)
        every = open_every_age(replace(config, subset=subset))
        for name in set(names):
            assert len(set(every.splits[names == name]) - {"unused"}) <= 1
        assert {"train", "test"} <= set(every.splits[every.labels == OTHER])


def test_an_own_network_is_told_how_many_columns() -> None:
    built = build_model(ModelConfig(name="agegen.classifier.model:PlainCNN", ages=True))
    assert built(torch.zeros(2, 3, 32, 32)).shape == (2, 2 + AGES)
    with pytest.raises(UserError, match="outputs="):
        build_model(ModelConfig(name="builtins:int", ages=True))


@pytest.mark.parametrize("said_ages", [False, True])
def test_started_from_other_weights_they_decide_whether_ages_are_learnt(
    said_ages: bool, config: TrainConfig
) -> None:
    first = replace(config, epochs=1, model=replace(config.model, ages=said_ages))
    train(first)
    asked = replace(config, epochs=1, model=standardised(), out=config.out.with_name("second"))
    best = train(replace(asked, start_from=first.out))
    assert best is not None
    assert (best.age_error is not None) == said_ages
    assert load_classifier(asked.out).config.model.widths == first.model.widths


def test_weights_that_say_ages_are_tuned_on_faces_without_any(
    config: TrainConfig, drawn_store: FaceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = replace(config, epochs=1)
    train(first)
    unknown = replace(drawn_store, ages=np.full(len(drawn_store), -1))
    monkeypatch.setattr(FaceStore, "open", lambda *_, **__: unknown)
    asked = replace(
        config, faces=drawn_store.folder, out=config.out.with_name("tuned"), epochs=1,
        model=standardised(), start_from=first.out,
    )  # fmt: skip
    best = train(asked)
    assert best is not None
    assert best.age_margin is None  # what it says of ages now is worth nothing
    classifier = load_classifier(asked.out)
    assert classifier.estimate_ages(classifier.answer(unknown.images[:2])) is None


@pytest.mark.parametrize("ages", [True, False])
def test_started_with_its_own_settings_it_begins_and_resumes(
    config: TrainConfig, ages: bool
) -> None:
    first = replace(config, epochs=1, model=replace(config.model, ages=ages))
    train(first)
    asked = replace(
        config, epochs=2, out=config.out.with_name("second"), start_from=first.out,
        model=replace(config.model, ages=True),
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agegen.classifier.train.validate", stop)
        with pytest.raises(KeyboardInterrupt):
            train(replace(asked, checkpoint_every=2))
    assert train(replace(asked, checkpoint_every=2, resume=True)) is not None


def test_an_own_network_of_another_width_is_refused(config: TrainConfig) -> None:
    network = ModelConfig(name="agegen.classifier.model:GlobalMean", ages=False)
    with pytest.raises(UserError, match=r"does not take widths=|gives \(3,\) numbers"):
        train(replace(config, model=network))


def test_no_faces_have_the_columns_of_a_network_too(aged_run: Path, aged_store: FaceStore) -> None:
    """So that processes without a validation face of their own can put theirs together."""
    classifier = load_classifier(aged_run)
    none = np.empty(0, dtype=int)
    found = mean_outputs(
        classifier.model, aged_store.images, none, classifier.crop, "flip", classifier.device
    )
    assert found.shape == (0, 1 + AGES)


def test_faces_of_other_ages_are_seen_only_where_they_were_learnt(
    config: TrainConfig, aged_store: FaceStore
) -> None:
    others = aged_store.indices("train")[aged_store.labels[aged_store.indices("train")] == OTHER]
    copies = replace(aged_store, info={**aged_store.info, "checksums": OTHERS_CHECKSUMS})
    for ages, seen in ((True, len(others)), (False, 0)):
        asked = replace(config, epochs=1, out=config.out / str(ages))
        train(replace(asked, model=replace(asked.model, ages=ages)))
        trained = load_classifier(asked.out).config
        assert count_seen(asked.out, trained, copies, others) == seen
