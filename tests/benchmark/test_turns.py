"""Turns: fresh processes, ratios, speeds read from a run."""

import os
from functools import partial
from pathlib import Path

import pytest

from agegen.benchmark.turns import (
    Contestant,
    Meter,
    Speed,
    in_fresh_process,
    logged_speed,
    ratios,
    take_turns,
)
from agegen.run.errors import UserError
from agegen.run.folder import Run


def test_ratios_are_those_of_each_round() -> None:
    mine, theirs = [Speed(6, 0), Speed(10, 0)], [Speed(2, 0), Speed(5, 0)]
    assert ratios(mine, theirs) == [3, 2]


def test_every_turn_has_a_process_of_its_own() -> None:
    assert len({os.getpid(), in_fresh_process(os.getpid), in_fresh_process(os.getpid)}) == 3


def test_a_killed_process_is_one_sentence() -> None:
    with pytest.raises(UserError, match=r"the system ended _exit"):
        in_fresh_process(partial(os._exit, 1))


def test_all_contestants_take_all_rounds(capsys: pytest.CaptureFixture) -> None:
    both = [Contestant(str(n), partial(Speed, float(n), 1.0), "float32", 1.0) for n in (1, 2)]
    group = take_turns("a race", both, 2, Meter(4))
    assert group.turns == [[Speed(1, 1), Speed(1, 1)], [Speed(2, 1), Speed(2, 1)]]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["[1/4", "[2/4", "[3/4", "[4/4"]
    assert lines[1].endswith("a race, round 1: 2: 2.0 images/s")
    assert lines[3].startswith("[4/4, 0.0 min left]")


def test_the_warm_up_does_not_count(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.log(
        [
            {"kind": "step", "step": step, "pairs_per_second": pace, "peak_gib": memory}
            for step, pace, memory in ((1, 1.0, 9.0), (2, 5.0, 0.5), (3, 7.0, 0.7), (4, 7.0, 0.6))
        ]
    )
    assert logged_speed(run, 1, "pairs_per_second", 2) == Speed(14.0, 0.7, None)


def test_a_turn_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    late = f"import time; time.sleep(2); open({str(tmp_path / 'late')!r}, 'w')"
    with pytest.raises(UserError, match="exec took more than 0 s"):
        in_fresh_process(partial(exec, late), 0.1)
    assert not (tmp_path / "late").exists()
