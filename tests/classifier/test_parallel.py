"""Trainings side by side: the same as alone, resumable, and gone with whoever started them."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from photos import REPOSITORY, environment

from agegen.classifier import parallel
from agegen.classifier.config import TrainConfig
from agegen.classifier.model import ModelConfig
from agegen.classifier.parallel import checkpointed_steps, train_all
from agegen.classifier.train import train
from agegen.faces.store import FaceStore
from agegen.run.errors import UserError
from agegen.run.files import read_json, read_metrics, sha256
from agegen.run.tensor_files import load_tensors


def small(store: FaceStore, out: Path, seed: int = 0, epochs: int = 1) -> TrainConfig:
    return TrainConfig(
        store.folder, out, model=ModelConfig(widths=(4, 8)), epochs=epochs, batch_size=16, seed=seed
    )


def test_two_trainings_at_a_time_equal_each_alone(striped_store: FaceStore, tmp_path: Path) -> None:
    configs = [small(striped_store, tmp_path / str(seed), seed) for seed in (0, 1)]
    train_all(configs, workers=2)
    train(replace(configs[1], out=tmp_path / "alone", threads=1))
    together, alone = (load_tensors(tmp_path / n / "best.safetensors") for n in ("1", "alone"))
    assert all(together[name].equal(alone[name]) for name in alone)
    assert "best epoch 1" in (tmp_path / "0" / "train.log").read_text()

    before = sha256(tmp_path / "0" / "train.log")
    train_all(configs, workers=2)  # finished: nothing is started again
    assert sha256(tmp_path / "0" / "train.log") == before


def test_each_training_sees_one_of_the_gpus(
    striped_store: FaceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "seen").mkdir()
    monkeypatch.setenv("SEEN_GPUS", str(tmp_path / "seen"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7,GPU-5b1e")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    own = ModelConfig("seen_gpus:SeenGpus")
    names = ("a", "b")
    train_all([
        replace(small(striped_store, tmp_path / name), model=own, dry_run=True) for name in names
    ], workers=2)  # fmt: skip
    seen = [file.read_text() for file in (tmp_path / "seen").iterdir()]
    assert sorted(seen) == ["7, False", "GPU-5b1e, False"]
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "7,GPU-5b1e"


@pytest.mark.parametrize(
    ("cores", "gpus", "expected"), [(4, 0, 4), (4, 1, 2), (3, 2, 3), (9, 4, 8)]
)
def test_gpus_get_two_trainings_each_at_most(
    monkeypatch: pytest.MonkeyPatch, cores: int, gpus: int, expected: int
) -> None:
    monkeypatch.setattr(parallel, "cores_per_process", lambda: cores)
    monkeypatch.setattr(parallel, "visible_gpus", lambda: [str(i) for i in range(gpus)])
    assert parallel.trainings_at_a_time() == expected


def test_the_freest_gpu_gets_the_next_training() -> None:
    """Of trainings that end at random, four at a time on two GPUs."""
    rng, loads = random.Random(0), Counter()
    running: list[parallel.Child] = []
    for _ in range(200):
        while len(running) < 4:
            gpu = parallel.freest(["0", "1"], running)
            others = [child.gpu for child in running]
            assert others.count(gpu) == min(others.count("0"), others.count("1"))
            running.append(parallel.Child(None, None, None, gpu))
            loads[gpu] += 1
        running.pop(rng.randrange(4))
    assert min(loads.values()) > 80
    assert parallel.freest([], running) is None


def test_mistakes_are_told_and_stop_the_others(striped_store: FaceStore, tmp_path: Path) -> None:
    long = small(striped_store, tmp_path / "long", epochs=10_000)
    wrong = replace(small(striped_store, tmp_path / "wrong"), model=ModelConfig("no.such:Net"))
    with pytest.raises(UserError, match=r"no\.such:Net"):
        train_all([long, wrong], workers=2)
    steps = len(read_metrics(long.out / "metrics.jsonl"))
    time.sleep(1)
    assert len(read_metrics(long.out / "metrics.jsonl")) == steps
    with pytest.raises(UserError, match="a folder"):
        train_all([long, long])


def test_a_killed_parent_takes_its_trainings_along(
    striped_store: FaceStore, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from agegen.classifier.config import TrainConfig\n"
        "from agegen.classifier.model import ModelConfig\n"
        "from agegen.classifier.parallel import train_all\n"
        "if __name__ == '__main__':\n"
        f"    faces, out = Path({str(striped_store.folder)!r}), Path({str(tmp_path / 'r')!r})\n"
        "    model = ModelConfig(widths=(4, 8))\n"
        "    train_all([TrainConfig(faces, out, model, epochs=10000, batch_size=16)])\n"
    )
    parent = subprocess.Popen(
        [sys.executable, script], cwd=REPOSITORY, env=environment(), stderr=-3
    )
    config = small(striped_store, tmp_path / "r", epochs=10_000)
    deadline = time.monotonic() + 240
    while not checkpointed_steps(config) and time.monotonic() < deadline:
        time.sleep(0.2)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    time.sleep(1)
    reached = len(read_metrics(config.out / "metrics.jsonl"))
    time.sleep(1.5)
    assert 0 < len(read_metrics(config.out / "metrics.jsonl")) == reached
    assert read_json(config.out / "best.json")
