"""The networks that describe faces, and which of them is taken."""

from pathlib import Path

import numpy as np
import pytest
import torch

from agegen.analysis.neighbours import penultimate_features
from agegen.evaluation import features
from agegen.evaluation.features import AlexNetFeatures, ClassifierFeatures, find_features
from agegen.evaluation.frozen_classifier import FrozenClassifier, load_judge
from agegen.evaluation.perceptual import load_perceptual
from agegen.faces.store import FaceStore
from agegen.faces.views import evaluation_views
from agegen.run.errors import UserError

CPU = torch.device("cpu")
ALEXNET = Path(__file__).parents[3] / "shared" / "data" / "alexnet-features.safetensors"


@pytest.fixture(scope="module")
def judge(trained_run: Path) -> FrozenClassifier:
    return load_judge(trained_run, CPU)


@pytest.fixture
def no_inception(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise UserError("Inception cannot be had (offline)")

    monkeypatch.setattr(features, "load_inception", missing)


def test_the_classifiers_features_are_what_its_last_layer_reads(
    drawn_store: FaceStore, judge: FrozenClassifier
) -> None:
    expected = penultimate_features(judge.classifier, drawn_store.images, np.arange(9))
    views = evaluation_views(torch.tensor(drawn_store.images[:9]), judge.classifier.crop)[0]
    assert torch.allclose(
        ClassifierFeatures(judge).features(views), torch.from_numpy(expected), atol=1e-5
    )


@pytest.mark.usefixtures("no_inception")
def test_the_next_best_is_taken_and_named(judge: FrozenClassifier) -> None:
    found = find_features("auto", judge, None, CPU)
    assert isinstance(found, ClassifierFeatures)
    assert "classifier" in found.name
    for name, sentence in (("inception", "Inception cannot"), ("alexnet", "AlexNet's features")):
        with pytest.raises(UserError, match=sentence):
            find_features(name, judge, None, CPU)


@pytest.mark.usefixtures("no_inception")
@pytest.mark.skipif(not ALEXNET.exists(), reason="shared/data/alexnet-features is not here")
def test_alexnets_features_tell_pictures_apart_and_are_of_one_scale(
    drawn_store: FaceStore, judge: FrozenClassifier
) -> None:
    found = find_features("auto", judge, load_perceptual(ALEXNET), CPU)
    assert isinstance(found, AlexNetFeatures)
    faces = evaluation_views(torch.tensor(drawn_store.images[:6]), 44)[0]
    described = found.features(faces)
    assert described.shape == (6, 256)
    assert torch.allclose(described.square().mean(dim=1), torch.ones(6), atol=1e-4)
    assert torch.pdist(described).min() > 0.1
    assert torch.allclose(found.features(faces[2:3]), described[2:3], atol=1e-4)
