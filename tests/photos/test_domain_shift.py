"""Why photos in the wild are harder: changes towards the training faces, and what they regain."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agegen.faces.views import to_float, to_uint8
from agegen.photos import domain_shift
from agegen.photos.baselines import Faces, Said, best_cut
from agegen.photos.domain_shift import (
    DomainShiftConfig,
    as_sharp,
    blurred,
    changed,
    compared,
    cross_fitted_cuts,
    describe_domain_shift,
    recoloured,
    right,
    sharpness,
    study_domain_shift,
    zoomed,
)

CONFIG = DomainShiftConfig(Path("run"), Path("photos"), resamples=100)


def noisy(n: int, spread: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    base = np.linspace(60, 180, 32)[None, :, None, None]
    return (base + rng.normal(0, spread, (n, 32, 32, 3))).clip(0, 255).astype(np.uint8)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.floats(4.0, 30.0))
def test_faces_become_just_so_sharp_and_soft_ones_stay(seed: int, detail: float) -> None:
    images = np.concatenate([noisy(3, 30, seed), noisy(3, 1, seed)])
    after = to_uint8(as_sharp(to_float(torch.from_numpy(images)), detail)).numpy()
    was, now = sharpness(images), sharpness(after)
    assert (now <= np.maximum(was, detail) + 0.5).all()
    sharp = was > detail
    assert (now[sharp] > 0.75 * detail).all()
    assert (after[~sharp] == images[~sharp]).all()


def test_blur_takes_detail_and_leaves_even_faces() -> None:
    even = torch.full((2, 3, 20, 20), 0.4)
    torch.testing.assert_close(blurred(even, torch.tensor([0.5, 3.0])), even)
    x = to_float(torch.from_numpy(noisy(2, 30)))
    soft = blurred(x, torch.tensor([0.05, 2.0]))
    torch.testing.assert_close(soft[0], x[0], atol=1e-3, rtol=0)
    assert soft[1].std() < x[1].std()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_colours_are_those_asked_for(seed: int) -> None:
    x = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 0.3
    levels, spreads = torch.tensor([0.1, -0.1, 0.0]), torch.tensor([0.2, 0.1, 0.15])
    found = recoloured(x, levels, spreads)
    torch.testing.assert_close(found.mean(dim=(2, 3)), levels.expand(3, 3), atol=0.01, rtol=0)
    torch.testing.assert_close(found.std(dim=(2, 3)), spreads.expand(3, 3), atol=0.01, rtol=0)


def test_a_zoom_moves_what_is_off_the_centre() -> None:
    x = -torch.ones(1, 3, 64, 64)
    x[..., 31:33, 47:49] = 1
    for by in (0.9, 1.1):
        bright = (zoomed(x, by)[0, 0] + 1).sum(dim=0)
        place = float((bright * torch.arange(64.0)).sum() / bright.sum())
        assert place - 31.5 == pytest.approx(16 * by, abs=0.3)


def test_what_is_right_is_balanced_accuracy() -> None:
    labels, p = np.array([0, 0, 0, 1]), np.array([0.1, 0.2, 0.8, 0.9])
    faces = Faces(np.zeros((4, 1)), labels, labels, np.arange(4))
    assert right(faces, p).mean() == pytest.approx((2 / 3 + 1) / 2)
    better = np.array([0.1, 0.2, 0.3, 0.9])
    found = compared(faces, p, better, missing=1 / 3, config=CONFIG)
    assert found["gain"]["value"] == pytest.approx(1 / 6)
    assert found["explains"] == pytest.approx(0.5)
    assert compared(faces, p, better, missing=0.0, config=CONFIG)["explains"] is None


def test_the_best_cut_is_where_the_classes_part() -> None:
    cuts = np.array([1.5, 2.5, 3.5])
    assert 2 < best_cut(np.array([0, 0, 1, 1]), np.array([1.0, 2.0, 3.0, 4.0]), cuts) < 3


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(5, 40))
def test_a_cut_is_never_fitted_to_the_persons_it_is_for(seed: int, people: int) -> None:
    rng = np.random.default_rng(seed)
    labels, persons = rng.integers(0, 2, 80), rng.integers(0, people, 80)
    odds = rng.normal(size=80)
    faces = Faces(np.zeros((80, 1)), labels, labels, persons)
    cuts = cross_fitted_cuts(faces, odds, seed)
    one = persons == persons[0]
    moved = np.where(one, odds + rng.normal(size=80), odds)
    assert cross_fitted_cuts(faces, moved, seed)[0] == cuts[0]


def test_a_shift_of_contrast_is_found_and_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A judge that takes detail for age errs on photos of more contrast, until that is undone."""
    labels = np.array([0, 1] * 20)
    soft = np.concatenate([noisy(1, 2 + 4 * label, i) for i, label in enumerate(labels)])
    sharp = ((soft.astype(float) - 120) * 2 + 120).clip(0, 255).astype(np.uint8)
    ages, persons = 20 + 35 * labels, np.arange(40)
    test, photos = (Faces(x, labels, ages, persons) for x in (soft, sharp))

    class Loaded:
        class classifier:  # noqa: N801
            temperature = 1.0

    class Store:
        images = soft

        def indices(self, split: str) -> np.ndarray:
            return np.arange(40)

        def of_classes(self) -> "Store":
            return self

    cut = np.sort(sharpness(soft))[19:21].mean()
    monkeypatch.setattr(domain_shift, "open_both", lambda *_: (Loaded, Store(), test))
    monkeypatch.setattr(domain_shift, "known_faces", lambda *_: photos)
    monkeypatch.setattr(domain_shift, "ask", lambda _, images: Said(sharpness(images) - cut))
    config = DomainShiftConfig(Path("run"), Path("photos"), out=tmp_path / "x.json", resamples=100)
    found = study_domain_shift(config)
    assert found["test"]["balanced_accuracy"]["value"] == 1
    assert found["photos"]["balanced_accuracy"]["value"] < 0.7
    explained = {name: change["explains"] for name, change in found["changes"].items()}
    assert explained["a threshold of their own"] > 0.8
    assert explained["grey"] < 0.2
    assert explained["in training faces' mean colours and contrast"] > 0.8
    text = describe_domain_shift(found)
    assert "| photos, grey |" in text
    assert "the sharpest third (" in text
    assert (tmp_path / "x.json").exists()


def test_a_change_is_applied_in_batches() -> None:
    images = noisy(130, 5)
    assert (changed(images, lambda x: -x) == 255 - images).all()
