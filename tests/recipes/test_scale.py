"""At CACD's size: what prepare allocates is bounded, whatever the number of faces."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from agegen.drawn.synthetic import write_faces

ROOT = Path(__file__).parents[2]
ALLOCATED = 0.4 * 2**30  # bytes, of prepare and its two workers; it was 0.14 GiB when measured


def allocated(pid: int) -> int:
    """Anonymous memory of a process and those that it started, in bytes; 0 once it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [c for t in tasks for c in (t / "children").read_text().split()]
    except OSError:
        return 0
    own = [line.split()[1] for line in status.splitlines() if line.startswith("RssAnon")]
    return 1024 * sum(map(int, own)) + sum(allocated(int(child)) for child in children)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_prepare_needs_no_more_memory_for_more_faces(tmp_path: Path) -> None:
    photos = write_faces(tmp_path / "photos", 48_000, seed=0, size=48)
    command = [sys.executable, "recipes/prepare_faces.py", "--source", photos]
    command += ["--out", tmp_path / "faces", "--workers", "2"]
    peak = 0
    with subprocess.Popen([str(part) for part in command], cwd=ROOT) as process:
        while process.poll() is None:
            peak = max(peak, allocated(process.pid))
            time.sleep(0.1)
    assert process.returncode == 0
    assert 0 < peak < ALLOCATED
