"""Every command that the documentation names is one that its recipe accepts."""

import ast
import json
import re
import runpy
import shlex
from pathlib import Path

import pytest
import tyro

from agegen.run import cli
from agegen.run.commands import to_flags

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "docs").rglob("*.ipynb")),
]
RECIPES = sorted((ROOT / "recipes").glob("*.py"))
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(recipes/\w+\.py)(.*)")
LOOP = re.compile(  # an innermost one
    r"\bfor (\w+) in ([^;\n]+); do\b((?:(?!\bfor \w+ in\b).)*?)(?:^\s*|; )done\b",
    re.MULTILINE | re.DOTALL,
)


def unrolled(text: str) -> str:
    """The shell's loops written out: their commands once for each value."""

    def body(loop: re.Match) -> str:
        name, values, commands = loop.groups()
        variable = re.compile(rf"\$(?:{name}\b|\{{{name}\}})")
        return "\n".join(variable.sub(value, commands) for value in values.split())

    while LOOP.search(text):
        text = LOOP.sub(body, text)
    return text


def commands_in(text: str) -> list[tuple[str, str]]:
    """Recipe and arguments of every command: lines joined, loops written out, no comments."""
    lines = text.replace("\\\n", " ").splitlines()
    return COMMAND.findall(unrolled("\n".join(line.split("  #")[0] for line in lines)))


def test_loops_are_written_out() -> None:
    loops = """
for a in 1 2; do
    for b in x y; do
        recipes/p.py --a ${a}_$b
    done
    recipes/q.py --a $a   # $b
done
for c in 3 4; do recipes/r.py $c; done
"""
    assert [(recipe, arguments.strip()) for recipe, arguments in commands_in(loops)] == [
        *(("recipes/p.py", f"--a 1_{b}") for b in "xy"),
        ("recipes/q.py", "--a 1"),
        *(("recipes/p.py", f"--a 2_{b}") for b in "xy"),
        ("recipes/q.py", "--a 2"),
        ("recipes/r.py", "3"),
        ("recipes/r.py", "4"),
    ]


def test_no_variable_is_left_in_a_documented_command() -> None:
    assert [found for found in documented() if "$" in found[2]] == []


def read(page: Path) -> str:
    """The text of a page; of a notebook, that of its Markdown cells."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".md":
        return text
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]
    return "\n\n".join("".join(cell["source"]) for cell in cells)


def documented() -> list[tuple[str, str, str]]:
    found = [
        (str(page.relative_to(ROOT)), recipe, arguments)
        for page in PAGES
        for language, block in BLOCK.findall(read(page))
        if language in ("", "bash", "sh")
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
    given = [flag for name, value in preset.items() for flag in to_flags(name, value)]
    try:
        tyro.cli(types[0], args=given + rest, console_outputs=False)
    except SystemExit:
        pytest.fail(f"{page}: {recipe} does not accept {arguments}")
