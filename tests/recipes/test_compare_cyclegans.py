"""The comparison of trainings as a real command, on runs that were written, not trained."""

from functools import partial
from pathlib import Path

from photos import recipe
from written_cyclegans import write_cyclegan_run

compare = partial(recipe, "compare_cyclegans")


def test_the_figure_is_written_and_the_table_printed(tmp_path: Path) -> None:
    runs = [
        write_cyclegan_run(tmp_path / str(weight), judge=True, cycle_weight=weight)
        for weight in (1.0, 4.0)
    ]
    done = compare(*runs, "--out", tmp_path / "frontier.svg")
    assert done.returncode == 0, done.stderr
    assert "<svg" in (tmp_path / "frontier.svg").read_text(encoding="utf-8")
    assert "| cycle_weight 4.0 | 160 | 0.40 | 0.90 |" in done.stdout


def test_what_is_no_run_is_refused_in_a_sentence(tmp_path: Path) -> None:
    refused = compare(tmp_path, "--out", tmp_path / "frontier.svg")
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
    assert str(tmp_path) in refused.stderr
