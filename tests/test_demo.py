"""The demo for those without a Makefile."""

import shlex
from pathlib import Path

import pytest

from agegen import demo
from agegen.run.commands import COMMANDS
from agegen.run.errors import UserError

ROOT = Path(__file__).parents[1]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would be run; each part leaves its file."""
    calls: list[list[str]] = []
    monkeypatch.setattr(demo, "run", calls.append)
    return calls


def leave(folder: Path, *parts: demo.Part) -> None:
    for part in parts:
        path = folder / demo.FOLDER / part.ends_with
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_only_what_is_missing_is_made(
    called: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert demo.make_demo() == demo.FOLDER
    assert [words[0] for words in called] == [
        "draw", "prepare", "train-classifier", "evaluate-classifier",
    ]  # fmt: skip
    called.clear()
    leave(tmp_path, demo.FACES, demo.CLASSIFIER)
    demo.make_demo(cyclegan=True)
    assert [words[0] for words in called] == ["train-cyclegan", "report-cyclegan"]


def test_a_training_that_was_stopped_goes_on(
    called: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    leave(tmp_path, demo.FACES, demo.CLASSIFIER)
    first = tmp_path / demo.FOLDER / "cyclegan" / "generators.safetensors"  # of step 0
    first.parent.mkdir()
    first.touch()
    demo.make_demo(cyclegan=True)
    assert called[0][0] == "train-cyclegan"
    assert "--resume" in called[0]


def test_a_demo_above_is_found(
    called: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(tmp_path, demo.FACES, demo.CLASSIFIER)
    (tmp_path / "docs" / "tutorials").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "docs" / "tutorials")
    assert demo.make_demo() == tmp_path / demo.FOLDER
    assert called == []


def test_it_is_what_make_demo_makes() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    for old, new in (("$(FACES)", "$(DEMO)/faces"), ("$(DEMO)", "runs/demo")):
        makefile = makefile.replace(old, new)
    for part in (demo.FACES, demo.CLASSIFIER, demo.CYCLEGAN):
        for command in part.commands:
            name, *rest = demo.words(command, Path("runs/demo"))
            said = shlex.join([f"recipes/{COMMANDS[name]}.py", *rest])
            said = said.replace(str(demo.recipes()), "recipes")
            assert said in " ".join(makefile.split())


def test_a_command_that_fails_stops_it() -> None:
    with pytest.raises(UserError, match="agegen prepare failed"):
        demo.run(["prepare"])
