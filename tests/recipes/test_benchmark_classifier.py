"""The benchmark as a real command, on a store too small to mean anything."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agegen.faces.prepare import PrepareConfig, prepare
from agegen.faces.synthetic import write_faces

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_every_contestant_is_timed(tmp_path: Path) -> None:
    photos = write_faces(tmp_path / "photos", 2200, seed=1)
    prepare(PrepareConfig(photos, tmp_path / "faces"))
    out = tmp_path / "speeds.json"
    command = [sys.executable, "recipes/benchmark_classifier.py", "--faces", tmp_path / "faces"]
    options = ["--rounds", "1", "--steps", "2", "--out", out]
    result = subprocess.run(
        [str(part) for part in command + options], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    speeds = json.loads(out.read_text())
    assert len(speeds) == 3
    assert all(speed > 0 and 0 <= waiting < 1 for [[speed, waiting]] in speeds.values())
    assert "ratio" in result.stdout
