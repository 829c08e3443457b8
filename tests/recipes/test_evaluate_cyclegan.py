"""Evaluation of generators as a real command."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from photos import recipe_here

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
            "own_judge:Redness", "--no-lpips", "--no-age-estimator", "--no-identity",
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
    figures = dict(figures_in(found))
    assert len(figures) > 300
    for path, figure in figures.items():
        nothing = path.startswith("/controls") and figure == {"value": 0, "low": 0, "high": 0}
        unknown = figure["low"] is None and not is_share(path)
        assert nothing or unknown or figure["low"] < figure["high"], path
    assert sum(map(is_share, figures)) > 100
    assert found["controls"]["no change"]["old"]["redness"]["red"]["shift"]["value"] == 0
    assert found["truth"]["n"] == 5
    assert "controls: share of the real gap" in result.stdout
    page = tmp_path / "evaluation.html"
    assert f"page in {page}" in result.stdout
    text = page.read_text(encoding="utf-8")
    assert "redness" in text
    assert 'id="faces"' in text


def figures_in(found: object, path: str = "") -> Iterator[tuple[str, dict]]:
    """All figures with an interval of nested JSON, by their path."""
    if isinstance(found, dict) and {"value", "low", "high"} <= found.keys():
        yield path, found
    elif isinstance(found, dict):
        for name, value in found.items():
            yield from figures_in(value, f"{path}/{name}")
    elif isinstance(found, list):
        for number, value in enumerate(found):
            yield from figures_in(value, f"{path}/{number}")


def is_share(path: str) -> bool:
    """True of the shares of faces."""
    name = path.rsplit("/", 1)[1]
    return name in ("verified", "nearer", "reached") or name.startswith("moved_")


def test_mistakes_are_one_sentence(cyclegan_run: Path, trained_run: Path) -> None:
    for arguments, words in (
        (("--run", trained_run, "--judge", trained_run), "not the run of a CycleGAN"),
        (("--run", cyclegan_run, "--judge", cyclegan_run), "not the run of a classifier"),
        (("--run", "pretrained", "--judge", "pretrained"), "come without the faces"),
        (
            ("--run", cyclegan_run, "--judge", trained_run, "--own-judges", "math:pi"),
            "--own-judges math:pi",
        ),
    ):
        result = recipe_here("evaluate_cyclegan", *arguments)
        assert result.returncode == 2
        assert words in result.stderr


def numbers_in(found: object, path: str = "") -> dict[str, float]:
    """All numbers of nested JSON, by their path."""
    if isinstance(found, dict):
        parts = [numbers_in(value, f"{path}/{name}") for name, value in found.items()]
    elif isinstance(found, list):
        parts = [numbers_in(value, f"{path}/{number}") for number, value in enumerate(found)]
    else:
        return {path: float(found)} if isinstance(found, int | float) else {}
    return {name: value for part in parts for name, value in part.items()}


@pytest.mark.slow
def test_two_processes_find_what_one_does(
    cyclegan_run: Path, trained_run: Path, tmp_path: Path
) -> None:
    arguments = ("recipes/evaluate_cyclegan.py", "--run", cyclegan_run, "--judge", trained_run)
    arguments += ("--no-lpips", "--no-age-estimator", "--no-identity", "--no-controls")
    arguments += ("--most", "24")
    # after "--", or torchrun takes --run for one of its own flags
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "--")
    printed, files = [], {name: tmp_path / f"{name}.json" for name in ("one", "two")}
    for name, how in (("one", ()), ("two", launch)):
        result = subprocess.run(
            [str(x) for x in (sys.executable, *how, *arguments, "--out", files[name])],
            cwd=ROOT, capture_output=True, text=True, env=os.environ | {"ACCELERATE_USE_CPU": "1"},
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        printed.append(result.stdout.count("share_of_gap"))
    assert printed[0] == printed[1] > 0  # once, not once a process
    one, two = (numbers_in(json.loads(file.read_text())) for file in files.values())
    assert len(one) > 100
    assert one.keys() == two.keys()
    for name, value in one.items():
        assert two[name] == pytest.approx(value, rel=1e-3, abs=1e-3), name
