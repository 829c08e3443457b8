"""Do changed and attributed pixels coincide? Known changes are compared with known attributions."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from agegen.classifier.predict import Classifier
from agegen.evaluation.agreement import KEPT_SIDE, measure_agreement, other_people
from agegen.evaluation.frozen_classifier import FrozenClassifier

SIDE, N = 32, 6


class BrightSpot(nn.Module):
    """Reads the brightness of one quarter of a face, another for each by its first pixel."""

    def forward(self, x: Tensor) -> Tensor:
        spots = quarters(x)
        score = (x.mean(dim=1) * spots).sum(dim=(1, 2))
        return torch.stack([-score, score], dim=1)


def quarters(x: Tensor) -> Tensor:
    """Masks (n, h, w) of a quarter: upper left where a face's corner is dark, else lower right."""
    masks = torch.zeros(len(x), SIDE, SIDE)
    for mask, corner in zip(masks, x[:, 0, 0, 0], strict=True):
        half = slice(2, 14) if corner < 0 else slice(18, 30)
        mask[half, half] = 1
    return masks


@pytest.fixture
def judge() -> FrozenClassifier:
    cpu = torch.device("cpu")
    return FrozenClassifier(
        Classifier(BrightSpot(), SIDE, SIDE, "centre", 1.0, config=None, device=cpu)
    )


def faces() -> Tensor:
    x = torch.rand(N, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 0.2 + 0.4
    x[:, :, 0, 0] = torch.tensor([-1.0, 1.0] * (N // 2))[:, None]
    return x


def test_changes_where_the_judge_looks_agree_more_than_with_another_face(
    judge: FrozenClassifier,
) -> None:
    x, weights = faces(), np.ones((20, N))
    where = quarters(x)[:, None]
    own = measure_agreement(judge, x, x + 0.3 * where, weights, np.arange(N))
    assert own["n"] == N
    assert own["own"]["value"] > own["control"]["value"] + 0.3
    assert own["difference"]["value"] == pytest.approx(
        own["own"]["value"] - own["control"]["value"]
    )
    elsewhere = measure_agreement(judge, x, x + 0.3 * where.flip(2, 3), weights, np.arange(N))
    assert elsewhere["difference"]["value"] < -0.3


def test_mean_maps_are_shares(judge: FrozenClassifier) -> None:
    x = faces()
    found = measure_agreement(
        judge, x, x + 0.3 * quarters(x)[:, None], np.ones((2, N)), np.arange(N)
    )
    for name in ("changed", "attributed"):
        shown = np.array(found[name])
        assert shown.shape == (KEPT_SIDE, KEPT_SIDE)
        assert shown.sum() == pytest.approx(1, abs=0.01)
        corner = KEPT_SIDE // 2
        assert shown[:corner, corner:].sum() < 0.1  # neither quarter


def test_faces_to_which_nothing_was_done_have_an_empty_map(judge: FrozenClassifier) -> None:
    found = measure_agreement(judge, faces(), faces(), np.ones((2, N)), np.arange(N))
    assert np.array_equal(found["changed"], np.zeros((KEPT_SIDE, KEPT_SIDE)))
    assert np.sum(found["attributed"]) == pytest.approx(1, abs=0.01)


def test_the_control_is_another_person() -> None:
    assert other_people(np.array([0, 0, 1, 2, 2])).tolist() == [2, 2, 3, 0, 0]
    assert other_people(np.array([4, 4])).tolist() == [0, 1]
