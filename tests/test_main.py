"""The one command for all recipes."""

import subprocess
import sys
from pathlib import Path

import pytest

from agegen.__main__ import COMMANDS, recipes

ROOT = Path(__file__).parents[1]


def agegen(*arguments: object, folder: Path = ROOT) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "agegen", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
    )


def test_without_a_command_it_says_where_to_start() -> None:
    done = agegen()
    assert done.returncode == 0
    for command in COMMANDS:
        assert f"  {command} " in done.stdout
    assert "Start without any data" in done.stdout
    assert str(recipes() / "configs") in done.stdout


def test_a_wrong_command_is_one_sentence() -> None:
    done = agegen("fly")
    assert done.returncode == 1
    assert done.stderr == "error: agegen has no command 'fly'\n"


def test_it_runs_the_recipe_from_anywhere(tmp_path: Path) -> None:
    done = agegen("draw", "--out", "photos", "--faces", 4, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "photos").glob("*.jpg"))) == 4
    wrong = agegen("draw", "--out", "photos", "--faces", "many", folder=tmp_path)
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr


@pytest.mark.parametrize("recipe", COMMANDS.values())
def test_every_recipe_is_there(recipe: str) -> None:
    assert (recipes() / f"{recipe}.py").is_file()
