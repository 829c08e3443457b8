"""Who may judge: not the network on whose features the generators were trained, unnamed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from alexnets import write_trunk

from agegen.classifier.predict import load_classifier
from agegen.cyclegan.features import ALEXNET, name_trunk
from agegen.evaluation.features import AlexNetFeatures, ClassifierFeatures
from agegen.evaluation.panel import (
    SAME_NETWORK,
    TAUGHT,
    PanelConfig,
    call_panel,
    kept_frozen,
)
from agegen.faces.views import evaluation_views
from agegen.run.errors import UserError
from agegen.run.tensor_files import in_half, load_tensors, save_tensors

CPU = torch.device("cpu")
IMAGENETS = Path(__file__).parents[3] / "shared" / "data" / "alexnet-features.safetensors"
ALONE = {"age_estimator": False, "identity": False, "agreement": False}


def test_the_classifier_that_taught_is_refused(trained_run: Path) -> None:
    trunk = name_trunk(trained_run)
    for config in (PanelConfig(**ALONE), PanelConfig(**ALONE, second_judge=trained_run)):
        with pytest.raises(UserError, match=r"trained on the features of .*: it is no witness"):
            call_panel(config, trained_run, 0.96, CPU, trunk)
    assert call_panel(PanelConfig(**ALONE, lpips=False), trained_run, 0.96, CPU, "0" * 64)


@pytest.mark.parametrize("trunk", ["", str(ALEXNET)])
def test_alexnet_that_taught_is_named_and_not_the_first_choice(
    trained_run: Path, tmp_path: Path, trunk: str
) -> None:
    file = write_trunk(tmp_path / "alexnet.safetensors")
    for features, kind in (("auto", ClassifierFeatures), ("alexnet", AlexNetFeatures)):
        config = PanelConfig(**ALONE, alexnet=file, features=features)
        panel, notes = call_panel(config, trained_run, 0.96, CPU, trunk)
        assert (TAUGHT in notes["lpips"]) == bool(trunk)
        if trunk:
            assert isinstance(panel.features, kind)
            assert (TAUGHT in notes["realism"]) == (kind is AlexNetFeatures)
        else:
            assert isinstance(panel.features, AlexNetFeatures)
            assert notes["realism"] == "measured"


def test_trunks_are_named_by_what_they_are(trained_run: Path, tmp_path: Path) -> None:
    file = write_trunk(tmp_path / "any_name.safetensors")
    of_file, of_run, of_package = map(name_trunk, (file, trained_run, Path("pretrained")))
    assert len({of_file, of_run, of_package}) == 3
    assert {len(name) for name in (of_file, of_run, of_package)} == {64}
    half = tmp_path / "half"
    half.mkdir()
    save_tensors(half / "best.safetensors", in_half(load_tensors(trained_run / "best.safetensors")))
    assert name_trunk(half) == of_run  # a pack of it


@pytest.mark.skipif(not IMAGENETS.exists(), reason="shared/data/alexnet-features is not here")
def test_imagenets_alexnet_is_known_by_its_weights() -> None:
    assert name_trunk(IMAGENETS) == str(ALEXNET)


def test_a_classifier_of_ages_judges_in_years(
    aged_run: Path, aged_store, trained_run: Path
) -> None:
    config = PanelConfig(**ALONE, lpips=False, age_judge=aged_run)
    panel, notes = call_panel(config, trained_run, 0.96, CPU)
    (judge,) = (judge for judge in panel.judges if judge.name == "age_judge")
    assert notes["age_judge"] == "measured"
    classifier = load_classifier(aged_run, CPU)
    images = torch.from_numpy(np.array(aged_store.images[:9]))
    faces = evaluation_views(images, classifier.crop)[0]
    likely = classifier.answer(aged_store.images[:9], None, "flip").likely
    expected = likely @ np.arange(101)
    np.testing.assert_allclose(judge.scores(faces)["years"].numpy(), expected, atol=1e-3)
    with kept_frozen(panel.judges):
        pass


def test_an_age_judge_that_judges_already_is_named_and_one_without_ages_refused(
    aged_run: Path, trained_run: Path
) -> None:
    config = PanelConfig(**ALONE, lpips=False, age_judge=aged_run)
    assert SAME_NETWORK in call_panel(config, aged_run, 0.96, CPU)[1]["age_judge"]
    with pytest.raises(UserError, match="--age-judge: this classifier has learnt no ages"):
        call_panel(replace(config, age_judge=trained_run), trained_run, 0.96, CPU)
    with pytest.raises(UserError, match="trained on the features of"):
        call_panel(config, trained_run, 0.96, CPU, name_trunk(aged_run))
