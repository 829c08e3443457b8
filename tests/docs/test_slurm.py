"""The SLURM job of docs/distributed.md, run with stand-ins for SLURM's commands."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "distributed.md"
COMMANDS = {
    "srun": """
        echo "srun $*" >> log
        trap 'echo checkpoint >> log; exit 1' TERM
        echo $$ > training
        for _ in $(seq $TENTHS); do sleep 0.1; done
        exit $STATUS
    """,
    "scancel": 'echo "scancel $*" >> log; kill -TERM $(cat training)',
    "scontrol": """
        if [ "$1" = show ]; then echo node7; echo node8; else echo "scontrol $*" >> log; fi
    """,
}


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """The folder in which the job runs: its script, and the commands that it finds."""
    script = re.search(r"^```bash\n(#!/bin/bash\n#SBATCH.*?)^```", PAGE.read_text(), re.M | re.S)
    assert script
    (tmp_path / "job.sh").write_text(script[1])
    for name, body in COMMANDS.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


def start(job: Path, tenths: int, status: int) -> subprocess.Popen:
    """Start it; its training takes so many tenths of a second and ends with the status."""
    given = {
        "PATH": f"{job}:{os.environ['PATH']}", "SLURM_JOB_ID": "31234", "SLURM_NNODES": "2",
        "SLURM_JOB_NODELIST": "node[7-8]", "SLURM_CPUS_PER_TASK": "32", "TENTHS": str(tenths),
        "STATUS": str(status),
    }  # fmt: skip
    return subprocess.Popen(["bash", "job.sh"], cwd=job, env=os.environ | given)


def test_before_its_time_is_over_the_training_ends_and_the_job_is_queued_again(job: Path) -> None:
    process = start(job, tenths=300, status=0)
    while not (job / "training").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGUSR1)
    assert process.wait(timeout=20) == 0
    first, *rest = (job / "log").read_text().splitlines()
    assert rest == ["scancel --signal=TERM 31234", "checkpoint", "scontrol requeue 31234"]
    assert "torchrun --nnodes 2 --nproc_per_node 4 " in first
    assert "--rdzv_id 31234 --rdzv_endpoint node7:21234 recipes/train_cyclegan.py" in first
    assert first.endswith("--resume")


@pytest.mark.parametrize("status", [0, 3])
def test_a_training_that_ends_by_itself_is_not_queued_again(job: Path, status: int) -> None:
    assert start(job, tenths=1, status=status).wait(timeout=20) == status
    assert len((job / "log").read_text().splitlines()) == 1
