"""Turns as far as the time allows; a table of those who took one; flags that pay."""

from pathlib import Path

import pytest

from agegen.benchmark.machine import Machine
from agegen.benchmark.turns import Contestant, Speed
from agegen.faces.store import FaceStore
from agegen.machine import speeds
from agegen.machine.contestants import FIRST, Entry, all_entries
from agegen.machine.part import Clock
from agegen.machine.setting import NARROW, Setting, settle

PEAKS = {"float32": 1e12, "bf16": 2e12}
MACHINE = Machine("CPU", 2, 2, "", 0, "2", "today", ("float32", "bf16"), PEAKS)


def entry(name: str, speed: float, flags: str | None, batch: int = 4) -> Entry:
    contestant = Contestant(name, lambda: Speed(speed, 1.0), "bf16", 1e9)
    if speed < 0:
        contestant = Contestant(name, lambda: 1 // 0, "bf16", 1e9)  # type: ignore[arg-type]
    return Entry("CycleGAN", batch, contestant, flags, FIRST)


@pytest.fixture
def setting() -> Setting:
    return settle(True, "bf16", Path(), NARROW, quick=False)


def test_one_that_fails_is_said_and_the_others_go_on(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [
        entry("plain step", 10, None),
        entry("broken", -1, "--compile"),
        entry("ours", 30, ""),
    ]
    monkeypatch.setattr(speeds, "in_fresh_process", lambda call, seconds: call())
    monkeypatch.setattr(speeds, "look_at_machine", lambda: MACHINE)
    monkeypatch.setattr(speeds, "all_entries", lambda *_: entries)
    part = speeds.measure_speeds(setting, Clock(minutes=5))
    assert [len(e.turns) for e in entries] == [speeds.ROUNDS, 0, speeds.ROUNDS]
    assert "failed: CycleGAN, batch 4: broken: ZeroDivisionError" in "\n".join(part.lines)
    [ours] = [line.split() for line in part.lines if line.startswith("ours")]
    assert ours[1:3] == ["30.0", "3.00"]
    assert part.problems == []
    assert part.advice == ["recipes/train_cyclegan.py: the defaults (30.0 images/s, 1.0 GiB)"]


def test_without_time_nothing_is_measured(setting: Setting) -> None:
    assert speeds.measure_speeds(setting, Clock(minutes=0)).lines == [
        "no time was left: not measured"
    ]


def test_one_that_the_end_cuts_off_is_no_failure(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut, clock = entry("cut", -1, ""), Clock(minutes=0)
    monkeypatch.setattr(speeds, "in_fresh_process", lambda call, seconds: call())
    speeds.take_turn(cut, 0, clock)
    assert cut.fault == ""
    assert speeds.report(setting, MACHINE, [cut]).lines == [
        "left out, as the time was over: CycleGAN, batch 4: cut"
    ]


def test_a_compiled_one_must_have_time() -> None:
    quick, slow = entry("ours", 10, ""), entry("compiled", 20, "--compile")
    quick.seconds = 10.0
    assert speeds.expected_seconds(slow, [quick, slow]) == 10 * speeds.LONGER
    slow.seconds = 12.0
    assert speeds.expected_seconds(slow, [quick, slow]) == 12.0


def test_who_took_no_turn_is_left_out(setting: Setting) -> None:
    entries = [entry("plain step", 10, None), entry("ours", 30, ""), entry("late", 40, "--compile")]
    for taker in entries[:2]:
        taker.turns.append(taker.contestant.call())
    part = speeds.report(setting, MACHINE, entries)
    assert part.lines[-1] == "left out, as the time was over: CycleGAN, batch 4: late"


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ([("a", 31, "--channels-last", 4)], ["the defaults (30.0"]),  # within the noise
        ([("a", 40, "--compile", 4)], ["--compile (40.0"]),
        (
            [("a", 40, "--compile", 4), ("b", 90, "", 16)],
            ["--compile (40.0", "--batch-size 16 (90.0"],
        ),
        ([("a", 90, None, 4)], ["the defaults (30.0"]),  # no flag does it
    ],
)
def test_flags_that_pay(others: list[tuple], said: list[str]) -> None:
    entries = [entry("default", 30, ""), *(entry(*other) for other in others)]
    for taker in entries:
        taker.turns.append(taker.contestant.call())
    advice = speeds.advise("recipe", "CycleGAN", entries, "")
    assert [line.removeprefix("recipe: ").split(" images")[0] for line in advice] == said


def test_flags_must_pay_in_every_round() -> None:
    default, other = entry("default", 30, ""), entry("other", 40, "--compile")
    default.turns, other.turns = [Speed(30, 1), Speed(36, 1)], [Speed(42, 1), Speed(35, 1)]
    [advice] = speeds.advise("recipe", "CycleGAN", [default, other], "")
    assert advice.startswith("recipe: the defaults")


def test_a_busy_machine_gives_no_flags(setting: Setting) -> None:
    default, other = entry("default", 30, ""), entry("other", 40, "--compile")
    default.turns, other.turns = [Speed(30, 1), Speed(10, 1)], [Speed(42, 1), Speed(41, 1)]
    [advice] = speeds.advice(setting, [default, other])
    assert advice.startswith("the machine was busy: one setting was 3.0 times")


@pytest.mark.parametrize("gpu", [False, True])
def test_each_group_begins_with_what_others_are_compared_with(
    gpu: bool, drawn_store: FaceStore
) -> None:
    setting = settle(gpu, "bf16", drawn_store.folder, NARROW, quick=True)
    entries = all_entries(setting, MACHINE)
    assert [e.rank for e in entries] == sorted(e.rank for e in entries)
    first = {}
    for e in entries:
        first.setdefault((e.training, e.batch), e.contestant.name)
    assert {n for (t, _), n in first.items() if t == "CycleGAN"} == {"plain step, float32"}
    assert len(first) == (5 if gpu else 2)
    defaults: dict = {}
    for e in entries:
        if e.flags == "":
            defaults.setdefault(e.training, e.batch)
    assert defaults == {"CycleGAN": 4 if gpu else 1, "classifier": 64}
    compiled = [(e.training, e.batch) for e in entries[8:10] if e.compiles]
    assert compiled == ([("CycleGAN", 4), ("classifier", 64)] if gpu else [])
    assert any("cuDNN not tuned" in e.contestant.name for e in entries) == gpu
