"""LPIPS with a trunk from a file."""

from pathlib import Path

import pytest
import torch
from alexnets import write_trunk
from safetensors.torch import save_file

from agegen.evaluation.perceptual import load_perceptual
from agegen.run.errors import UserError

ALEXNET = Path(__file__).parents[3] / "shared" / "data" / "alexnet-features.safetensors"


@pytest.fixture
def trunk(tmp_path: Path) -> Path:
    return write_trunk(tmp_path / "trunk.safetensors")


def test_equal_pictures_have_no_distance_and_others_do(trunk: Path) -> None:
    perceptual = load_perceptual(trunk)
    a, b = torch.rand(2, 5, 3, 48, 48) * 2 - 1
    assert torch.equal(perceptual.distance(a, a), torch.zeros(5))
    assert (perceptual.distance(a, b, batch_size=2) > 0.01).all()
    assert torch.allclose(perceptual.distance(a, b), perceptual.distance(b, a), atol=1e-6)


def test_the_trunk_is_that_of_the_file(trunk: Path) -> None:
    first = next(load_perceptual(trunk).network.net.parameters())
    from agegen.run.folder import load_tensors

    assert torch.equal(first, load_tensors(trunk)["features.0.weight"])


@pytest.mark.parametrize("change", ["missing", "shape"])
def test_another_networks_file_is_refused(trunk: Path, change: str) -> None:
    from agegen.run.folder import load_tensors

    tensors = load_tensors(trunk)
    key = "features.3.weight"
    tensors[key] = tensors[key][:, :2].clone()
    if change == "missing":
        del tensors[key]
    save_file(tensors, trunk)
    with pytest.raises(UserError, match=r"trunk\.safetensors.*AlexNet"):
        load_perceptual(trunk)


@pytest.mark.skipif(not ALEXNET.exists(), reason="AlexNet's weights are not in ../shared/data")
def test_more_noise_is_farther() -> None:
    perceptual = load_perceptual(ALEXNET)
    torch.manual_seed(0)
    smooth = torch.nn.functional.interpolate(torch.rand(2, 3, 6, 6) * 2 - 1, 64, mode="bicubic")
    noise = torch.randn_like(smooth)
    little, much = (perceptual.distance(smooth, smooth + s * noise) for s in (0.05, 0.3))
    assert (little > 0).all()
    assert (little < much / 2).all()
