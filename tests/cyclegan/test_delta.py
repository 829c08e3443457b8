"""The generator that adds a change: exactly nothing at 0, any size, no coloured noise."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from agegen.cyclegan.delta import DeltaGenerator

CORNERS = torch.tensor([-1.0, 1.0])  # black and white


def faces(n: int, height: int, width: int, seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(n, 3, height, width, generator=draw) * 2 - 1


def made(seed: int = 0, strong: bool = True) -> DeltaGenerator:
    torch.manual_seed(seed)
    network = DeltaGenerator(8, 1)
    if strong:  # as after a training
        for layer in (network.shade, network.colour):
            layer.weight.data.mul_(100)
    return network


@pytest.mark.parametrize("training", [True, False])
def test_no_change_is_none_bit_for_bit_on_black_and_white_too(training: bool) -> None:
    network = made().train(training)
    for layer in (network.shade, network.colour):
        nn.init.zeros_(layer.weight)
    x = torch.cat([faces(2, 24, 24), CORNERS.view(2, 1, 1, 1).expand(2, 3, 24, 24)])
    assert torch.equal(network(x), x)


@pytest.mark.parametrize("seed", range(12))
def test_it_takes_any_size_and_stays_in_the_range(seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    height, width = torch.randint(16, 90, (2,), generator=draw).tolist()
    network, x = made(seed).eval(), faces(2, height, width, seed)
    y = network(x)
    assert y.shape == x.shape
    assert y.abs().max() <= 1
    assert not torch.equal(y, x)


def test_a_face_alone_is_translated_as_among_others() -> None:
    network, x = made().eval(), faces(3, 40, 32)
    alone = torch.cat([network(face[None]) for face in x])
    torch.testing.assert_close(network(x), alone, rtol=0, atol=1e-5)


def test_it_begins_with_faces_nearly_as_they_are() -> None:
    x = faces(2, 64, 64)
    network = DeltaGenerator().eval()
    assert 0 < (network(x) - x).abs().mean() < 0.02


def test_what_is_cut_off_passes_its_gradient_on_in_training_only() -> None:
    network = made()
    x = torch.ones(1, 3, 32, 32)  # white: every lighter change is cut off
    network.shade.bias.data.fill_(1.0)
    for training, learns in ((True, True), (False, False)):
        network.zero_grad()
        network.train(training)(x).sum().backward()
        assert bool(network.shade.bias.grad.abs().sum() > 0) == learns


def test_single_pixels_change_in_shade_but_not_in_colour() -> None:
    """Of the change of a grey face, what differs between channels has no fine structure."""
    network = made()
    x = faces(4, 64, 64)[:, :1].expand(-1, 3, -1, -1)
    change = network.change(x)
    grey = change.mean(dim=1, keepdim=True)

    def fine(y: Tensor) -> Tensor:
        return (y - F.avg_pool2d(F.pad(y, (2, 2, 2, 2), mode="replicate"), 5, 1)).square().mean()

    assert fine(change - grey) < 0.02 * fine(grey)


def test_the_four_pixels_of_a_shuffle_begin_alike() -> None:
    network = DeltaGenerator(16, 1)
    up = F.pixel_shuffle(network.to_half(torch.randn(1, 16, 6, 6)), 2)
    blocks = F.unfold(up[:, :1], 2, stride=2)
    torch.testing.assert_close(blocks, blocks[:, :1].expand_as(blocks))


def test_all_of_it_learns() -> None:
    network = made()
    network(faces(2, 32, 32)).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in network.parameters())
