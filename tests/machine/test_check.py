"""The whole check in small, in this process: what it prints and writes, and what an error does."""

import json
import runpy
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

from agegen.benchmark.turns import quietly
from agegen.classifier.config import TrainConfig
from agegen.faces.store import FaceStore
from agegen.machine import check as check_module
from agegen.machine import first_step
from agegen.machine.check import GOOD, UNKNOWN, WRONG, check
from agegen.machine.config import CheckConfig
from agegen.machine.first_step import Step, Way, check_first_step
from agegen.machine.part import Part
from agegen.machine.setting import NARROW, Setting
from agegen.run.errors import UserError
from agegen.run.files import read_json

PARTS = {"machine", "first step", "resume and rollback", "waiting for the GPU"}
PARTS |= {"train, look, evaluate, classify"}


def in_this_process(call: Callable, seconds: float | None = None) -> object:
    return quietly(call)


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    threads = torch.get_num_threads()
    monkeypatch.setattr(check_module, "in_fresh_process", in_this_process)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def few_faces(drawn_store: FaceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no faces be drawn but those that other tests share."""
    monkeypatch.setattr(check_module, "opened_faces", lambda _: nullcontext(drawn_store))


def broken(setting: Setting | None) -> Part:
    raise ZeroDivisionError("a driver\nof many lines")


def whole(setting: Setting) -> Part:
    return Part(lines=["all well"], figures={"undefined": float("nan")})


def doubtful(setting: Setting) -> Part:
    return Part(problems=["it computes 5 = 2 + 2"], advice=["count anew"])


def fast(setting: Setting) -> Part:
    return Part(advice=["--batch-size 16"])


def run_with(parts: dict[str, Callable], out: Path, monkeypatch: pytest.MonkeyPatch) -> dict:
    monkeypatch.setattr(check_module, "PARTS", parts)
    check(CheckConfig(minutes=0.1, out=out), NARROW)
    return json.loads(out.read_text(), parse_constant=pytest.fail)  # no NaN


def test_a_machine_that_computes_as_it_should(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verdict = check(CheckConfig(minutes=0.1, out=tmp_path / "found.json"), NARROW)
    printed, found = capsys.readouterr().out, read_json(tmp_path / "found.json")
    assert verdict.problems == []
    assert printed.startswith(GOOD)
    assert printed.count(GOOD) == 2
    assert found["ok"] is True
    assert found["verdict"]["words"] == GOOD
    assert set(found["parts"]) == PARTS
    assert found["parts"]["machine"]["figures"]["torch"].startswith(torch.__version__.split("+")[0])
    ways = found["parts"]["first step"]["figures"]
    assert sum("bf16" in w or "2 thread" in w for w in ways) >= 2
    apart = found["parts"]["resume and rollback"]["figures"]
    assert apart["CycleGAN"]["apart"] == apart["classifier"]["apart"] == 0
    steps = found["parts"]["train, look, evaluate, classify"]["figures"]
    assert [step["ok"] for step in steps.values()] == [True] * 4


def test_a_machine_that_computes_wrongly(
    few_faces: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its losses are a tenth too large, but for the reference."""
    step_of = first_step.classifier_step

    def a_tenth_more(config: TrainConfig, store: FaceStore, way: Way) -> Step:
        found = step_of(config, store, way)
        more = {name: loss * 1.1 for name, loss in found.losses.items()}
        return found if way.threads == 1 else found._replace(losses=more)

    monkeypatch.setattr(first_step, "classifier_step", a_tenth_more)
    monkeypatch.setattr(check_module, "PARTS", {"first step": check_first_step})
    assert status_of_recipe(tmp_path / "found.json", monkeypatch) == 1
    found = read_json(tmp_path / "found.json")
    assert found["verdict"]["words"] == WRONG
    assert all(
        problem.startswith("first step: classifier computes wrongly in ")
        for problem in found["verdict"]["problems"]
    )
    assert found["verdict"]["advice"]


def status_of_recipe(out: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Run the recipe in this process."""
    recipe = str(Path(__file__).parents[2] / "recipes" / "check_machine.py")
    monkeypatch.setattr(sys, "argv", [recipe, "--minutes", "0.1", "--out", str(out)])
    try:
        runpy.run_path(recipe, run_name="__main__")
    except SystemExit as ended:
        return ended.code
    return 0


def test_a_part_that_fails_stops_no_other(
    few_faces: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = run_with({"first": broken, "second": whole}, tmp_path / "found.json", monkeypatch)
    assert found["ok"] is False
    assert found["verdict"]["words"] == UNKNOWN
    assert found["verdict"]["problems"] == ["first: failed: ZeroDivisionError: a driver"]
    assert "in broken" in found["parts"]["first"]["traceback"]
    assert found["parts"]["second"]["lines"] == ["all well"]
    assert found["parts"]["second"]["figures"] == {"undefined": None}
    assert "all well" in capsys.readouterr().out


def test_without_a_device_nothing_else_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_module, "describe_machine", lambda: broken(None))
    found = run_with({"second": whole}, tmp_path / "found.json", monkeypatch)
    assert list(found["parts"]) == ["machine"]
    assert found["verdict"]["problems"] == ["machine: failed: ZeroDivisionError: a driver"]


def test_what_is_wrong_weighs_more_than_what_failed(
    few_faces: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {"first": broken, "second": doubtful, "third": fast}
    found = run_with(parts, tmp_path / "found.json", monkeypatch)
    assert found["verdict"]["words"] == WRONG
    assert found["verdict"]["advice"] == ["count anew"]


def test_a_file_of_the_users_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("{}")
    with pytest.raises(UserError, match="agegen did not write it"):
        check(CheckConfig(minutes=0.1, out=tmp_path / "mine.json"), NARROW)


@pytest.mark.parametrize(("part", "status"), [(whole, 0), (broken, 1)])
def test_the_recipes_status(
    part: Callable, status: int, few_faces: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_module, "PARTS", {"the only one": part})
    assert status_of_recipe(tmp_path / "found.json", monkeypatch) == status
