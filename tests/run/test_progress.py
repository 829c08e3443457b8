import itertools
import re

import pytest

from agegen.run import progress
from agegen.run.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""

    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_lines_come_now_and_then_with_rate_and_time_left(clock, capsys):
    with Progress(100, "decoding", "photos") as bar:
        clock.now += 10
        bar.update(10)
        assert capsys.readouterr().err == ""
        clock.now += 15
        bar.update(15, note="loss 0.5")
        line = capsys.readouterr().err
        assert line == "decoding: 25/100 photos (25%), 1.0 photos/s, about 75 s left  loss 0.5\n"
        clock.now += 15
        bar.update(75)
        assert capsys.readouterr().err == ""
    assert "100/100 photos (100%)" in capsys.readouterr().err


def test_earlier_work_does_not_enter_the_rate(clock, capsys):
    with Progress(1000, "training", "steps", initial=900) as bar:
        clock.now += 50
        bar.update(50)
        assert "950/1,000 steps (95%), 1.0 steps/s, about 50 s left" in capsys.readouterr().err


def test_slow_work_says_how_long_a_unit_takes(clock, capsys):
    with Progress(100, "training", "steps") as bar:
        clock.now += 42
        bar.update(10)
    assert "10/100 steps (10%), 4.2 s each, about 378 s left" in capsys.readouterr().err


def test_a_last_line_is_not_said_twice(clock, capsys):
    with Progress(10, "work") as bar:
        clock.now += 30
        bar.update(10)
    assert capsys.readouterr().err.count("10/10") == 1


def test_the_end_says_how_long_it_took(clock, capsys):
    with Progress(5, "work") as bar:
        clock.now += 3
        for _ in range(5):
            bar.update()
    assert re.search(r"5/5 it \(100%\).* in 3 s$", capsys.readouterr().err.strip())


@pytest.mark.parametrize("nothing", ["disabled", "no work", "an error"])
def test_silence(clock, capsys, nothing):
    try:
        with Progress(5, "work", enabled=nothing != "disabled") as bar:
            if nothing != "no work":
                bar.update(5)
            if nothing == "an error":
                raise ValueError
    except ValueError:
        assert nothing == "an error"
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    with Progress(4, "work", "faces", initial=1) as bar:
        for note in itertools.islice(("a", "", "b"), 3):
            bar.update(note=note)
        assert bar.done == 4
        assert bar.bar.n == 4
    shown = capsys.readouterr().err
    assert "work" in shown
    assert "4/4" in shown
