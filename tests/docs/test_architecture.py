"""docs/architecture.md names every module, and none that is not there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_every_module_is_on_the_map() -> None:
    modules = {path.name for path in (ROOT / "agegen").rglob("*.py")} - {"__init__.py"}
    named = set(re.findall(r"\b\w+\.py\b", PAGE))
    # figures of a section are named by their pattern
    assert {name for name in modules - named if not name.endswith("_figures.py")} == set()


def test_the_map_shows_nothing_that_is_not_there() -> None:
    files = {path.name for folder in ("agegen", "tests") for path in (ROOT / folder).rglob("*.py")}
    named = set(re.findall(r"`[\w/]*?(\w+\.py)`", PAGE))
    assert named - files == set()
