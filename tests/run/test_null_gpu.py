"""Launches, waits and copies of a step, counted under torch's CUDA code by a GPU without work.

`shared/nullgpu` beside the checkout takes the place of CUDA's runtime; its README says how.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
TOOL = next((f for p in ROOT.parents if (f := p / "shared" / "nullgpu" / "run.sh").exists()), None)
NEEDED = {
    "Linux": sys.platform == "linux",
    "gcc": shutil.which("gcc"),
    "shared/nullgpu above the checkout": TOOL,
    "torch's CUDA build": torch.version.cuda,
}
MISSING = ", ".join(name for name, there in NEEDED.items() if not there)
MOST = {"cyclegan": 1200, "classifier": 560}
"""Launches a step, of which the host is the bound: 1,133 and 527 in bf16 with default options."""

MOVED = {  # modules that the tool calls by the names that they had when it was made
    "agegen.files": "agegen.run.files", "agegen.cli": "agegen.run.cli",
    "agegen.runs": "agegen.run.folder", "agegen.tensor_files": "agegen.run.tensor_files",
    "agegen.cyclegan.evaluate_run": "agegen.cyclegan.evaluate",
    "agegen.cyclegan.pairs": "agegen.cyclegan.batches",
}  # fmt: skip


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    """A copy that knows this house."""
    assert TOOL
    copy = shutil.copytree(TOOL.parent, tmp_path / "nullgpu")
    for file in copy.glob("*.py"):
        text = file.read_text()
        for name, now in MOVED.items():
            text = text.replace(f"from {name} import", f"from {now} import")
        file.chmod(0o644)
        file.write_text(text)
    return copy / TOOL.name


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=f"needs {MISSING}")
@pytest.mark.parametrize(
    ("training", "more", "further"),
    [
        ("cyclegan", (), 0),
        ("cyclegan", ("--diff-augment", "--discriminator-batch", "8"), 360),
        ("cyclegan", ("--precision", "fp16"), 30),
        ("classifier", (), 0),
        ("classifier", ("--precision", "fp16"), 30),
    ],
)
def test_a_step_waits_for_nothing(
    tool: Path, training: str, more: tuple[str, ...], further: int
) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "CUDA_VISIBLE_DEVICES"}
    printed = subprocess.run(
        ["bash", str(tool), training, *more],
        cwd=ROOT, env=environment | {"PYTHON": sys.executable},
        capture_output=True, text=True, check=True, timeout=500,
    ).stdout  # fmt: skip
    table = printed.split("\n\n")[0]
    assert re.search(r"a step ×\d\d", table)
    counts = dict(re.findall(r"^(\S+(?: \S+)*) +([\d.,]+|·) ", table, re.MULTILINE))
    for wait in ("stream sync", "device sync", "event sync", "H2D pageable", "D2H"):
        assert counts.get(wait, "·") == "·", printed
    assert counts["H2D pinned"] != "·"
    assert 400 < int(counts["launch"].replace(",", "")) < MOST[training] + further
