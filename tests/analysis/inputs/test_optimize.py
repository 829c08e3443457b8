"""Optimised inputs: coordinates, regularisers, and a network that stays as it is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from agegen.analysis.inputs.image_parameters import (
    colour_covariance,
    decorrelated_colours,
    fourier_scale,
    make_canvas,
)
from agegen.analysis.inputs.optimize import (
    OptimizeConfig,
    Start,
    blur_change,
    centre_crops,
    optimize,
    penalty,
)
from agegen.classifier.predict import Classifier, load_classifier
from agegen.faces.store import FaceStore
from agegen.run.errors import UserError

ALL = OptimizeConfig(steps=12)
NONE = replace(
    ALL, parameters="pixel", decorrelate=False, shift=0, rotation=0, scale=0, total_variation=0,
    l2=0, blur=0,
)  # fmt: skip


@pytest.fixture
def classifier(trained_run: Path) -> Classifier:
    """Calibrated as if it were sure, so that the penalties do not outweigh its weak log-odds."""
    return replace(load_classifier(trained_run, "cpu"), temperature=0.02)


@pytest.fixture
def faces(classifier: Classifier, drawn_store: FaceStore) -> np.ndarray:
    return centre_crops(drawn_store.images[:3], classifier.crop)


@pytest.fixture
def colours(drawn_store: FaceStore) -> torch.Tensor:
    return decorrelated_colours(colour_covariance(drawn_store))


def variation(change: np.ndarray) -> float:
    down, right = np.abs(np.diff(change, axis=1)), np.abs(np.diff(change, axis=2))
    return float(down.mean() + right.mean())


@pytest.mark.parametrize("side", [45, 46])
def test_a_spectrum_and_its_planes_are_each_others_inverse(side: int) -> None:
    canvas = make_canvas(side, "fourier", None)
    planes = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(canvas.planes(canvas.coefficients(planes)), planes, atol=1e-4)
    assert canvas.coefficients(planes).shape == canvas.shape(2)


def test_coefficients_of_deviation_one_make_pixels_of_deviation_one_falling_with_frequency() -> (
    None
):
    canvas = make_canvas(64, "fourier", None)
    noise = torch.randn(canvas.shape(200), generator=torch.Generator().manual_seed(0))
    planes = canvas.planes(noise).numpy()
    assert planes.std() == pytest.approx(1, rel=0.05)
    power = (np.abs(np.fft.fft2(planes)) ** 2).mean(axis=(0, 1))
    assert power[0, 4] / power[0, 16] == pytest.approx(16, rel=0.2)  # amplitude ∝ 1/frequency
    assert fourier_scale(64)[0, 0] == fourier_scale(64)[0, 1]


def test_decorrelated_colours_have_the_faces_covariance_up_to_a_factor(
    drawn_store: FaceStore,
) -> None:
    faces = drawn_store.images[drawn_store.indices("train")] / 127.5 - 1
    covariance = colour_covariance(drawn_store)
    assert np.allclose(covariance, np.cov(faces.reshape(-1, 3), rowvar=False))
    root = decorrelated_colours(covariance).double().numpy()
    assert np.allclose(root @ root.T / np.trace(root @ root.T), covariance / np.trace(covariance))
    assert np.trace(root @ root.T) == pytest.approx(3)


def test_colours_of_a_grey_data_set_can_be_inverted() -> None:
    root = decorrelated_colours(np.ones((3, 3)))
    assert torch.isfinite(torch.linalg.inv(root)).all()


def test_penalties_are_the_weighted_means(faces: np.ndarray) -> None:
    change = np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype(np.float32)
    tensor = torch.from_numpy(change).permute(0, 3, 1, 2)
    found = penalty(tensor, replace(NONE, l2=2.0, total_variation=3.0))
    for i in range(2):
        one = change[i : i + 1]
        assert float(found[i]) == pytest.approx(2 * (one**2).mean() + 3 * variation(one), rel=1e-5)


@pytest.mark.parametrize("config", [NONE, ALL], ids=["none", "all"])
@pytest.mark.parametrize("target", [0, 1])
def test_the_network_is_convinced_and_left_as_it_was(
    classifier: Classifier, faces: np.ndarray, colours: torch.Tensor, config, target: int
) -> None:
    weights = {k: v.clone() for k, v in classifier.model.state_dict().items()}
    starts = [Start(target, seed=4), *(Start(target, face) for face in faces)]
    images = optimize(classifier, starts, config, colours)
    assert images.after.dtype == np.uint8
    assert images.after.shape == (4, classifier.crop, classifier.crop, 3)
    assert ((images.log_odds_after - images.log_odds_before) * (2 * target - 1) > 0).all()
    assert np.allclose(images.log_odds_after, classifier.log_odds(images.after))
    assert images.history.shape == (config.steps, 4)
    if config == NONE:  # what jitter shows differs from step to step
        assert (images.history[-1] > images.history[0]).all()
    now = classifier.model.state_dict()
    assert all(torch.equal(weights[name], now[name]) for name in weights)
    assert all(not p.requires_grad and p.grad is None for p in classifier.model.parameters())
    assert not classifier.model.training


def test_a_start_from_a_face_is_the_face(classifier: Classifier, faces: np.ndarray) -> None:
    extreme = np.where(faces < 128, 0, 255).astype(np.uint8)
    images = optimize(classifier, [Start(1, faces[0]), Start(1, extreme[0])], NONE)
    assert np.abs(images.before[0].astype(int) - faces[0]).max() <= 2
    assert np.abs(images.before[1].astype(int) - extreme[0]).max() <= 2


def test_images_do_not_depend_on_their_batch_and_come_out_the_same_again(
    classifier: Classifier, faces: np.ndarray, colours: torch.Tensor
) -> None:
    config = replace(ALL, shift=0, rotation=0, scale=0)
    starts = [Start(0, seed=1), Start(1, faces[0]), Start(1, seed=2)]
    together = optimize(classifier, starts, config, colours).after.astype(int)
    alone = optimize(classifier, starts[2:], config, colours).after.astype(int)
    assert np.abs(together[2] - alone[0]).max() <= 2
    jittered = [optimize(classifier, starts, ALL, colours).after for _ in range(2)]
    assert np.array_equal(*jittered)
    other = optimize(classifier, starts, replace(ALL, seed=1), colours).after
    assert not np.array_equal(other, jittered[0])


def test_the_first_step_follows_the_sign_of_the_gradient(
    classifier: Classifier, faces: np.ndarray
) -> None:
    config = replace(NONE, steps=1, learning_rate=0.1)
    images = optimize(classifier, [Start(1, faces[0])], config)
    x = torch.from_numpy(images.before).permute(0, 3, 1, 2).float() / 127.5 - 1
    x.requires_grad_()
    logits = classifier.model(x)[0]
    (logits[1] - logits[0]).backward()
    gradient = x.grad[0].permute(1, 2, 0).numpy()
    moved = images.after[0].astype(int) - images.before[0]
    clear = np.abs(gradient) > np.quantile(np.abs(gradient), 0.5)
    clear &= (images.before[0] > 30) & (images.before[0] < 225)  # else a step rounds to nothing
    assert clear.any()
    assert (np.sign(moved) == np.sign(gradient))[clear].mean() > 0.99


def test_every_regulariser_does_what_its_name_says(
    classifier: Classifier, faces: np.ndarray, colours: torch.Tensor
) -> None:
    starts = [Start(1 - int(i == 0), face) for i, face in enumerate(faces)]

    def change(config: OptimizeConfig) -> np.ndarray:
        images = optimize(classifier, starts, config, colours)
        return images.after.astype(float) - images.before

    plain = change(NONE)
    size, roughness = np.abs(plain).mean(), variation(plain) / np.abs(plain).mean()
    assert np.abs(change(replace(NONE, l2=1e5))).mean() < 0.8 * size
    assert variation(change(replace(NONE, total_variation=5e3))) < 0.8 * variation(plain)
    for smoother in ({"blur": 1.5}, {"parameters": "fourier"}):
        smooth = change(replace(NONE, **smoother))
        assert variation(smooth) / np.abs(smooth).mean() < 0.8 * roughness
    decorrelated = change(replace(NONE, decorrelate=True))
    alike = [np.corrcoef(c[..., 0].ravel(), c[..., 2].ravel())[0, 1] for c in (plain, decorrelated)]
    assert alike[1] > alike[0]


@pytest.mark.parametrize("parameters", ["pixel", "fourier"])
def test_a_blur_is_the_same_in_all_coordinates(parameters) -> None:
    canvas = make_canvas(40, parameters, None)
    planes = torch.randn(1, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    change = canvas.coefficients(planes).clone()
    blur_change(canvas, change, 1.5)
    expected = gaussian_filter(planes[0, 0].numpy(), 1.5, mode="mirror")
    assert np.allclose(canvas.planes(change)[0, 0].numpy(), expected, atol=1e-2)


def test_mistakes_are_named(classifier: Classifier) -> None:
    with pytest.raises(UserError, match="learning-rate must be above 0"):
        OptimizeConfig(learning_rate=0)
    with pytest.raises(UserError, match="total-variation cannot be negative"):
        OptimizeConfig(total_variation=-1)
    with pytest.raises(ValueError, match="colours are needed"):
        optimize(classifier, [Start(1)], ALL)
