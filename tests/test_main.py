"""The one command for all recipes."""

import subprocess
import sys
from pathlib import Path

import pytest

from agegen import __version__
from agegen.__main__ import main, recipes
from agegen.report.parts.templates import render
from agegen.run.commands import COMMANDS, as_commands, called

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
    assert "docs/index.md of the source, which pip does not install" in done.stdout


def test_a_wrong_command_is_one_sentence() -> None:
    done = agegen("fly")
    assert done.returncode == 2
    assert done.stderr == "error: agegen has no command 'fly'; agegen alone lists them\n"
    near = agegen("trian").stderr
    assert near.startswith("error: agegen has no command 'trian'; did you mean train-c")


def test_it_runs_the_recipe_from_anywhere(tmp_path: Path) -> None:
    done = agegen("draw", "--out", "photos", "--faces", 4, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "photos").glob("*.jpg"))) == 4
    wrong = agegen("draw", "--out", "photos", "--faces", "many", folder=tmp_path)
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr


def test_help_and_sentences_name_commands_not_recipes(tmp_path: Path) -> None:
    shown = agegen("evaluate", "--help").stdout
    assert shown.startswith("usage: agegen evaluate [")
    assert "    agegen evaluate --run runs/cyclegan --judge runs/utkface" in shown
    assert "recipes/" not in shown
    wrong = agegen("audit", "--faces", tmp_path)
    assert wrong.stderr.endswith("see agegen prepare\n")


@pytest.mark.parametrize(
    ("recipe", "command"),
    [
        ("python recipes/train_cyclegan.py --resume", "agegen train-cyclegan --resume"),
        ("accelerate launch recipes/train_cyclegan.py",
         "accelerate launch -m agegen train-cyclegan"),
        ("torchrun --nproc_per_node 2 recipes/train_classifier.py",
         "torchrun --nproc_per_node 2 -m agegen train-classifier"),
        ("made by recipes/prepare_faces.py", "made by agegen prepare"),
        ("python recipes/benchmark_photos.py", "python recipes/benchmark_photos.py"),
    ],
)  # fmt: skip
def test_recipes_become_commands(recipe: str, command: str) -> None:
    assert as_commands(f"First.\n{recipe}\nLast.") == f"First.\n{command}\nLast."


@pytest.mark.parametrize("recipe", COMMANDS.values())
def test_every_recipe_is_there(recipe: str) -> None:
    assert (recipes() / f"{recipe}.py").is_file()


def test_the_version_is_printed(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["agegen", "--version"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"{__version__}\n"


def test_a_command_over_lines_and_a_page_of_it() -> None:
    text = (
        "accelerate launch \\\n    recipes/train_cyclegan.py --out x\npython recipes/draw_faces.py"
    )
    expected = "accelerate launch \\\n    -m agegen train-cyclegan --out x\nagegen draw"
    assert as_commands(text) == expected
    assert as_commands("recipes/mine.py") == "recipes/mine.py"
    asked = {"name": "x", "questions": [{"text": "python recipes/draw_faces.py"}]}
    assert "python recipes/draw_faces.py" in render("blind_test/page.html", **asked)
    token = called.set("blind-test")
    page = render("blind_test/page.html", **asked)
    called.reset(token)
    assert "agegen draw" in page
    assert "recipes/" not in page
