"""Attributions: integrated gradients where they are known, regions, and the check."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from analyses import opened_analysis  # noqa: F401 - a fixture
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr
from torch import Tensor, nn

import agegen
from agegen import metrics
from agegen.analysis import attributions
from agegen.analysis.analysis import Analysis
from agegen.analysis.attributions import (
    BLUR,
    analyze,
    attribute,
    centre_views,
    draw_sample,
    faces_above_maps,
    mean_tiles,
    overlay,
    rank_correlation,
    region_shares,
    rim_mask,
)
from agegen.analysis.untrained import fresh_network
from agegen.classifier.evaluate import Predictions


class Linear(nn.Module):
    """Logits that are linear in the pixels."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = weights

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("nchw,kchw->nk", x, self.weights) + torch.tensor([0.3, -0.7])


class Square(nn.Module):
    """Log-odds (w·x)²: the gradient is not the same everywhere on the way."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = weights

    def forward(self, x: Tensor) -> Tensor:
        total = torch.einsum("nchw,chw->n", x, self.weights) ** 2
        return torch.stack([-total / 2, total / 2], dim=1)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def blurred(maps: np.ndarray) -> np.ndarray:
    """The same Gaussian by scipy: torchvision's has the same radius and mirrors at the border."""
    sigma = (0, BLUR, BLUR)
    return gaussian_filter(maps.astype(np.float64), sigma, mode="mirror", truncate=3)


def test_a_linear_network_gets_its_weights_times_the_pixels() -> None:
    weights, views = noise(2, 3, 24, 20), noise(5, 3, 24, 20, seed=1)
    maps = attribute(Linear(weights), views, batch_size=2)
    expected = ((weights[1] - weights[0]) * views).sum(dim=1).numpy()
    np.testing.assert_allclose(maps.signed, blurred(expected), atol=1e-5)
    assert maps.signed.shape == (5, 24, 20)
    assert maps.missing.max() < 1e-4


def test_attributions_add_up_along_a_curved_way() -> None:
    weights, views = noise(3, 16, 16), noise(3, 3, 16, 16, seed=2)
    maps = attribute(Square(weights), views)
    # the integral of 2 t (w·x) w over t, times x
    total = torch.einsum("nchw,chw->n", views, weights)
    expected = (total[:, None, None, None] * weights * views).sum(dim=1).numpy()
    np.testing.assert_allclose(maps.signed, blurred(expected), atol=1e-4)
    assert maps.missing.max() < 1e-3


def test_what_is_missing_is_a_share_of_the_difference() -> None:
    class Step(nn.Module):
        def forward(self, x: Tensor) -> Tensor:  # steep: few points cannot follow it
            y = torch.sigmoid(80 * (x.mean(dim=(1, 2, 3)) - 0.13))
            return torch.stack([torch.zeros_like(y), y], dim=1)

    views = torch.full((1, 3, 16, 16), 0.9)
    few, many = (attribute(Step(), views, steps=n).missing[0] for n in (3, 400))
    assert few > 0.05
    assert many < 0.01


def test_rank_correlation_is_spearmans() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(4, 6, 5))
    b = a + rng.normal(size=a.shape) * np.arange(4)[:, None, None]
    expected = [spearmanr(x.ravel(), y.ravel()).statistic for x, y in zip(a, b, strict=True)]
    assert rank_correlation(a, b) == pytest.approx(expected)
    assert rank_correlation(a, -a) == pytest.approx([-1] * 4)
    assert rank_correlation(a, np.round(a)) == pytest.approx(
        [spearmanr(x.ravel(), np.round(x).ravel()).statistic for x in a]  # with ties
    )
    assert (rank_correlation(a, np.ones_like(a)) == 0).all()


def test_regions_by_hand() -> None:
    signed = np.zeros((1, 48, 48))
    signed[0, 0, 24], signed[0, 20, 24], signed[0, 40, 24] = -2, 1, 1  # top rim, middle, lower
    shares = {name: float(values[0]) for name, values in region_shares(signed).items()}
    assert shares == {"upper third": 0.5, "middle third": 0.25, "lower third": 0.25, "rim": 0.5}
    even = region_shares(np.ones((1, 48, 48)))
    assert even["upper third"] == pytest.approx(1 / 3)
    assert even["rim"] == pytest.approx(1 - 36**2 / 48**2)
    assert region_shares(np.zeros((1, 9, 9)))["rim"] == 0
    assert rim_mask(16, 8).sum() == 16 * 8 - 12 * 6


def test_maps_are_painted_by_their_sign() -> None:
    image, signed = np.full((2, 2, 3), 100, dtype=np.uint8), np.array([[1.0, -1.0], [0.0, 9.0]])
    painted = overlay(image, signed, scale=1.0).astype(int)
    assert painted[0, 0, 0] > painted[0, 0, 2]  # orange speaks for old
    assert painted[0, 1, 2] > painted[0, 1, 0]  # blue for young
    assert len(set(painted[1, 0])) == 1  # nothing: grey
    assert (painted[1, 1] == painted[0, 0]).all()  # beyond the scale
    assert (overlay(image, np.zeros((2, 2)), 0.0) == painted[1, 0]).all()


def test_single_maps_have_their_own_scale_and_means_a_common_one() -> None:
    image = np.full((30, 30, 3), 100, dtype=np.uint8)
    strong = np.linspace(-1, 1, 900).reshape(30, 30)
    above, below = faces_above_maps(
        np.stack([image] * 2), np.stack([strong, strong / 9]), ["a"] * 2
    )
    assert [tile.caption for tile in above] == ["a", "a"]
    assert np.array_equal(below[0].image, below[1].image)
    maps = {"young": strong, "old": strong / 9}
    tiles = mean_tiles({"young": image, "old": image}, maps, {"young": 3, "old": 4})
    assert [tile.caption for tile in tiles[::2]] == [
        "mean young face\nn = 3",
        "mean old face\nn = 4",
    ]
    assert np.ptp(tiles[1].image, axis=(0, 1)).max() > 2 * np.ptp(tiles[3].image, axis=(0, 1)).max()


def test_samples_are_balanced_drawn_from_the_seed_and_sorted() -> None:
    y = np.r_[np.zeros(90, dtype=int), np.ones(20, dtype=int)]
    test = Predictions(np.arange(110), y, *np.zeros((3, 110)))
    rows = draw_sample(test, seed=1, most=30)
    assert np.bincount(y[rows]).tolist() == [30, 20]
    assert (np.diff(rows) > 0).all()
    assert np.array_equal(rows, draw_sample(test, seed=1, most=30))
    assert not np.array_equal(rows, draw_sample(test, seed=2, most=30))


def test_the_untrained_network_is_of_the_same_kind_and_repeatable(analysis: Analysis) -> None:
    state = torch.get_rng_state()
    one, same = (fresh_network(analysis.classifier, analysis.seed) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    trained = analysis.classifier.model.state_dict()
    assert one.state_dict().keys() == trained.keys()
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not torch.equal(one.state_dict()["stem.weight"], trained["stem.weight"])
    assert not one.training
    other = fresh_network(analysis.classifier, 4).state_dict()
    assert not torch.equal(one.state_dict()["stem.weight"], other["stem.weight"])


def test_the_chapter_and_its_files(analysis: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attributions, "FACES_A_CLASS", 10)
    monkeypatch.setattr(attributions, "SHOWN", 2)
    content = analyze(analysis)
    json.dumps(content, allow_nan=False)
    assert content["n_by_class"] == {"young": 10, "old": 10}
    regions = content["regions"]
    thirds = [regions[f"{name} third"] for name in ("upper", "middle", "lower")]
    assert sum(r["share"]["value"] for r in thirds) == pytest.approx(1)
    assert sum(r["even"] for r in thirds) == pytest.approx(1)
    for region in regions.values():
        young, old = (region["by_class"][name]["value"] for name in ("young", "old"))
        assert region["share"]["value"] == pytest.approx((young + old) / 2)
    assert 0 <= content["missing"]["median"] <= content["missing"]["worst_tenth"]
    assert content["missing"]["median"] < 0.2
    assert content["untrained"]["signed"]["value"] < 0.9
    with np.load(analysis.folder / "attributions_maps.npz") as maps:
        side = analysis.classifier.crop
        assert maps["young"].shape == maps["old"].shape == (side, side)
        sample = draw_sample(analysis.test, analysis.seed, 10)
        old = sample[analysis.test.labels[sample] == 1]
        expected = attribute(analysis.classifier.model, centre_views(analysis, old)).signed
        np.testing.assert_allclose(maps["old"], expected.mean(axis=0), atol=1e-4)
    for name in ("faces", "classes"):
        with Image.open(analysis.folder / f"attributions_{name}.png") as sheet:
            assert sheet.format == "PNG"


def test_one_class_alone(analysis: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attributions, "SHOWN", 1)
    monkeypatch.setattr(attributions, "FACES_A_CLASS", 3)
    rows = analysis.test.labels == 1
    test = Predictions(*(column[rows] for column in vars(analysis.test).values()))
    content = analyze(analysis._replace(test=replace(test, p=np.full(rows.sum(), 0.9))))
    json.dumps(content, allow_nan=False)
    assert content["n_by_class"] == {"young": 0, "old": 3}
    assert list(content["regions"]["rim"]["by_class"]) == ["old"]


def test_the_mean_interval_is_over_persons(analysis: Analysis) -> None:
    values = np.array([0.0, 1.0, 0.0, 1.0])
    weights = metrics.bootstrap_weights(4, np.array([0, 0, 1, 1]), resamples=50)
    assert metrics.mean_as_json(values, weights) == {"value": 0.5, "low": None, "high": None}


def test_only_the_attributions_need_captum() -> None:
    package = Path(agegen.__file__).parent
    importing = [p.name for p in package.rglob("*.py") if "from captum" in p.read_text()]
    assert importing == ["attributions.py"]
