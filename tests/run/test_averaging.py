"""The EMA of weights: that of torch, without its waiting."""

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from agegen.run.averaging import Average


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1).double())
    layers[1].weight.requires_grad_(False)
    return layers


def torchs(model: nn.Module, decay: float, use_buffers: bool) -> AveragedModel:
    def move(averaged, current, count):
        k = int(count)
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(averaged, current, 1 - min(decay, (1 + k) / (10 + k)))
        else:
            torch._foreach_copy_(averaged, current)

    return AveragedModel(model, multi_avg_fn=move, use_buffers=use_buffers)


def test_it_is_torchs_average_bit_for_bit() -> None:
    for seed, use_buffers in ((0, True), (1, False)):
        model = network(seed)
        ours, expected = Average(model, 0.7, use_buffers), torchs(model, 0.7, use_buffers)
        generator = torch.Generator().manual_seed(seed)
        for step in range(20):
            with torch.no_grad():
                for weight in model.parameters():
                    weight += torch.randn(weight.shape, generator=generator)
                model[1](torch.randn(5, 4, 6, 6, generator=generator))
            ours.update_parameters(model)
            expected.update_parameters(model)
            if step == 9:  # as after a resume
                saved = ours.state_dict()
                ours = Average(model, 0.7, use_buffers)
                ours.load_state_dict(saved)
        found = ours.state_dict()
        assert found.keys() == expected.state_dict().keys()
        for name, value in expected.state_dict().items():
            assert torch.equal(found[name], value), name


def test_a_buffer_that_a_network_replaces_is_followed() -> None:
    model = network(0)
    average = Average(model, 0.7)
    for value in (1.0, 2.0):
        model[1].running_mean = torch.full((4,), value)
        average.update_parameters(model)
        assert (average.module[1].running_mean == value).all()


def test_weights_that_move_to_other_memory_are_followed() -> None:
    model = network(0)
    average = Average(model, 0.7)
    for weight in model.parameters():  # as a wrapper for several processes does
        weight.data = weight.data + 1
    average.update_parameters(model)
    for averaged, weight in zip(average.module.parameters(), model.parameters(), strict=True):
        assert torch.equal(averaged, weight)


def test_its_count_stays_on_the_cpu() -> None:
    average = Average(network(0).to("meta"), 0.7)
    assert average.n_averaged.device.type == "cpu"
    average.update_parameters(network(0).to("meta"))
    assert average.n_averaged == 1
