"""Two processes against one: batch norm, its gradients, and gathering."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from accelerate import Accelerator
from torch import nn

from agegen.run.distributed import gather_shares, share_of, use_global_batch_norm

ROWS = 7  # an odd number: the shares differ in size
KINDS = {
    "float64": (torch.float64, torch.contiguous_format),
    "float32, channels last": (torch.float32, torch.channels_last),
    "bf16, channels last": (torch.bfloat16, torch.channels_last),
}


def make_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 1, 3))


def run_steps(network: nn.Module, share: slice) -> None:
    """One backward pass; the mean of the inputs is far above their deviation."""
    x = 5 + 0.1 * torch.randn(ROWS, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    (network(x[share]).square().sum() / ROWS).backward()


def norm_pass(layer: nn.Module, kind: str, share: slice) -> tuple[torch.Tensor, ...]:
    """Output, and the gradients of input, weight and bias, of a share of the same batch.

    The loss's gradient is far from 0 on average, so that batch norm takes most of it off.
    """
    dtype, layout = KINDS[kind]
    random = torch.Generator().manual_seed(2)
    x, pull = (torch.randn(ROWS, 4, 6, 6, generator=random, dtype=torch.float64) for _ in range(2))
    x = (3 + x)[share].to(dtype).contiguous(memory_format=layout).requires_grad_()
    layer.to(torch.promote_types(dtype, torch.float32))
    out = layer(x)
    out.backward((20 + pull)[share].to(dtype))
    assert x.grad is not None
    return out.detach(), x.grad, layer.weight.grad, layer.bias.grad


def make_norm() -> nn.BatchNorm2d:
    layer = nn.BatchNorm2d(4)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([0.5, 1.0, -2.0, 3.0]))
        layer.bias.copy_(torch.tensor([0.0, 1.0, 2.0, -1.0]))
    return layer


def worker(rank: int, port: int, folder: str) -> None:
    os.environ |= {
        "ACCELERATE_USE_CPU": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": str(port),
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2",
    }  # fmt: skip
    accelerator = Accelerator()
    network = use_global_batch_norm(make_network())
    run_steps(network, share_of(ROWS, rank, 2))
    gradients = {name: p.grad for name, p in network.named_parameters()}
    for gradient in gradients.values():
        dist.all_reduce(gradient)
    rows = torch.arange(ROWS * 2.0).view(ROWS, 2)
    gathered = gather_shares(rows[share_of(ROWS, rank, 2)], ROWS)
    buffers = dict(network.named_buffers())
    norms = {
        kind: norm_pass(use_global_batch_norm(make_norm()), kind, share_of(ROWS, rank, 2))
        for kind in KINDS
    }
    torch.save((gradients, buffers, gathered, norms), f"{folder}/{rank}.pt")
    accelerator.end_training()


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory: pytest.TempPathFactory) -> list:
    folder = tmp_path_factory.mktemp("two")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    mp.start_processes(worker, (port, str(folder)), nprocs=2, start_method="spawn")
    return [torch.load(folder / f"{rank}.pt") for rank in (0, 1)]


def test_gradients_are_those_of_one_process(two_processes: list) -> None:
    whole = make_network()
    run_steps(whole, slice(None))
    for gradients, _, _, _ in two_processes:
        for name, parameter in whole.named_parameters():
            assert torch.allclose(gradients[name], parameter.grad, rtol=1e-3, atol=1e-3), name


def test_running_statistics_are_those_of_one_process(two_processes: list) -> None:
    whole = make_network()
    run_steps(whole, slice(None))
    for _, buffers, _, _ in two_processes:
        for name, buffer in whole.named_buffers():
            assert torch.allclose(buffers[name], buffer, rtol=1e-4, atol=1e-5), name


def test_gathered_rows_are_in_order_and_none_is_counted_twice(two_processes: list) -> None:
    for _, _, gathered, _ in two_processes:
        assert torch.equal(gathered, torch.arange(ROWS * 2.0).view(ROWS, 2))


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As many as each of the two processes has: other tests may have left more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_is_as_exact_as_in_one_process(two_processes: list, kind: str) -> None:
    exact = norm_pass(make_norm(), "float64", slice(None))
    alone = norm_pass(make_norm(), kind, slice(None))
    first, second = (norms[kind] for _, _, _, norms in two_processes)
    shared = [torch.cat(pair) for pair in zip(first[:2], second[:2], strict=True)]
    shared += [a + b for a, b in zip(first[2:], second[2:], strict=True)]
    for found, reference, expected in zip(shared, alone, exact, strict=True):
        assert found.dtype == reference.dtype
        assert error_of(found, expected) < 1.5 * error_of(reference, expected) + 1e-12


def error_of(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found.double() - expected).norm() / expected.norm())


def test_parameters_stay_when_the_layers_change() -> None:
    network = make_network()
    before = network.state_dict()
    assert use_global_batch_norm(network).state_dict().keys() == before.keys()
    assert type(network[1]) is not nn.BatchNorm2d


@pytest.fixture
def lonely(tmp_path: Path) -> Iterator[None]:
    """A group of this process alone."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/group", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize("momentum", [0.1, None])
def test_running_statistics_move_as_torch_moves_them(momentum: float | None) -> None:
    torch.manual_seed(0)
    reference, layer = (nn.BatchNorm2d(3, momentum=momentum) for _ in range(2))
    use_global_batch_norm(layer)
    for _ in range(3):
        x = torch.randn(5, 3, 4, 4) + 2
        reference(x)
        variance, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0)
        layer.update_running(mean, variance, torch.tensor(5 * 4 * 4.0))
    torch.testing.assert_close(layer.state_dict(), reference.state_dict())


@pytest.mark.usefixtures("lonely")
def test_a_layer_without_weight_and_bias_normalises() -> None:
    layer = use_global_batch_norm(nn.BatchNorm2d(3, affine=False))
    x = torch.randn(5, 3, 4, 4, generator=torch.Generator().manual_seed(0)) + 2
    torch.testing.assert_close(layer(x), nn.BatchNorm2d(3, affine=False)(x))


def test_a_layer_without_running_statistics_keeps_none() -> None:
    layer = nn.BatchNorm2d(3, track_running_stats=False)
    use_global_batch_norm(layer)
    layer.update_running(torch.zeros(3), torch.ones(3), torch.tensor(4.0))
    assert layer.running_mean is None
    assert layer.running_var is None
