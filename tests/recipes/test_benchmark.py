"""The benchmark as a real command, in settings too small to mean anything."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def benchmark(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "recipes/benchmark.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_mistakes_are_one_sentence(tmp_path: Path) -> None:
    done = benchmark("--faces", tmp_path / "nothing")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: no FaceStore at {tmp_path / 'nothing'}")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_without_data_every_contestant_is_timed(tmp_path: Path) -> None:
    out = tmp_path / "benchmark.json"
    small = ("--drawn", 160, "--rounds", 1, "--steps", 2, "--size", 32, "--width", 4)
    done = benchmark(*small, "--blocks", 1, "--out", out)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    turns = {
        (group["title"].split(",")[0], contestant["name"]): contestant["turns"]
        for group in found["groups"]
        for contestant in group["contestants"]
    }
    assert ("classifier", "notebook loop, float32") in turns
    assert ("CycleGAN", "agegen, as shipped, batch 1") in turns
    assert all(t["images_per_second"] > 0 and t["memory_gib"] > 0 for [t] in turns.values())
    assert all(rate > 0 for rate in found["machine"]["peaks"].values())
    assert len(found["scaling"]) == (2 if found["machine"]["cores"] > 1 else 0)
    assert all(speed > 0 for s in found["scaling"] for speed in s["images_per_second"])
    assert all(e["seconds"] > 0 for e in found["estimates"])
    assert "of peak" in done.stdout
    assert "Full trainings" in done.stdout
