"""The CycleGAN's training as a real command: kills, processes, hosts, flags."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from photos import kill_when, recipe_here, run_to_its_end
from small_cyclegans import TIMES, assert_same_end, on_features, small_config, steps_of
from tensorboards import scalars_in, scalars_of_metrics

from agegen.faces.store import FaceStore
from agegen.run.configs import to_plain
from agegen.run.folder import Run

ROOT = Path(__file__).parents[2]
SMALL = [
    *("--size", 32, "--generator.width", 4, "--generator.blocks", 1, "--discriminator.width", 4),
    *("--discriminator.receptive-field", 16, "--constant-pairs", 100, "--decay-pairs", 60),
    *("--pool-size", 6, "--precision", "float32", "--threads", 1, "--seed", 3),
    *("--watch-every", 20, "--checkpoint-every", 12),
]
LAUNCH = (sys.executable, "-m", "torch.distributed.run")
ON_CPU = {"ACCELERATE_USE_CPU": "1"}


def train(store: FaceStore, out: Path, *more: object) -> list[str]:
    parts = ("recipes/train_cyclegan.py", "--faces", store.folder, "--out", out, *SMALL, *more)
    return [str(part) for part in parts]


def metrics_of(folder: Path) -> list[dict]:
    """What was logged, without times; a kill may come between a checkpoint and its line."""
    kept = [r for r in Run(folder).metrics() if r["kind"] != "checkpoint"]
    return [{k: v for k, v in r.items() if k not in TIMES} for r in kept]


def assert_same_run(one: Path, other: Path) -> None:
    assert_same_end(one, other)
    assert metrics_of(one) == metrics_of(other)
    for sheet in (one / "watch").iterdir():
        assert sheet.read_bytes() == (other / "watch" / sheet.name).read_bytes()


@pytest.fixture(scope="module")
def whole_run(drawn_store: FaceStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    run_to_its_end(sys.executable, *train(drawn_store, out))
    names = {f"{n}{o}" for n in ("generator", "discriminator") for o in ("s", "_optimizer")}
    assert Run(out).latest_checkpoint().tensors.keys() >= names | {"averaged", "pool_old"}
    return out


def test_killed_anywhere_it_ends_in_the_same_bits(
    drawn_store: FaceStore, whole_run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    arguments = [sys.executable, *train(drawn_store, out, "--resume")]
    moments = (
        out / "checkpoints" / "step_000000009",  # checkpoints after every 3 steps
        out / "watch" / "pairs_000000060.png",  # a look after every 5
        out / "checkpoints" / "step_000000030",
    )
    for moment in moments:
        kill_when(arguments, moment.exists)
        assert Run(out).latest_checkpoint().step < 40
    run_to_its_end(*arguments)
    assert_same_run(whole_run, out)


def test_killed_while_a_checkpoint_is_written_it_ends_in_the_same_bits(
    drawn_store: FaceStore, whole_run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    arguments = [sys.executable, *train(drawn_store, out, "--resume")]

    def half_written() -> bool:
        return any((out / "checkpoints").glob(".step_*/*"))

    for _ in range(20):  # the file may be renamed between the look and the kill
        kill_when(arguments, half_written)
        if half_written():
            break
    assert half_written(), "never caught in the act"
    run_to_its_end(*arguments)
    assert not half_written()
    assert_same_run(whole_run, out)


def test_two_processes_compute_what_one_does(drawn_store: FaceStore, tmp_path: Path) -> None:
    # A small rate: Adam's first steps turn rounding errors of gradients near 0 into whole steps.
    more = ("--constant-pairs", 24, "--decay-pairs", 0, "--learning-rate", 2e-5)
    more += ("--diff-augment", "--identity-every", 2, "--pool-size", 8)
    more += ("--discriminator-batch", 8)
    one, two = tmp_path / "one", tmp_path / "two"
    run_to_its_end(sys.executable, *train(drawn_store, one, *more))
    pair = (*LAUNCH, "--standalone", "--nproc_per_node", 2)
    tracked = ("--log-with", "tensorboard") if find_spec("tensorboard") else ()
    result = run_to_its_end(*pair, *train(drawn_store, two, *more, *tracked), **ON_CPU)
    assert "2 process(es)" in result.stdout
    if tracked:  # the first process told it all, and the second nothing
        assert len(list((two / "tensorboard").glob("events*"))) == 1
        assert scalars_in(two) == scalars_of_metrics(two)
    a, b = steps_of(one), steps_of(two)
    assert len(a) == 6
    for mine, theirs in zip(a, b, strict=True):
        assert theirs == pytest.approx(mine, rel=5e-4, abs=1e-5)
    first, second = (Run(x).latest_checkpoint().tensors for x in (one, two))
    for pool in ("pool_old", "pool_young"):  # the faces of both processes, in one's order
        faces, same = first[pool]["faces"], second[pool]["faces"]
        assert len(faces) == 8
        assert torch.allclose(faces, same, atol=2e-3)
        assert torch.cdist(faces.flatten(1), same.flatten(1)).argmin(1).tolist() == list(range(8))


@pytest.mark.slow
def test_two_processes_see_the_same_parts_before_frozen_features(
    drawn_store: FaceStore, tmp_path: Path
) -> None:
    """The pairing, the enlarged part, tones and the grid's shift are those of one process."""
    options = on_features(drawn_store, tmp_path) | {"learning_rate": 2e-5}
    settings = to_plain(small_config(drawn_store, tmp_path, **options))
    for name in ("faces", "out"):
        del settings[name]
    (tmp_path / "config.json").write_text(json.dumps(settings))
    given = ("--config", tmp_path / "config.json", "--faces", drawn_store.folder, "--out")
    command = ["recipes/train_cyclegan.py", *map(str, given)]
    one, two = tmp_path / "one", tmp_path / "two"
    run_to_its_end(sys.executable, *command, str(one))
    pair = (*LAUNCH, "--standalone", "--nproc_per_node", 2)
    run_to_its_end(*map(str, pair), *command, str(two), **ON_CPU)
    assert (one / "pairing.json").read_text() == (two / "pairing.json").read_text()
    a, b = steps_of(one), steps_of(two)
    assert len(a) == 4
    for mine, theirs in zip(a, b, strict=True):
        assert theirs == pytest.approx(mine, rel=2e-3, abs=1e-4)


@pytest.mark.slow
def test_two_processes_have_ones_gradients(drawn_store: FaceStore, tmp_path: Path) -> None:
    """After a step from nothing, Adam's first moments are (1 − β₁) times the gradients."""
    more = ("--constant-pairs", 4, "--decay-pairs", 0, "--accumulate", 2)
    run_to_its_end(sys.executable, *train(drawn_store, tmp_path / "1", *more))
    pair = (*LAUNCH, "--standalone", "--nproc_per_node", 2)
    run_to_its_end(*pair, *train(drawn_store, tmp_path / "2", *more), **ON_CPU)
    one, two = (Run(tmp_path / n).latest_checkpoint().tensors for n in ("1", "2"))
    for name in ("generator_optimizer", "discriminator_optimizer"):
        moments = [key for key in one[name] if key.endswith("exp_avg")]
        assert len(moments) >= 10
        for key in moments:
            scale = float(one[name][key].abs().max())
            assert scale > 0
            assert torch.allclose(one[name][key], two[name][key], rtol=1e-3, atol=1e-3 * scale)


def on_two_hosts(arguments: Sequence[str]) -> list[str]:
    """Start one command a host, as on a cluster; return what each of them printed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = ("--nnodes", "2", "--master_addr", "127.0.0.1", "--master_port", str(port))
    hosts = [
        subprocess.Popen(
            [*LAUNCH, *address, "--node_rank", str(rank), "--nproc_per_node", "1", *arguments],
            cwd=ROOT,
            env={**os.environ, **ON_CPU},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in (0, 1)
    ]
    try:
        printed = [host.communicate(timeout=240)[0] for host in hosts]
    finally:
        for host in hosts:
            host.kill()
    assert [host.returncode for host in hosts] == [0, 0], "\n".join(printed)
    return printed


def test_two_hosts_train_and_resume(drawn_store: FaceStore, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    more = ("--constant-pairs", 12, "--decay-pairs", 12, "--checkpoint-every", 12)
    printed = on_two_hosts(train(drawn_store, whole, *more))
    assert "2 process(es)" in printed[0]
    shutil.copytree(whole, out)
    shutil.rmtree(out / "checkpoints" / "step_000000006")  # as if killed before it was written
    resumed = on_two_hosts(train(drawn_store, out, *more, "--resume"))
    assert "going on with" in resumed[0]
    assert_same_run(whole, out)


def test_a_mistake_gets_a_sentence_and_status_2(drawn_store: FaceStore, tmp_path: Path) -> None:
    more = ("--judge", tmp_path / "none")
    result = recipe_here("train_cyclegan", *train(drawn_store, tmp_path / "run", *more)[1:])
    assert result.returncode == 2
    assert "is not a run folder" in result.stdout + result.stderr
    assert not (tmp_path / "run").exists()
