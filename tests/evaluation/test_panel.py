"""Who may judge: not the network on whose features the generators were trained, unnamed."""

from pathlib import Path

import pytest
import torch
from alexnets import write_trunk

from agegen.cyclegan.features import ALEXNET, name_trunk
from agegen.evaluation.features import AlexNetFeatures, ClassifierFeatures
from agegen.evaluation.panel import TAUGHT, PanelConfig, call_panel
from agegen.run.errors import UserError

CPU = torch.device("cpu")
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
    assert name_trunk(file) == name_trunk(ALEXNET) == "alexnet"
    assert len(name_trunk(trained_run)) == len(name_trunk(Path("pretrained"))) == 64
    assert name_trunk(trained_run) != name_trunk(Path("pretrained"))
