"""Processes, precision and memory of one machine."""

import os
import subprocess
import sys

import pytest
import torch

from agegen.devices import peak_memory, visible_gpus

CPU = torch.device("cpu")

ON_TWO = "from agegen.devices import make_accelerator as make; print(make('auto').num_processes)"
AS_CHILD = (
    "import torch; from agegen.devices import peak_memory as peak; print(peak(torch.device('cpu')))"
)


def test_automatic_precision_keeps_several_cpu_processes_together() -> None:
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    done = subprocess.run(
        [*launch, "--nproc_per_node", "2", "--no-python", sys.executable, "-c", ON_TWO],
        env=os.environ | {"ACCELERATE_USE_CPU": "1"},
        capture_output=True,
        text=True,
    )
    said = "".join(done.stdout.split())  # their lines may run into each other
    assert said == "22", done.stderr


def test_no_test_sees_a_gpu() -> None:
    asked = "import os; print(repr(os.environ['CUDA_VISIBLE_DEVICES']))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "''\n"
    assert torch.cuda.device_count() == 0


@pytest.mark.parametrize(
    ("given", "count", "expected"),
    [
        (None, 3, ["0", "1", "2"]),
        ("2, 0", 2, ["2", "0"]),
        ("GPU-5b1e,MIG-77", 2, ["GPU-5b1e", "MIG-77"]),
        ("1,-1,2", 1, ["1"]),  # CUDA stops at the first that is none
        ("", 0, []),
        (None, 0, []),
    ],
)
def test_gpus_are_named_as_their_variable_names_them(
    monkeypatch: pytest.MonkeyPatch, given: str | None, count: int, expected: list[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    if given is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert visible_gpus() == expected
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    assert visible_gpus() == []


def test_memory_is_that_of_this_process_not_of_the_one_that_started_it() -> None:
    held = bytearray(b"x") * 2**30
    assert peak_memory(CPU) > 1
    done = subprocess.run(
        [sys.executable, "-c", AS_CHILD],
        capture_output=True,
        text=True,
        check=True,
    )
    assert 0 < float(done.stdout) < len(held) / 2**30
