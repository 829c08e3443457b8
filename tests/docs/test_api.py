"""The public API: one list of names, each importable, explained, and in the reference."""

import re
from importlib import import_module
from pathlib import Path

import pytest

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
ROW = re.compile(r"^\| \[`(agegen\.[\w.]+)`\]\((\w+\.md)#([\w.]+)\) \| \S.* \|$", re.MULTILINE)


def listed() -> list[tuple[str, str, str]]:
    """Name, page and anchor of every row of the list."""
    return ROW.findall((REFERENCE / "index.md").read_text(encoding="utf-8"))


def explained() -> list[tuple[str, str]]:
    """Name and page of everything whose docstring the pages show."""
    return [
        (name, page.name)
        for page in sorted(REFERENCE.glob("*.md"))
        for name in re.findall(r"^::: (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    ]


def test_every_row_names_one_thing_and_links_to_it() -> None:
    text = (REFERENCE / "index.md").read_text(encoding="utf-8")
    assert len(listed()) == text.count("\n| [`agegen.")
    assert [name for name, _, anchor in listed() if anchor != name] == []


def test_the_list_is_what_the_reference_explains() -> None:
    named = [(name, page) for name, page, _ in listed()]
    assert len(set(named)) == len(named)
    assert sorted(named) == sorted(explained())


@pytest.mark.parametrize("name", [name for name, _, _ in listed()])
def test_a_listed_name_can_be_imported_and_has_a_docstring(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    found = getattr(import_module(module), attribute)
    assert found.__doc__, f"{name} has no docstring"
    assert not found.__doc__.startswith(f"{attribute}("), "the one that dataclasses make"
