"""The code of every tutorial is run on drawn faces, in the order of its page."""

import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHAPTERS = [*sorted((ROOT / "docs" / "tutorials").rglob("*.md")), ROOT / "docs" / "extending.md"]
OWN_FILE = re.compile(r"# (my_\w+\.py)\n")  # the first line of a file that the reader writes
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def demo(trained_run: Path, drawn_store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what `make demo` leaves in runs/demo, only smaller."""
    folder = tmp_path_factory.mktemp("tutorials")
    shutil.copytree(trained_run, folder / "runs" / "demo" / "classifier")
    shutil.copytree(drawn_store.folder, folder / "runs" / "demo" / "faces")
    return folder


def code_blocks(chapter: Path) -> list[str]:
    return BLOCK.findall(chapter.read_text(encoding="utf-8"))


def test_there_is_a_chapter_for_every_question_of_the_course() -> None:
    numbers = [path.name[:2] for path in (ROOT / "docs/tutorials/classifier").glob("[0-9]*.md")]
    assert sorted(numbers) == [f"{number:02}" for number in range(1, 13) if number != 11]


@pytest.mark.parametrize(
    "chapter", [c for c in CHAPTERS if code_blocks(c)], ids=lambda path: path.stem
)
def test_its_code_runs(chapter: Path, demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(demo)
    monkeypatch.syspath_prepend(str(demo))
    names: dict = {"__name__": "tutorial"}
    for number, block in enumerate(code_blocks(chapter), 1):
        if own := OWN_FILE.match(block):
            assert len(block.splitlines()) <= 30
            Path(own[1]).write_text(block, encoding="utf-8")
            continue
        exec(compile(block, f"{chapter.name}, block {number}", "exec"), names)
