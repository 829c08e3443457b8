"""The judges from outside, where their packages are installed, on a photo of a real face."""

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from real_face import hopper
from torch import Tensor

from agegen.drawn.synthetic import draw_pairs
from agegen.evaluation.age_estimator import AgeEstimator
from agegen.evaluation.identity import IdentityMatcher, enlarge
from agegen.evaluation.kept import landmarks_in, measure_kept
from agegen.evaluation.matching import match
from agegen.faces import landmarks
from agegen.faces.geometry import Geometry
from agegen.faces.views import evaluation_views
from agegen.metrics import bootstrap_weights
from agegen.photos.crop import crop_faces
from agegen.run.errors import UserError

needs_photos = pytest.mark.skipif(
    not landmarks.available(), reason="the extra photos is not installed"
)
needs_judges = pytest.mark.skipif(
    not (landmarks.available() and find_spec("face_recognition_models")),
    reason="the extra judges is not installed",
)


@pytest.fixture(scope="module")
def woman_of_77() -> Tensor:
    """Grace Hopper as a training view: (1, 3, 96, 96)."""
    (face,) = crop_faces(hopper(), Geometry("", 100, 0, 0, None))
    return evaluation_views(torch.tensor(face.image[None]), 96)[0]


@needs_photos
def test_an_old_face_is_old_at_any_size(woman_of_77: Tensor) -> None:
    estimator = AgeEstimator()
    (years,) = estimator.scores(woman_of_77)["years"]
    assert 55 < years < 90
    small = F.interpolate(woman_of_77, (64, 64), mode="bilinear", antialias=True)
    assert abs(float(estimator.scores(small)["years"]) - float(years)) < 12


@needs_judges
def test_the_same_person_is_nearer_than_another(woman_of_77: Tensor) -> None:
    matcher = IdentityMatcher()
    other = evaluation_views(torch.tensor(draw_pairs(1, seed=2).old), 96)[0]
    darker = (woman_of_77 - 0.2).clamp(-1, 1)
    her, same, somebody = (
        matcher.embed(x, like)
        for x, like in ((woman_of_77, woman_of_77), (darker, woman_of_77), (other, other))
    )
    assert her.shape == (1, 128)
    assert torch.equal(her, matcher.embed(woman_of_77, woman_of_77))
    assert (her - same).norm() < 0.3 < 0.6 < (her - somebody).norm()


def test_a_match_is_verified_at_the_false_accepts_of_the_sources() -> None:
    generator = torch.Generator().manual_seed(0)
    source = torch.randn(200, 8, generator=generator)
    weights = np.ones((50, 200))
    people = np.arange(200)
    exact = match(source, source, weights, people)
    assert exact["verified"]["value"] == 1
    assert exact["distance"]["value"] == 0
    impostors = match(source, source.roll(1, 0), weights, people)
    assert impostors["verified"]["value"] < 0.03
    apart = torch.cdist(source, source)[torch.triu(torch.ones(200, 200), 1) > 0]
    assert (apart < exact["threshold"]).double().mean() == pytest.approx(0.001, abs=3e-4)
    assert exact["others"] == pytest.approx(float(apart.mean()))


def test_two_photos_of_a_person_are_no_false_accept() -> None:
    generator = torch.Generator().manual_seed(0)
    people = torch.randn(40, 8, generator=generator)
    twice = torch.cat([people, people + 1e-3])
    weights, persons = np.ones((5, 80)), np.tile(np.arange(40), 2)
    found = match(twice, twice + 2e-2, weights, persons)
    assert found["threshold"] > 0.1 > found["distance"]["value"]
    assert found["verified"]["value"] == 1


def test_one_person_alone_tells_nothing_of_identity() -> None:
    with pytest.raises(UserError, match="two people"):
        match(torch.zeros(2, 8), torch.zeros(2, 8), np.ones((5, 2)), np.zeros(2, int))


@needs_photos
@pytest.mark.parametrize("seed", range(3))
def test_what_is_kept_is_told_from_what_is_not(woman_of_77: Tensor, seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    faces = woman_of_77 * torch.linspace(0.8, 1, 4)[:, None, None, None]
    estimator, weights, persons = AgeEstimator(), bootstrap_weights(4), np.arange(4)
    same = measure_kept(faces, faces, estimator, weights, persons)
    assert same["gender"]["value"] == 1
    for name in ("eyes", "background", "face", "landmarks"):
        assert same[name] == {"value": 0.0, "low": 0.0, "high": 0.0}
    painted = faces.clone()
    middles = landmarks_in(faces[:1], estimator.square)[0, :4].reshape(2, 2, 2).mean(axis=1) * 96
    for x, y in middles.astype(int):
        patch = torch.rand(4, 3, 6, 6, generator=rng) * 2 - 1
        painted[:, :, y - 3 : y + 3, x - 3 : x + 3] = patch
    eyes = measure_kept(faces, painted, estimator, weights, persons)
    assert eyes["eyes"]["value"] > 5 * eyes["face"]["value"] > 0
    assert eyes["background"]["value"] == 0
    around = faces.clone()
    around[..., :3, :] = torch.rand(4, 3, 3, 96, generator=rng) * 2 - 1
    rim = measure_kept(faces, around, estimator, weights, persons)
    assert rim["background"]["value"] > 0.05 > rim["face"]["value"]
    assert rim["eyes"]["value"] == 0
    tilted = measure_kept(faces, faces.roll(6, dims=3), estimator, weights, persons)
    assert tilted["landmarks"]["value"] > 0.05


class Counting:
    """A predictor that counts how often it is asked."""

    def __init__(self, predictor: Any) -> None:
        self.predictor, self.calls = predictor, 0

    def predict(self, *asked: Any) -> list[dict]:
        self.calls += 1
        return self.predictor.predict(*asked)


@needs_photos
@pytest.mark.parametrize("seed", range(4))
def test_no_picture_is_looked_at_twice(woman_of_77: Tensor, seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    n = int(torch.randint(2, 7, (), generator=rng))
    looks = torch.rand(2, n, 3, 1, 1, generator=rng)
    faces, fake = (woman_of_77 * (0.5 + look / 2) for look in looks)
    weights, persons = bootstrap_weights(n), np.arange(n)
    alone, asked = AgeEstimator(), AgeEstimator()
    predictor = asked.predictor
    asked.predictor = counting = Counting(predictor)
    years = [asked.scores(x)["years"] for x in (faces, fake)]
    assert counting.calls == 2 * n
    kept = measure_kept(faces, fake, asked, weights, persons)
    assert counting.calls == 3 * n  # mirror images are new to it
    assert kept == measure_kept(faces, fake, alone, weights, persons)
    assert torch.equal(asked.scores(faces.flip(3))["years"], alone.scores(faces.flip(3))["years"])
    assert counting.calls == 3 * n

    left, top, right, bottom = asked.square
    for x, old in zip((faces, fake), years, strict=True):
        said = [predictor.predict(i, [(top, right, bottom, left)])[0] for i in enlarge(x)]
        assert old.tolist() == [each["age"]["value"] for each in said]
        assert asked.genders(x) == [each["gender"]["value"] for each in said]
