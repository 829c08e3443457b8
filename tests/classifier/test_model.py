"""The networks: shapes, sizes, and a class of the user's own."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from agegen.classifier.model import ModelConfig, PlainCNN, ResidualCNN, build_model
from agegen.run.errors import UserError


class Tiny(nn.Module):
    """A network of the user's own, named in a config."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.widths = widths

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x.mean(dim=(2, 3)))


@pytest.mark.parametrize("network", [PlainCNN, ResidualCNN])
@pytest.mark.parametrize("size", [(32, 32), (33, 47), (100, 100), (128, 96)])
def test_any_input_from_32_up(network: type[nn.Module], size: tuple[int, int]) -> None:
    model = network(widths=(4, 8, 8, 8)).eval()
    assert model(torch.randn(2, 3, *size)).shape == (2, 2)


@pytest.mark.parametrize("network", [PlainCNN, ResidualCNN])
def test_every_parameter_gets_a_gradient(network: type[nn.Module]) -> None:
    torch.manual_seed(0)  # few units in a narrow gate: in some draws ReLU silences all of them
    model = network(widths=(4, 8))
    model(torch.randn(4, 3, 32, 32)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_plain_parameter_count_is_k_k_c_in_c_out() -> None:
    model = PlainCNN(widths=(4, 8))
    expected = 9 * 3 * 4 + 2 * 4 + 9 * 4 * 8 + 2 * 8 + (8 * 2 + 2)
    assert sum(p.numel() for p in model.parameters()) == expected


def test_residual_features_feed_the_head() -> None:
    model = ResidualCNN(widths=(4, 8)).eval()
    x = torch.randn(2, 3, 40, 40)
    assert model.features(x).shape == (2, 8)
    assert torch.equal(model(x), model.head(model.features(x)))


def test_a_config_names_our_networks_or_the_users() -> None:
    assert isinstance(build_model(ModelConfig("plain")), PlainCNN)
    assert isinstance(build_model(ModelConfig("residual")), ResidualCNN)
    own = build_model(ModelConfig(f"{__name__}:Tiny", widths=(5,)))
    assert own.widths == (5,)


@pytest.mark.parametrize("name", ["resnet", "no.such.module:Net", "torch.nn:NoSuchNet", ""])
def test_an_unknown_network_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(UserError, match="not residual or plain, nor an importable"):
        build_model(ModelConfig(name))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.4, 2.0), st.floats(-0.5, 0.5))
@pytest.mark.parametrize("name", ["residual", "plain"])
def test_a_standardising_network_hardly_sees_light_and_contrast(
    name: str, seed: int, contrast: float, light: float
) -> None:
    torch.manual_seed(seed)
    config = ModelConfig(name, widths=(8, 16), standardise=True)
    network, faces = build_model(config).eval(), torch.randn(2, 3, 32, 32)
    seen = network(faces)
    # what is left is the contrast's floor
    torch.testing.assert_close(network(faces * contrast + light), seen, rtol=0.2, atol=0.1)
    torch.testing.assert_close(network(faces + light), seen, rtol=1e-3, atol=1e-4)
    flat = network(torch.full((1, 3, 32, 32), light))
    assert torch.isfinite(flat).all()
