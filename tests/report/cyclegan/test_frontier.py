"""Shift against identity: every look of every run is in the figure, and the table reads them."""

from pathlib import Path

import pytest
from written_cyclegans import write_cyclegan_run

from agegen.report.cyclegan import frontier
from agegen.report.cyclegan.frontier import compare, draw_frontier, name_runs, read_runs
from agegen.run.errors import UserError
from agegen.run.folder import Run


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    return [
        write_cyclegan_run(tmp_path / str(weight), judge=True, best=best, cycle_weight=weight)
        for weight, best in ((1.0, 80), (4.0, 0))
    ]


def test_runs_are_named_by_what_differs(runs: list[Path], tmp_path: Path) -> None:
    assert name_runs(read_runs(runs)) == ["cycle_weight 1.0", "cycle_weight 4.0"]
    assert name_runs(read_runs(runs[:1])) == ["run"]


def test_the_table_has_the_last_look_and_the_chosen_one(runs: list[Path]) -> None:
    table = compare(read_runs(runs))
    assert [row[0] for row in table.rows] == [
        "cycle_weight 1.0 (chosen as the best)",
        "cycle_weight 1.0",
        "cycle_weight 4.0",
    ]
    # the look after 80 pairs, 20 steps, has a share of 0.20 and verified 0.95; the last 0.40, 0.90
    assert table.rows[0][1:] == ("80", "0.20", "0.95", "0.20", "0.95", "–")
    assert table.rows[2][1:] == ("160", "0.40", "0.90", "0.40", "0.90", "–")


@pytest.mark.parametrize(("quality", "kept"), [(0.15, 0.9), (0.3, 0.9), (0.1, 0.96), (0.9, 0.5)])
def test_the_time_to_quality_is_that_of_the_steps_before_the_first_such_look(
    runs: list[Path], monkeypatch: pytest.MonkeyPatch, quality: float, kept: float
) -> None:
    monkeypatch.setattr(frontier, "QUALITY", quality)
    monkeypatch.setattr(frontier, "KEPT", kept)
    saved = read_runs(runs)[0]
    good = [
        pairs
        for pairs, *figures in zip(
            saved.looks["pairs"], saved.looks["judge_share_old"], saved.looks["judge_share_young"],
            saved.looks["judge_verified_old"], saved.looks["judge_verified_young"], strict=True,
        )
        if min(figures[:2]) >= quality and min(figures[2:]) >= kept
    ]  # fmt: skip
    found = frontier.time_to_quality(saved)
    if not good:
        assert found == "–"
        return
    steps = Run(saved.folder).metrics()
    rows = [r for r in steps if r["kind"] == "step" and r["pairs"] <= min(good)]
    minutes = sum(saved.config["batch_size"] / r["pairs_per_second"] for r in rows) / 60
    assert found == f"{minutes:.1f}"


def test_the_figure_says_in_words_where_the_runs_end(runs: list[Path]) -> None:
    drawn = draw_frontier(read_runs(runs))
    assert drawn.src.startswith("data:image/svg+xml;base64,")
    for weight in ("1.0", "4.0"):
        assert f"cycle_weight {weight}: to old 0.40 of the gap, 90 % verified" in drawn.alt


def test_runs_without_identity_or_of_other_faces_are_refused(
    runs: list[Path], tmp_path: Path
) -> None:
    unjudged = write_cyclegan_run(tmp_path / "unjudged")
    with pytest.raises(UserError, match="no looks with a classifier's and a matcher's"):
        read_runs([*runs, unjudged])
    saved = (runs[0] / "config.json").read_text()
    (runs[0] / "config.json").write_text(saved.replace('"checksum": "0"', '"checksum": "1"'))
    with pytest.raises(UserError, match="different faces"):
        read_runs(runs)


def test_no_runs_and_different_judges_are_refused(runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="name the folders"):
        read_runs([])
    other = write_cyclegan_run(tmp_path / "seeded", judge=True, seed=1)
    with pytest.raises(UserError, match="different held-out faces"):
        read_runs([*runs, other])


def test_runs_that_asked_for_other_shares_or_of_an_older_version_are_refused(
    runs: list[Path], tmp_path: Path
) -> None:
    other = write_cyclegan_run(tmp_path / "other", judge=True, verified=0.8)
    with pytest.raises(UserError, match="different shares of persons"):
        read_runs([*runs, other])
    metrics = runs[0] / "metrics.jsonl"
    metrics.write_text(
        metrics.read_text().replace('"judge_verified', '"judge_strength_old": 0.8, "judge_verified')
    )
    assert len(read_runs(runs[:1])) == 1
    with pytest.raises(UserError, match="of an older version"):
        read_runs(runs)


def test_a_best_look_that_is_first_or_gone_from_the_log(tmp_path: Path) -> None:
    first = write_cyclegan_run(tmp_path / "first", judge=True, best=40)
    assert [row[1] for row in compare(read_runs([first])).rows] == ["40", "160"]
    gone = write_cyclegan_run(tmp_path / "gone", judge=True, best=44)
    assert [row[1] for row in compare(read_runs([gone])).rows] == ["160"]
