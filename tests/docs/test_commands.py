"""Every command that the documentation names is one that its recipe accepts."""

import ast
import re
import runpy
import shlex
from pathlib import Path

import pytest
import tyro

from agegen import cli

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RECIPES = sorted((ROOT / "recipes").glob("*.py"))
BLOCK = re.compile(r"^```(?:bash|sh)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(recipes/\w+\.py)(.*)")


def commands_in(text: str) -> list[tuple[str, str]]:
    """Recipe and arguments of every command, continued lines joined, comments left out."""
    lines = text.replace("\\\n", " ").splitlines()
    return COMMAND.findall("\n".join(line.split("  #")[0] for line in lines))


def documented() -> list[tuple[str, str, str]]:
    found = [
        (str(page.relative_to(ROOT)), recipe, arguments)
        for page in PAGES
        for block in BLOCK.findall(page.read_text(encoding="utf-8"))
        for recipe, arguments in commands_in(block)
    ]
    for recipe in RECIPES:
        usage = ast.get_docstring(ast.parse(recipe.read_text(encoding="utf-8"))) or ""
        name = str(recipe.relative_to(ROOT))
        found += [(name, *command) for command in commands_in(usage) if command[0] == name]
    return found


def test_pages_and_recipes_name_commands() -> None:
    assert {recipe for _, recipe, _ in documented()} == {
        str(recipe.relative_to(ROOT)) for recipe in RECIPES
    }


@pytest.mark.parametrize(("page", "recipe", "arguments"), documented())
def test_the_recipe_accepts_it(
    page: str, recipe: str, arguments: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if arguments.strip() in ("", "--help"):
        return
    types: list[type] = []
    monkeypatch.setattr(cli, "run_recipe", lambda config_type, *_: types.append(config_type))
    monkeypatch.chdir(ROOT)
    runpy.run_path(recipe, run_name="__main__")
    preset, rest = cli.split_preset(shlex.split(arguments))
    given = [flag for name, value in preset.items() for flag in cli.to_flags(name, value)]
    try:
        tyro.cli(types[0], args=given + rest, console_outputs=False)
    except SystemExit:
        pytest.fail(f"{page}: {recipe} does not accept {arguments}")
