"""The run folder: whole checkpoints, cut metrics, refused configs."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch

from agegen.configs import from_plain, to_plain
from agegen.errors import UserError
from agegen.files import read_json, write_json
from agegen.runs import KEPT_CHECKPOINTS, Run
from agegen.tensor_files import (
    load_optimizer_tensors,
    load_tensors,
    optimizer_tensors,
    save_tensors,
)


@dataclass(frozen=True)
class Inner:
    widths: tuple[int, ...] = (1, 2)
    name: str | None = None


@dataclass(frozen=True)
class Config:
    out: Path = Path("out")
    rate: float = 0.1
    inner: Inner = field(default_factory=Inner)
    resume: bool = False


def test_a_config_survives_its_json() -> None:
    config = Config(rate=2, inner=Inner((3, 4, 5), "x"))
    assert from_plain(Config, to_plain(config), Path("f")) == config


@pytest.mark.parametrize(
    "content", [{"rat": 1}, {"rate": "fast"}, {"inner": {"widths": "wide"}}, {"inner": 3}]
)
def test_a_config_with_wrong_names_or_types_is_refused(content: dict) -> None:
    with pytest.raises(UserError, match=r"config\.json"):
        from_plain(Config, content, Path("config.json"))


def test_a_run_is_not_overwritten_without_resume(tmp_path: Path) -> None:
    Run(tmp_path).start(Config(), {}, resume=False)
    with pytest.raises(UserError, match="--resume"):
        Run(tmp_path).start(Config(), {}, resume=False)


def test_a_resume_without_a_run_is_said(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    Run(tmp_path).start(Config(), {}, resume=True)
    assert "holds no run yet: one begins" in capsys.readouterr().out
    Run(tmp_path).start(Config(), {}, resume=True)
    assert "holds no run" not in capsys.readouterr().out


def test_resume_under_another_config_names_the_difference(tmp_path: Path) -> None:
    Run(tmp_path).start(Config(), {"data": 1}, resume=True)
    with pytest.raises(UserError, match=r"inner\.name \(None then, y now\)"):
        Run(tmp_path).start(Config(inner=Inner(name="y")), {"data": 1}, resume=True)
    with pytest.raises(UserError, match="another data"):
        Run(tmp_path).start(Config(), {"data": 2}, resume=True)
    Run(tmp_path).start(Config(resume=True, out=Path("moved")), {"data": 1}, resume=True)
    assert Run(tmp_path).latest_checkpoint() is None


def test_resume_on_another_machine_is_said(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    Run(tmp_path).start(Config(), {}, resume=False, precision="bf16")
    Run(tmp_path).start(Config(), {}, resume=True, precision="float32")
    assert "precision was bf16, is float32" in capsys.readouterr().out


def test_metrics_after_the_checkpoint_and_half_lines_are_cut(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.start(Config(), {}, resume=False)
    run.log([{"step": step} for step in range(1, 6)])
    run.save_checkpoint(3, {"model": {"a": torch.ones(2)}}, {})
    with run.metrics_path.open("a") as file:
        file.write('{"step": 6, "lo')
    run.release()
    Run(tmp_path).start(Config(), {}, resume=True)
    checkpoint = Run(tmp_path).latest_checkpoint()
    assert checkpoint is not None
    assert checkpoint.step == 3
    assert [record["step"] for record in run.metrics()] == [1, 2, 3]


def test_only_the_last_checkpoints_stay_and_half_ones_are_ignored(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.start(Config(), {}, resume=False)
    for step in range(1, 6):
        run.save_checkpoint(step, {"model": {"a": torch.full((2,), float(step))}}, {"x": step})
    assert len(run.checkpoints()) == KEPT_CHECKPOINTS
    half = tmp_path / "checkpoints" / ".step_000000009"
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half")
    run.start(Config(), {}, resume=True)
    checkpoint = run.latest_checkpoint()
    assert checkpoint is not None
    assert (checkpoint.step, checkpoint.state["x"]) == (5, 5)
    assert checkpoint.tensors["model"]["a"].tolist() == [5, 5]
    assert not half.exists()


def test_other_processes_write_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path, main=False)
    run.log([{"step": 1}])
    run.save_checkpoint(1, {"model": {"a": torch.ones(1)}}, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", [b"", b"not safetensors at all", None])
def test_damaged_weights_are_refused_in_a_sentence(tmp_path: Path, damage: bytes | None) -> None:
    path = tmp_path / "w.safetensors"
    if damage is not None:
        path.write_bytes(damage)
    with pytest.raises(UserError, match=r"w\.safetensors"):
        load_tensors(path)


def test_tensors_come_back_equal_whatever_their_layout(tmp_path: Path) -> None:
    tensors = {
        "cl": torch.randn(2, 3, 4, 4).contiguous(memory_format=torch.channels_last),
        "view": torch.arange(6).view(2, 3).T,
        "scalar": torch.tensor(3),
    }
    save_tensors(tmp_path / "t.safetensors", tensors)
    for name, tensor in load_tensors(tmp_path / "t.safetensors").items():
        assert torch.equal(tensor, tensors[name])


def test_an_optimizer_goes_on_bit_for_bit_with_channels_last_weights() -> None:
    def make() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
        torch.manual_seed(0)
        net = torch.nn.Conv2d(3, 8, 3).to(memory_format=torch.channels_last)
        return net, torch.optim.AdamW(net.parameters(), lr=0.1, fused=True)

    def step(net: torch.nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> None:
        x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
        optimizer.zero_grad()
        net(x).square().sum().backward()
        optimizer.step()

    net, optimizer = make()
    for seed in range(3):
        step(net, optimizer, seed)
    other, resumed = make()
    other.load_state_dict(net.state_dict())
    load_optimizer_tensors(resumed, {k: v.clone() for k, v in optimizer_tensors(optimizer).items()})
    for seed in range(3, 6):
        step(net, optimizer, seed)
        step(other, resumed, seed)
    assert torch.equal(net.weight, other.weight)


def test_a_folder_in_which_another_training_is_at_work_is_refused(tmp_path: Path) -> None:
    first, second = Run(tmp_path), Run(tmp_path)
    first.claim()
    with pytest.raises(UserError, match="another training is at work"):
        second.claim()
    first.release()
    second.claim()
    second.release()


def test_a_field_that_came_later_is_no_other_config(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Part:
        depth: int = 2

    @dataclass(frozen=True)
    class Grown:
        rate: float
        part: Part = field(default_factory=Part)
        later: bool = False

    run = Run(tmp_path / "run")
    run.start(Grown(0.1), {}, resume=False)
    run.release()
    saved = read_json(run.folder / "config.json")
    del saved["config"]["later"], saved["config"]["part"]["depth"]
    write_json(run.folder / "config.json", saved)
    again = Run(run.folder)
    again.start(Grown(0.1), {}, resume=True)
    again.release()
    for other in (Grown(0.1, later=True), Grown(0.1, Part(3)), Grown(0.2)):
        with pytest.raises(UserError, match=r"with another .*: resume it as it was"):
            Run(run.folder).start(other, {}, resume=True)
