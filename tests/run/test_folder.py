"""The run folder: whole checkpoints, cut metrics, refused configs."""

import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch

from agegen.run import folder as runs
from agegen.run.configs import from_plain, to_plain
from agegen.run.errors import UserError
from agegen.run.files import read_json, write_json
from agegen.run.folder import KEPT_CHECKPOINTS, Run
from agegen.run.tensor_files import (
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


@pytest.mark.parametrize(
    ("kernel", "version"),
    [
        (
            "NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023",
            "535.104.05",
        ),
        ("NVIDIA UNIX Open Kernel Module for x86_64  580.65  Release Build  (dvs)", "580.65"),
    ],
)
def test_the_environment_names_driver_cuda_and_tf32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel: str, version: str
) -> None:
    monkeypatch.setattr(runs, "DRIVER", tmp_path / "driver")
    assert runs.describe_environment()["driver"] is None
    (tmp_path / "driver").write_text(f"NVRM version: {kernel}\nGCC version:  gcc version 12.2.0\n")
    found = runs.describe_environment()
    assert found["driver"] == version
    assert (found["cuda"], found["cudnn"]) == (torch.version.cuda, torch.backends.cudnn.version())
    assert found["tf32"] is torch.backends.cudnn.allow_tf32


def test_what_a_kill_left_half_written_is_removed(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.start(Config(), {}, resume=False)
    run.save_checkpoint(3, {"x": {"a": torch.zeros(2)}}, {})
    run.release()
    left = (".generators.safetensors.17.tmp", ".best.safetensors.4194304.tmp")
    others = ("notes.tmp", ".mine.txt.17.tmp", "generators.safetensors.tmp")
    for name in left + others:
        (run.folder / name).write_bytes(b"half")
    (run.folder / "checkpoints" / ".step_000000006").mkdir()
    Run(run.folder).start(Config(), {}, resume=True)
    there = {path.name for path in run.folder.iterdir()}
    assert not there & set(left)
    assert there >= set(others)
    assert [path.name for path in (run.folder / "checkpoints").iterdir()] == ["step_000000003"]


def test_metrics_after_the_checkpoint_and_half_lines_are_cut(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.start(Config(), {}, resume=False)
    run.log([{"kind": "step", "step": step} for step in range(1, 6)])
    run.save_checkpoint(3, {"model": {"a": torch.ones(2)}}, {})
    with run.metrics_path.open("a") as file:
        file.write('{"step": 6, "lo')
    run.release()
    Run(tmp_path).start(Config(), {}, resume=True)
    checkpoint = Run(tmp_path).latest_checkpoint()
    assert checkpoint is not None
    assert checkpoint.step == 3
    assert [r["step"] for r in run.metrics() if r["kind"] == "step"] == [1, 2, 3]


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
    run.log([{"kind": "step", "step": 1}])
    run.save_checkpoint(1, {"model": {"a": torch.ones(1)}}, {})
    assert list(tmp_path.iterdir()) == []


def saved_run(folder: Path, steps: int = 3) -> Run:
    """A run with a checkpoint and a record a step, and weights."""
    run = Run(folder)
    run.start(Config(), {}, resume=False)
    for step in range(1, steps + 1):
        run.log([{"kind": "step", "step": step}])
        save_tensors(folder / "best.safetensors", {"a": torch.full((2,), float(step))})
        run.save_checkpoint(step, {"model": {"a": torch.full((2,), float(step))}}, {"x": step})
    run.release()
    return run


def contents(folder: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("gone", [["checkpoints"], ["config.json"], ["checkpoints", "config.json"]])
@pytest.mark.parametrize("resume", [True, False])
def test_trained_weights_are_never_replaced_by_a_new_beginning(
    tmp_path: Path, gone: list[str], resume: bool
) -> None:
    saved_run(tmp_path)
    for name in gone:
        path = tmp_path / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    before = contents(tmp_path)
    with pytest.raises(UserError, match="choose another --out"):
        Run(tmp_path).start(Config(), {}, resume=resume)
    assert contents(tmp_path) == before


def test_copies_of_checkpoints_beside_them_are_no_checkpoints(tmp_path: Path) -> None:
    run = saved_run(tmp_path)
    for name in ("step_000000003_backup", "step_ copy", "step_", "step_x", "step_000000009.old"):
        shutil.copytree(run.checkpoints()[-1], tmp_path / "checkpoints" / name)
    (tmp_path / "checkpoints" / "step_000000007").write_text("a file")
    checkpoint = run.latest_checkpoint()
    assert checkpoint is not None
    assert checkpoint.step == 3


def damage(path: Path, rng: random.Random) -> None:
    """Hurt a checkpoint's file: gone, empty, cut short, zeros, or JSON of another kind."""
    content = path.read_bytes()
    kinds: list[bytes | None] = [None, b"", content[: rng.randrange(len(content))], b"\0" * 9]
    if path.suffix == ".json":
        kinds += [b"null", b"[]", b"3", b'"x"', b'{"step": "3"}', b"{}", b"\xff\xfe", b"[" * 9999]
    chosen = rng.choice(kinds)
    path.unlink() if chosen is None else path.write_bytes(chosen)


def test_a_damaged_checkpoint_is_set_aside_for_the_one_before_it(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    rng = random.Random(0)
    for trial in range(150):
        run = saved_run(tmp_path / str(trial))
        newest = run.checkpoints()[-1]
        damage(rng.choice(sorted(newest.iterdir())), rng)
        run.start(Config(), {}, resume=True)
        assert "damaged_step_000000003" in capsys.readouterr().out
        checkpoint = run.latest_checkpoint()
        assert checkpoint is not None
        assert (checkpoint.step, checkpoint.state["x"]) == (2, 2)
        assert [r["step"] for r in run.metrics() if r["kind"] == "step"] == [1, 2]
        assert (newest.parent / "damaged_step_000000003").exists()


def test_a_run_whose_files_are_damaged_is_one_sentence_or_goes_on(tmp_path: Path) -> None:
    rng = random.Random(1)
    refused = 0
    for trial in range(150):
        run = saved_run(tmp_path / str(trial))
        files = [path for path in contents(run.folder) if path.name != ".lock"]
        for path in rng.sample(files, rng.randint(1, 4)):
            damage(path, rng)
        weights = list(run.folder.glob("*.safetensors"))
        before = [p.read_bytes() for p in weights]
        try:
            run.start(Config(), {}, resume=True)
            run.latest_checkpoint()
        except UserError:
            refused += 1
        finally:
            run.release()
        assert [p.read_bytes() for p in weights] == before
    assert 0 < refused < 150


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
