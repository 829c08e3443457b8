"""A network's structure: every number is counted again by other means."""

import json
import math

import pytest
import torch
from analyses import opened_analysis  # noqa: F401 - a fixture
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from agegen.analysis.analysis import Analysis
from agegen.analysis.structure import analyze, describe_structure
from agegen.classifier.model import PlainCNN, ResidualCNN

NETWORKS = {
    "plain": lambda: PlainCNN((8, 12, 16)),
    "residual": lambda: ResidualCNN((8, 12), 2, 4),
    "without gates": lambda: ResidualCNN((8, 12), 1, 0),
}


class Odd(nn.Module):
    """A grouped convolution with a bias, a layer called twice, two tensors, a weight of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.grouped = nn.Conv2d(3, 6, (1, 3), stride=2, groups=3)
        self.twice = nn.Linear(6, 6, bias=False)
        self.recurrent = nn.GRU(6, 4, batch_first=True)
        self.scale = nn.Parameter(torch.ones(5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) → (n, 4)."""
        x = self.grouped(x).mean(dim=(2, 3))
        return self.recurrent(self.twice(self.twice(x))[:, None])[1][0]


@pytest.mark.parametrize("build", NETWORKS.values(), ids=NETWORKS)
def test_parameters_are_what_their_formulas_say_and_add_up(build) -> None:
    model = build()
    found = describe_structure(model, 40)
    counted = dict(model.named_modules())
    for layer in found.layers:
        parts = [
            math.prod(map(int, term.split("·"))) for term in layer.formula.split(" + ") if term
        ]
        assert sum(parts) == layer.parameters
        assert layer.parameters == sum(p.numel() for p in counted[layer.name].parameters())
    assert found.elsewhere == 0
    assert found.parameters == sum(p.numel() for p in model.parameters())
    assert found.buffers == sum(b.numel() for b in model.buffers())


@pytest.mark.parametrize("build", NETWORKS.values(), ids=NETWORKS)
def test_multiply_adds_are_half_of_torchs_own_count_of_operations(build) -> None:
    model = build().eval()
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, 40, 40))
    assert 2 * describe_structure(model, 40).multiply_adds == counter.get_total_flops()


def test_the_first_layer_by_hand() -> None:
    first = describe_structure(PlainCNN((8, 16)), 32).layers[0]
    assert first.kind == "Conv2d"
    assert first.output == (8, 32, 32)
    assert first.formula == "3·3·3·8"
    assert first.parameters == 216
    assert first.multiply_adds == 216 * 32 * 32


def test_networks_of_other_kinds() -> None:
    found = describe_structure(Odd(), 20)
    layers = {layer.name: layer for layer in found.layers}
    assert layers["grouped"].formula == "1·3·1·6 + 6"
    assert layers["grouped"].output == (6, 10, 9)
    assert layers["grouped"].multiply_adds == 3 * 6 * 10 * 9
    assert layers["twice"].multiply_adds == 2 * 36
    assert layers["twice"].parameters == 36
    assert layers["recurrent"].output == ()
    assert layers["recurrent"].formula == "12·6 + 12·4 + 12 + 12"
    assert found.elsewhere == 5
    assert found.blocks == ()


def test_blocks_are_the_outermost_with_the_words_of_their_class() -> None:
    found = describe_structure(ResidualCNN((8, 12), 2, 4), 40)
    assert [block.name for block in found.blocks] == [f"stages.{i}" for i in range(4)]
    assert [block.output for block in found.blocks] == [(8, 10, 10)] * 2 + [(12, 5, 5)] * 2
    assert {block.kind for block in found.blocks} == {"ResidualBlock"}
    assert found.blocks[0].does.startswith("Norm, ReLU")
    assert describe_structure(PlainCNN((8,)), 32).blocks == ()


@pytest.mark.parametrize("training", [True, False])
def test_the_network_stays_as_it_was(training: bool) -> None:
    model = ResidualCNN((8,), 1).train(training)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    describe_structure(model, 32)
    assert model.training is training
    assert all(before[name].equal(tensor) for name, tensor in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


def test_the_chapter_is_json_of_the_runs_own_network(analysis: Analysis) -> None:
    content = json.loads(json.dumps(analyze(analysis)))
    assert content["network"] == "ResidualCNN"
    assert content["input"] == [3, analysis.classifier.crop, analysis.classifier.crop]
    assert sum(layer["parameters"] for layer in content["layers"]) == content["parameters"]
