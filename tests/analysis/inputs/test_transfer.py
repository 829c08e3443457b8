"""The ablation of input optimisation: its cases, controls, figures, and the second classifiers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from analyses import opened_analysis  # noqa: F401 - a fixture
from scipy.ndimage import gaussian_filter
from sklearn.linear_model import LinearRegression

from agegen import metrics
from agegen.analysis.analysis import Analysis
from agegen.analysis.inputs import second_classifier, transfer
from agegen.analysis.inputs.optimize import Start
from agegen.analysis.inputs.second_classifier import folder_of, second_configs
from agegen.analysis.inputs.transfer import add_scrambled, analyze, choose_cases
from agegen.analysis.inputs.transfer_figures import (
    Case,
    Judged,
    compare_faces,
    slope_within,
    summarise,
)
from agegen.classifier.config import SubsetConfig, TrainConfig
from agegen.classifier.evaluate import Predictions
from agegen.classifier.train import train
from agegen.classifier.training_faces import open_faces
from agegen.faces.store import FaceStore
from agegen.run.errors import UserError

NAMES = ("first", "same kind", "other kind")


def predictions(store: FaceStore, logit: np.ndarray) -> Predictions:
    indices = store.indices("val")
    p = metrics.sigmoid(logit)
    return Predictions(indices, store.labels[indices], logit, p, p)


@pytest.fixture
def val(drawn_store: FaceStore) -> dict[str, Predictions]:
    """Gaps of exactly 4, 2 and 1 between the classes."""
    labels = drawn_store.labels[drawn_store.indices("val")]
    noise = np.random.default_rng(0).normal(size=len(labels))
    for label in (0, 1):
        noise[labels == label] -= noise[labels == label].mean()
    found = {}
    for gap, name in zip((4.0, 2.0, 1.0), NAMES, strict=True):
        found[name] = predictions(drawn_store, gap * (labels - 0.5) + noise * gap / 4)
    return found


def some_cases() -> list[Case]:
    noise = [Case(Start(t, None, s), "noise", f"noise {s}", -1) for s in range(3) for t in (0, 1)]
    face = np.zeros((4, 4, 3), dtype=np.uint8)
    return noise + [Case(Start(t, face), "other", f"face {t}", t) for t in (0, 1)]


def moved(cases: list[Case], start: float, by: float, drift: float = 0.0) -> Judged:
    """Every image moves `by` towards its target and, as its control does, `drift` towards old."""
    signs = np.array([2 * case.start.target - 1 for case in cases])
    before = np.full(len(cases), start)
    return Judged(before, before + by * signs + drift, before + drift)


def test_shifts_are_in_gaps_and_the_share_kept_is_their_ratio(
    drawn_store: FaceStore, val: dict[str, Predictions]
) -> None:
    cases = some_cases()
    plain = dict(
        zip(NAMES, (moved(cases, 1, 8), moved(cases, 1, 1), moved(cases, 1, 0)), strict=True)
    )
    better = plain | {"same kind": moved(cases, 1, 3)}
    found = summarise(cases, {"none": plain, "blur": better}, drawn_store, val, seed=0)
    assert found["none"].keys() == {"noise", "other"}
    noise = found["blur"]["noise"]
    assert noise["n"] == 6
    assert noise["first"]["shift"]["value"] == pytest.approx(2)
    assert noise["same kind"]["shift"]["value"] == pytest.approx(1.5)
    assert noise["same kind"]["kept"]["shift"]["value"] == pytest.approx(0.75)
    assert noise["same kind"]["gain"]["shift"]["value"] == pytest.approx(0.75 - 0.25)
    assert found["none"]["noise"]["same kind"]["gain"]["shift"]["value"] == 0
    assert noise["other kind"]["kept"]["shift"]["value"] == 0
    shift, kept = noise["same kind"]["shift"], noise["same kind"]["kept"]["shift"]
    assert shift["low"] < 1.5 < shift["high"]  # the gap is uncertain, though all images move alike
    assert kept["low"] is kept["high"] is None  # one gap is half of the other on every resample


def test_what_any_noise_does_is_taken_off_the_pattern(
    drawn_store: FaceStore, val: dict[str, Predictions]
) -> None:
    cases = [case for case in some_cases() if case.start.target == 1]
    judged = {
        "first": moved(cases, -1, 8), "same kind": moved(cases, -1, 1, drift=3),
        "other kind": moved(cases, -1, -1, drift=1),
    }  # fmt: skip
    noise = summarise(cases, {"none": judged}, drawn_store, val, seed=0)["none"]["noise"]
    same, other = noise["same kind"], noise["other kind"]
    assert same["shift"]["value"] == pytest.approx(2)  # (1 + 3) / the gap of 2
    assert same["kept"]["shift"]["value"] == pytest.approx(1)
    assert same["random"]["value"] == same["drift"]["value"] == pytest.approx(1.5)
    assert same["pattern"]["value"] == pytest.approx(0.5)
    assert same["kept"]["pattern"]["value"] == pytest.approx(0.25)
    assert other["kept"]["pattern"]["value"] == pytest.approx(-0.5)
    young = [case._replace(start=case.start._replace(target=0)) for case in cases]
    towards = summarise(
        young, {"none": dict.fromkeys(NAMES, moved(young, 1, 0, 2))}, drawn_store, val, seed=0
    )["none"]["noise"]["same kind"]
    assert towards["random"]["value"] == -towards["drift"]["value"] == pytest.approx(-1)


def test_images_taken_for_their_target(drawn_store: FaceStore, val) -> None:
    cases = some_cases()
    judged = dict.fromkeys(NAMES, moved(cases, 1.0, 1.5))  # all start as old, by 1
    noise = summarise(cases, {"none": judged}, drawn_store, val, seed=0)["none"]["noise"]["first"]
    assert noise["before"]["share"]["value"] == 0.5
    assert noise["after"]["share"]["value"] == 1
    assert noise["flipped"]["n"] == 3
    assert noise["flipped"]["share"]["value"] == 1
    assert noise["flipped"]["share"]["low"] < 1


def test_without_a_gap_or_a_shift_nothing_is_kept_of_it(drawn_store: FaceStore, val) -> None:
    cases = some_cases()
    still = dict(
        zip(NAMES, (moved(cases, 1, 0), moved(cases, 1, 1), moved(cases, 1, 1)), strict=True)
    )
    found = summarise(cases, {"none": still}, drawn_store, val, seed=0)["none"]["noise"]
    assert found["same kind"]["kept"]["shift"] == {"value": None, "low": None, "high": None}
    labels = val["first"].labels
    one_class = {
        name: Predictions(*(a[labels == 0] for a in vars(p).values())) for name, p in val.items()
    }
    found = summarise(cases, {"none": still}, drawn_store, one_class, seed=0)["none"]["noise"]
    assert found["first"]["shift"]["value"] is None
    assert compare_faces(drawn_store, one_class, 0)["same kind"]["value"] is None


def test_the_slope_within_classes_is_that_of_a_regression_with_a_dummy() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    first = 3 * labels + rng.normal(size=300)
    second = labels + 0.3 * first + rng.normal(size=300)
    gaps = [z[labels == 1].mean() - z[labels == 0].mean() for z in (first, second)]
    fitted = LinearRegression().fit(np.c_[first, labels], second).coef_[0]
    found = slope_within(labels, first, second)
    assert found == pytest.approx(fitted * gaps[0] / gaps[1])
    weights = metrics.bootstrap_weights(300, resamples=4)
    drawn = np.repeat(np.arange(300), weights[2].astype(int))
    assert slope_within(labels, first, second, weights)[2] == pytest.approx(
        slope_within(labels[drawn], first[drawn], second[drawn])
    )


def test_a_control_has_the_size_and_the_spectrum_of_the_change_and_another_pattern() -> None:
    rng = np.random.default_rng(0)
    before = np.full((2, 33, 32, 3), 128, dtype=np.uint8)
    smooth = gaussian_filter(rng.normal(0, 100, before.shape), (0, 1.5, 1.5, 0))
    after = (before + smooth).clip(0, 255).round().astype(np.uint8)
    change = after.astype(float) - before
    control = add_scrambled(before, after, np.random.default_rng(1)).astype(float) - before
    for a, b in zip(change, control, strict=True):
        assert np.linalg.norm(b) == pytest.approx(np.linalg.norm(a), rel=0.02)
        power = [np.abs(np.fft.fft2(x, axes=(0, 1))) for x in (a, b)]
        assert np.corrcoef(power[0].ravel(), power[1].ravel())[0, 1] > 0.99
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.5
    assert not np.array_equal(control, add_scrambled(before, after, np.random.default_rng(2)))


def test_cases_are_noises_and_held_out_faces_towards_both_classes(analysis: Analysis) -> None:
    labels = analysis.store.labels[analysis.store.indices("val")]
    val = predictions(analysis.store, labels - 0.5)
    cases = choose_cases(analysis, val)
    assert [c[1:] for c in cases] == [c[1:] for c in choose_cases(analysis, val)]
    per_class = [min(transfer.FACES_A_CLASS, int((labels == k).sum())) for k in (0, 1)]
    assert len(cases) == 2 * (transfer.NOISES + sum(per_class))
    for case in cases:
        if case.kind == "noise":
            assert (case.start.face, case.face) == (None, -1)
            continue
        assert analysis.store.splits[case.face] == "val"
        is_own = analysis.store.labels[case.face] == case.start.target
        assert case.kind == ("own" if is_own else "other")
        assert case.origin == analysis.store.identities[case.face]
    young = replace(val, indices=val.indices[labels == 0], labels=labels[labels == 0])
    targets = [(c.kind, c.start.target) for c in choose_cases(analysis, young) if c.face >= 0]
    assert set(targets) == {("own", 0), ("other", 1)}


def test_second_classifiers_share_no_person_with_the_run(analysis: Analysis) -> None:
    config = analysis.classifier.config
    same, other = second_configs(analysis.run, config, analysis.store)
    assert (same.model.name, other.model.name) == ("residual", "plain")
    assert same.seed == other.seed != config.seed
    assert same.out != other.out
    people = {
        name: set(store.identities[store.indices("train")])
        for name, store in (("run", analysis.store), ("second", open_faces(same)))
    }
    assert people["second"] == set(analysis.store.identities[analysis.store.indices("test")])
    assert not people["run"] & people["second"]
    swapped = replace(config, subset=SubsetConfig(swap=True))
    again = second_configs(analysis.run, swapped, open_faces(swapped))[0]
    assert set(open_faces(again).identities[open_faces(again).indices("train")]) == people["run"]
    plain = replace(config, model=replace(config.model, name="plain"))
    assert second_configs(analysis.run, plain, analysis.store)[1].model.name == "residual"
    fold = replace(config, subset=SubsetConfig(folds=4))
    with pytest.raises(UserError, match="fold of a cross-validation"):
        second_configs(analysis.run, fold, open_faces(fold))


def test_the_chapter_is_measured_and_trains_the_second_classifiers_once(
    analysis: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[Path] = []

    def train_here(configs: list[TrainConfig], label: str) -> None:
        for config in configs:
            if not (config.out / "best.json").exists():
                train(replace(config, threads=1, resume=True))
                trained.append(config.out)

    monkeypatch.setattr(second_classifier, "train_all", train_here)
    monkeypatch.setattr(second_classifier, "MOST_EPOCHS", 2)
    monkeypatch.setattr(transfer, "NOISES", 2)
    monkeypatch.setattr(transfer, "FACES_A_CLASS", 2)
    monkeypatch.setattr(second_classifier, "MOST_UNSEEN", 50)
    short = {name: replace(config, steps=3) for name, config in transfer.SETTINGS.items()}
    monkeypatch.setattr(transfer, "SETTINGS", short)
    found = analyze(analysis)
    assert trained == [folder_of(analysis.run, kind) for kind in second_classifier.KINDS]
    assert found["n"] == 12
    assert {of["noise"]["n"] for of in found["settings"].values()} == {4}
    with np.load(analysis.folder / "transfer_images.npz") as saved:
        crop = analysis.classifier.crop
        assert saved["images"].shape == (len(short), 12, crop, crop, 3)
        assert saved["settings"].tolist() == list(short)
        blur = saved["images"][list(short).index("blur")]
    z = analysis.classifier.log_odds(blur)[4:]  # from faces, in pairs towards the other and own
    kinds = found["settings"]["blur"]
    right = (z > 0) == (np.array([1, 0, 1, 0, 0, 1, 0, 1]) == 1)
    assert kinds["other"]["first"]["after"]["count"] == right[::2].sum()
    assert kinds["own"]["first"]["after"]["count"] == right[1::2].sum()
    judges = found["classifiers"]
    assert judges["same kind"]["unseen"]["n"] == 50
    assert judges["same kind"]["n_train"] == len(analysis.store.indices("test"))
    assert (analysis.folder / "transfer_grid.png").stat().st_size > 10_000
    assert analyze(analysis) == found
    assert len(trained) == 2
