"""Two processes against one: batch norm, its gradients, and gathering."""

import os
import socket

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from accelerate import Accelerator
from torch import nn

from agegen.distributed import gather_shares, use_global_batch_norm
from agegen.faces.batches import share_of

ROWS = 7  # an odd number: the shares differ in size


def make_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 1, 3))


def run_steps(network: nn.Module, share: slice) -> None:
    """One backward pass; the mean of the inputs is far above their deviation."""
    x = 5 + 0.1 * torch.randn(ROWS, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    (network(x[share]).square().sum() / ROWS).backward()


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
    torch.save((gradients, buffers, gathered), f"{folder}/{rank}.pt")
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
    for gradients, _, _ in two_processes:
        for name, parameter in whole.named_parameters():
            assert torch.allclose(gradients[name], parameter.grad, rtol=1e-3, atol=1e-3), name


def test_running_statistics_are_those_of_one_process(two_processes: list) -> None:
    whole = make_network()
    run_steps(whole, slice(None))
    for _, buffers, _ in two_processes:
        for name, buffer in whole.named_buffers():
            assert torch.allclose(buffers[name], buffer, rtol=1e-4, atol=1e-5), name


def test_gathered_rows_are_in_order_and_none_is_counted_twice(two_processes: list) -> None:
    for _, _, gathered in two_processes:
        assert torch.equal(gathered, torch.arange(ROWS * 2.0).view(ROWS, 2))


def test_parameters_stay_when_the_layers_change() -> None:
    network = make_network()
    before = network.state_dict()
    assert use_global_batch_norm(network).state_dict().keys() == before.keys()
    assert type(network[1]) is not nn.BatchNorm2d


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


def test_a_layer_without_running_statistics_keeps_none() -> None:
    layer = nn.BatchNorm2d(3, track_running_stats=False)
    use_global_batch_norm(layer)
    layer.update_running(torch.zeros(3), torch.ones(3), torch.tensor(4.0))
    assert layer.running_mean is None
    assert layer.running_var is None
