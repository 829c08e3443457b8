"""Both trainings in two processes: folders of their own, SIGTERM to one of them, --compile."""

import json
import os
import socket
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
import torch.multiprocessing as mp
from accelerate import Accelerator
from run_tensors import are_same
from stopped_trainings import MODULES, status_of, stopped_in, train
from torch import nn
from torch._dynamo.testing import CompileCounter
from torch._dynamo.utils import counters

from agegen.faces.store import FaceStore
from agegen.run import distributed
from agegen.run.errors import UserError
from agegen.run.folder import Run

STOP = 3  # the step in which SIGTERM comes


def refusal_of(kind: str, store: FaceStore, out: Path, resume: bool) -> str:
    """The sentence that a user reads; empty if it trained."""
    try:
        train(kind, store, out, resume=resume)
    except UserError as error:
        return str(error)
    return ""


def worker(rank: int, port: int, faces: str, folder: str) -> None:
    os.environ |= {
        "ACCELERATE_USE_CPU": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": str(port),
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2",
    }  # fmt: skip
    torch.set_num_threads(1)
    store, out = FaceStore.open(Path(faces)), Path(folder)
    distributed.SECONDS_OF_CACHE = 0.2
    with patch.object(Accelerator, "end_training"):  # it would end the group of the next, too
        said = {kind: in_two_processes(kind, store, out / kind, rank) for kind in MODULES}
        said["graphs"] = compiled(store, out / "compiled")
    (out / f"{rank}.json").write_text(json.dumps(said))


def in_two_processes(kind: str, store: FaceStore, out: Path, rank: int) -> dict:
    """What happened to a training's runs."""
    apart = [refusal_of(kind, store, out / f"own_{rank}", resume) for resume in (False, True)]
    train(kind, store, out / "whole")
    stopped = stopped_in(STOP, kind, store, out / "stopped", process=1)
    step = Run(out / "stopped").latest_checkpoint().step
    resumed = status_of(lambda: train(kind, store, out / "stopped", resume=True))
    return {"apart": apart, "stopped": stopped, "step": step, "resumed": resumed}


def compiled(store: FaceStore, out: Path) -> list[int]:
    """How many graphs and breaks a classifier has, whose shares differ in size."""
    counter, real = CompileCounter(), nn.Module.compile
    with patch.object(nn.Module, "compile", lambda m, **how: real(m, backend=counter, **how)):
        train("classifier", store, out, compile=True)
    return [counter.frame_count, sum(counters["graph_break"].values())]


@pytest.fixture(scope="module")
def runs(drawn_store: FaceStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    given = (port, str(drawn_store.folder), str(folder))
    mp.start_processes(worker, given, nprocs=2, start_method="spawn")
    return folder


@pytest.fixture(scope="module")
def said(runs: Path) -> list[dict]:
    return [json.loads((runs / f"{rank}.json").read_text()) for rank in (0, 1)]


@pytest.mark.parametrize("kind", MODULES)
def test_two_folders_are_refused_by_both(said: list[dict], kind: str) -> None:
    for process in said:
        for sentence in process[kind]["apart"]:
            assert "not every process sees the checkpoints in" in sentence


@pytest.mark.parametrize("kind", MODULES)
def test_sigterm_to_one_stops_both_with_a_checkpoint(
    runs: Path, said: list[dict], kind: str
) -> None:
    for process in said:
        assert process[kind]["stopped"] == 143
        assert process[kind]["step"] == STOP + 1
        assert process[kind]["resumed"] == 0
    assert are_same(runs / kind / "whole", runs / kind / "stopped")


def test_compiled_networks_have_no_breaks_on_any_process(runs: Path, said: list[dict]) -> None:
    for process in said:
        graphs, breaks = process["graphs"]
        assert 0 < graphs <= 4
        assert not breaks
    assert are_same(runs / "classifier" / "whole", runs / "compiled")
