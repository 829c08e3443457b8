"""The frozen classifier as a judge: the classifier's own scores, in a unit of the real gap."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from agegen.classifier.predict import load_classifier
from agegen.evaluation.frozen_classifier import FrozenClassifier, load_judge, require_same_view
from agegen.evaluation.judges import share_of_gap
from agegen.faces.store import FaceStore
from agegen.faces.views import evaluation_views
from agegen.run.errors import UserError

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def judge(trained_run: Path) -> FrozenClassifier:
    return load_judge(trained_run, CPU)


def views(store: FaceStore, judge: FrozenClassifier, n: int = 40) -> torch.Tensor:
    return evaluation_views(torch.tensor(store.images[:n]), judge.classifier.crop)[0]


def test_scores_are_the_classifiers_log_odds_over_its_temperature(
    drawn_store: FaceStore, trained_run: Path, judge: FrozenClassifier
) -> None:
    classifier = load_classifier(trained_run, CPU)
    expected = classifier.log_odds(drawn_store.images[:40], views="flip") / classifier.temperature
    scores = judge.scores(views(drawn_store, judge))
    assert np.ptp(expected) > 0.01  # they differ: three epochs teach little
    assert np.allclose(scores["log_odds"], expected, atol=1e-5)
    probabilities = classifier.probabilities(drawn_store.images[:40], views="flip")
    assert np.allclose(scores["p_old"], probabilities, atol=1e-6)


def test_a_temperature_divides(drawn_store: FaceStore, judge: FrozenClassifier) -> None:
    hot = FrozenClassifier(
        dataclasses.replace(judge.classifier, temperature=3 * judge.classifier.temperature)
    )
    faces = views(drawn_store, judge)
    assert torch.allclose(
        3 * hot.scores(faces)["log_odds"], judge.scores(faces)["log_odds"], atol=1e-5
    )


def test_faces_of_another_size_are_judged_at_the_size_it_knows(
    drawn_store: FaceStore, judge: FrozenClassifier
) -> None:
    faces = views(drawn_store, judge)
    larger = torch.nn.functional.interpolate(faces, scale_factor=2, mode="bicubic").clamp(-1, 1)
    own, resampled = (judge.scores(x)["log_odds"] for x in (faces, larger))
    assert torch.corrcoef(torch.stack([own, resampled]))[0, 1] > 0.95
    assert abs(float((own - resampled).mean())) < 0.3 * float(own.std())


def test_judging_leaves_the_weights_and_the_faces(
    drawn_store: FaceStore, judge: FrozenClassifier
) -> None:
    faces = views(drawn_store, judge).requires_grad_()
    state = {k: v.clone() for k, v in judge.classifier.model.state_dict().items()}
    before = faces.detach().clone()
    scores = judge.scores(faces)
    assert not scores["log_odds"].requires_grad
    assert torch.equal(faces, before)
    assert all(torch.equal(v, state[k]) for k, v in judge.classifier.model.state_dict().items())
    assert not any(p.requires_grad for p in judge.classifier.model.parameters())


def test_the_share_is_one_for_the_other_classes_faces_and_zero_for_the_same(
    drawn_store: FaceStore, judge: FrozenClassifier
) -> None:
    faces, labels = views(drawn_store, judge, 300), torch.from_numpy(drawn_store.labels[:300])
    scores = judge.scores(faces)["log_odds"]
    n = int(min((labels == 0).sum(), (labels == 1).sum()))
    real = {"young": scores[labels == 0][:n], "old": scores[labels == 1][:n]}
    for to, source in (("old", "young"), ("young", "old")):
        assert share_of_gap(real[source], real[to], real, to) == pytest.approx(1)
        assert share_of_gap(real[source], real[source], real, to) == 0
        # the same faces, moved away from the class aimed at
        away = 2 * real[source] - real[to]
        assert share_of_gap(real[source], away, real, to) == pytest.approx(-1)


def test_the_share_of_known_shifts() -> None:
    real = {"young": torch.tensor([-3.0, -1.0]), "old": torch.tensor([1.0, 3.0])}
    assert share_of_gap(real["young"], real["young"] + 1, real, "old") == pytest.approx(0.25)
    assert share_of_gap(real["old"], real["old"] - 2, real, "young") == pytest.approx(0.5)
    assert share_of_gap(real["old"], real["old"] + 2, real, "young") == pytest.approx(-0.5)


def test_a_folder_without_a_classifier_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a run folder"):
        load_judge(tmp_path)


def test_a_classifier_that_knows_another_part_of_faces_is_refused(judge: FrozenClassifier) -> None:
    own = judge.classifier.crop / judge.classifier.size
    require_same_view(judge, own + 0.02)
    with pytest.raises(UserError, match="cannot judge them"):
        require_same_view(judge, own - 0.1)
