"""Processes, precision and memory of one machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from agegen.run import devices
from agegen.run.devices import busy_cores, peak_memory, start_processes, use_threads, visible_gpus

CPU = torch.device("cpu")

ON_TWO = (
    "from agegen.run.devices import make_accelerator as make; print(make('auto').num_processes)"
)
AS_CHILD = (
    "import torch; from agegen.run.devices import peak_memory; "
    "print(peak_memory(torch.device('cpu')))"
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


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="only Linux tells")
def test_a_busy_core_is_seen() -> None:
    core = min(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, {{{core}}}); print(flush=True)\nwhile True: pass"
    busy = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        busy.stdout.readline()
        assert 0.7 < busy_cores(1.0) <= len(os.sched_getaffinity(0))
    finally:
        busy.kill()
        busy.wait()


@pytest.mark.parametrize(
    ("asked", "cores", "busy", "said"),
    [
        (0, 2, 1.2, "about 1.2 of the cores busy: --threads 1 is faster"),
        (0, 8, 2.6, "--threads 5 is faster"),
        (0, 2, 2.0, "--threads 1"),
        (0, 2, 0.4, ""), (2, 2, 1.0, ""), (0, 1, 1.0, ""),
    ],
)  # fmt: skip
def test_a_busy_machine_is_named_and_the_threads_stay(
    asked: int, cores: int, busy: float, said: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture,
) -> None:  # fmt: skip
    taken: list[int] = []
    monkeypatch.setattr(devices, "cores_per_process", lambda: cores)
    monkeypatch.setattr(devices, "busy_cores", lambda: busy)
    monkeypatch.setattr(torch, "set_num_threads", taken.append)
    use_threads(start_processes(), asked)
    assert taken == [asked or cores]
    printed = capsys.readouterr().out
    assert said in printed
    assert bool(printed) == bool(said)


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, "")],
)
def test_waiting_threads_sleep_soon_unless_the_user_says_otherwise(
    given: dict[str, str], expected: str
) -> None:
    code = "import os, agegen; print(os.environ.get('GOMP_SPINCOUNT', ''))"
    names = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    environment = {k: v for k, v in os.environ.items() if k not in names} | given
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == expected
