"""The CycleGAN's report as a real command, on generators that were trained on drawn faces."""

import shutil
from functools import partial
from pathlib import Path

from photos import recipe

from agegen.run.files import read_metrics

report = partial(recipe, "report_cyclegan")


def test_writes_the_page_of_a_trained_run(cyclegan_run: Path, tmp_path: Path) -> None:
    run = shutil.copytree(cyclegan_run, tmp_path / "run")
    done = report("--run", run)
    assert done.returncode == 0, done.stderr
    out = run / "report" / "index.html"
    assert str(out) in done.stdout
    page = out.read_text(encoding="utf-8")
    looks = [r for r in read_metrics(run / "metrics.jsonl") if r["kind"] == "watch"]
    assert f"{looks[-1]['diversity_old']:.3f}" in page
    assert f"after {looks[-1]['pairs']} pairs, the last look" in page
    assert "Trained to the end, 80 pairs." in page
    # every face of the last sheet and of the strips: 2 directions, rows of 4 and of 1 + looks
    assert page.count("data:image/jpeg") >= 2 * (4 + 1 + len(looks))


def test_writes_the_page_where_it_is_asked_to(cyclegan_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "pages" / "page.html"
    done = report("--run", cyclegan_run, "--out", out)
    assert done.returncode == 0, done.stderr
    assert out.exists()


def test_another_folder_is_one_sentence(tmp_path: Path) -> None:
    done = report("--run", tmp_path)
    assert done.returncode == 2
    assert "recipes/train_cyclegan.py" in done.stderr
    assert "Traceback" not in done.stderr
