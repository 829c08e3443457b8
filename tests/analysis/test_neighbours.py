"""The nearest training faces in feature space, against brute force."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from analyses import opened_analysis  # noqa: F401 - a fixture
from torch import Tensor, nn

from agegen.analysis.analysis import Analysis
from agegen.analysis.neighbours import (
    most_alike,
    nearest_faces,
    participation_ratio,
    penultimate_features,
    whitened,
)
from agegen.faces.views import evaluation_views
from agegen.run.errors import UserError


class HeadFirst(nn.Module):
    """Registers its last layer first, and ends in a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(4, 2, 1)
        self.stem = nn.Conv2d(3, 4, 3)
        self.gate = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        h = self.stem(x)
        h = h * self.gate(h.mean(dim=(2, 3)))[:, :, None, None]
        return self.head(h).mean(dim=(2, 3))


def test_nearest_are_those_of_brute_force() -> None:
    rng = np.random.default_rng(0)
    asked, known = rng.normal(size=(23, 8)), rng.normal(size=(40, 8))
    numbers, cosines = most_alike(asked, known, count=3, block=5)
    for row, a in enumerate(asked):
        each = [a @ k / (np.linalg.norm(a) * np.linalg.norm(k)) for k in known]
        best = sorted(range(40), key=lambda i: -each[i])[:3]
        assert numbers[row].tolist() == best
        assert cosines[row] == pytest.approx([each[i] for i in best])


def test_whitened_features_vary_alike_in_all_directions() -> None:
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(500, 3)) @ np.array([[9, 9, 0], [0, 1, 1], [0, 0, 0.5]]) + 50
    asked, known = whitened(mixed[:7].astype(np.float32), mixed)
    covariance = known.T @ known / 500
    off = covariance - np.diag(np.diag(covariance))
    assert np.abs(off).max() < 1e-9
    # variance v becomes v / (v + a hundredth of the mean variance)
    v = np.linalg.eigvalsh(np.cov(mixed.T, bias=True))
    assert np.diag(covariance) == pytest.approx(v / (v + 0.01 * v.mean()))
    np.testing.assert_allclose(asked, known[:7], atol=1e-4)
    assert (whitened(np.ones((2, 3)), np.ones((4, 3)))[1] == 0).all()


def test_ties_few_faces_and_zeros() -> None:
    known = np.array([[0.0, 2.0], [3.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    numbers, cosines = most_alike(np.array([[5.0, 0.0], [0.0, 0.0]]), known, count=9)
    assert numbers.tolist() == [[1, 2, 0, 3], [0, 1, 2, 3]]
    assert cosines.tolist() == [[1, 1, 0, 0], [0, 0, 0, 0]]


def test_features_are_what_the_head_reads_of_the_centre_crop(analysis: Analysis) -> None:
    classifier, store = analysis.classifier, analysis.store
    chosen = store.indices("val")
    found = penultimate_features(classifier, store.images, chosen, batch_size=7)
    view = evaluation_views(torch.from_numpy(store.images[chosen]), classifier.crop)[0]
    with torch.no_grad():
        expected = classifier.model.features(view).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_last_layer_is_the_one_computed_last(analysis: Analysis) -> None:
    model = HeadFirst().eval()
    classifier = replace(analysis.classifier, model=model)
    images = analysis.store.images[:3]
    read = []
    model.head.register_forward_pre_hook(lambda _, x: read.append(x[0].mean(dim=(2, 3))))
    found = penultimate_features(classifier, images, np.arange(3))
    assert np.array_equal(found, read[0].detach().numpy())
    assert len(model.stem._forward_pre_hooks) == 0
    assert len(model.head._forward_pre_hooks) == 1  # the test's own
    without = replace(classifier, model=nn.Sequential(nn.Flatten()))
    with pytest.raises(UserError, match="no linear layer"):
        penultimate_features(without, images, np.arange(3))


def test_neighbours_are_training_faces_and_a_face_is_nearest_to_itself(
    analysis: Analysis,
) -> None:
    store = analysis.store
    training = store.indices("train")[[4, 0, 9]]
    found = nearest_faces(analysis.classifier, store, training, count=4)
    assert found.indices.shape == found.cosines.shape == (3, 4)
    assert set(found.indices.ravel()) <= set(store.indices("train"))
    assert found.cosines[:, 0] == pytest.approx(1, abs=1e-5)
    assert (np.diff(found.cosines, axis=1) <= 0).all()
    distinct = found.cosines[:, 1] < 1 - 1e-5
    assert (found.indices[distinct, 0] == training[distinct]).all()
    assert 1 <= found.dimensions <= 16


def test_dimensions_in_use() -> None:
    square = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]], dtype=np.float32)
    assert participation_ratio(square + 7) == pytest.approx(2)
    assert participation_ratio(square * [1, 0]) == pytest.approx(1)
    assert participation_ratio(square * [2, 1]) == pytest.approx(25 / 17)  # variances 4 and 1
    assert participation_ratio(np.ones((5, 3))) is None
    assert participation_ratio(np.ones((1, 3))) is None
