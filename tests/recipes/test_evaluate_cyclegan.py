"""Evaluation of generators as a real command."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def evaluate(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "recipes/evaluate_cyclegan.py", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_everything_is_measured_or_said_not_to_be(
    cyclegan_run: Path, trained_run: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own_judge.py"
    own.write_text(
        "class Redness:\n"
        "    name = 'redness'\n"
        "    def scores(self, faces):\n"
        "        return {'red': faces[:, 0].mean(dim=(1, 2)).cpu()}\n"
    )
    out = tmp_path / "evaluation.json"
    result = subprocess.run(
        [
            sys.executable, ROOT / "recipes/evaluate_cyclegan.py", "--run", cyclegan_run,
            "--judge", trained_run, "--second-judge", trained_run, "--own-judges",
            "own_judge:Redness", "--no-lpips", "--no-age-estimator", "--no-identity", "--controls",
            "--truth", "5", "--most", "6", "--out", out,
        ],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    found = json.loads(out.read_text())
    assert found["n"] == {"young": 6, "old": 6}
    assert found["notes"]["lpips"].startswith("not measured")
    for to in ("young", "old"):
        judges = found["directions"][to]["judges"]
        assert set(judges) == {"classifier", "second_classifier", "redness"}
        assert judges["classifier"] == judges["second_classifier"]
        for figure in judges["redness"]["red"].values():
            assert figure["low"] <= figure["value"] <= figure["high"]
    assert found["controls"]["no change"]["old"]["redness"]["red"]["shift"]["value"] == 0
    assert found["truth"]["n"] == 5
    assert "controls: share of the real gap" in result.stdout


def test_mistakes_are_one_sentence(cyclegan_run: Path, trained_run: Path) -> None:
    for arguments, words in (
        (("--run", trained_run, "--judge", trained_run), "not the run of a CycleGAN"),
        (("--run", cyclegan_run, "--judge", cyclegan_run), "no validated epoch"),
        (
            ("--run", cyclegan_run, "--judge", trained_run, "--own-judges", "math:pi"),
            "--own-judges math:pi",
        ),
    ):
        result = evaluate(*arguments)
        assert result.returncode == 2
        assert words in result.stderr
        assert "Traceback" not in result.stderr
