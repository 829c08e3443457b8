"""The comparison of multi-crop schemes as a real command."""

import shutil
from functools import partial
from pathlib import Path

from photos import recipe, recipe_here

from agegen.run.files import read_json

compare = partial(recipe, "compare_multi_crop")


def test_prints_and_saves_the_comparison(trained_run: Path, tmp_path: Path) -> None:
    twin, out = shutil.copytree(trained_run, tmp_path / "twin"), tmp_path / "crops.json"
    done = compare("--runs", trained_run, twin, "--out", out)
    assert done.returncode == 0, done.stderr
    saved = read_json(out)
    assert saved["runs"] == [str(trained_run), str(twin)]
    ten = saved["schemes"]["ten"]
    (line,) = (li for li in done.stdout.splitlines() if li.startswith("ten "))
    assert f"{ten['mcnemar']['pooled']['gained']} /" in line
    assert f"{ten['accuracy_gain']['value']:+.4f} [" in line
    assert str(out) in done.stdout


def test_mistakes_are_one_sentence(trained_run: Path) -> None:
    for options, says in (
        (("--runs", trained_run, trained_run), "named twice"),
        (("--runs", trained_run, "--seed", "-1"), "cannot be negative"),
    ):
        failed = recipe_here("compare_multi_crop", *options)
        assert failed.returncode == 2
        assert says in failed.stderr
