"""The French chapters: the English ones' code and outputs, with other words around them."""

import importlib.util
import json
import re
import shutil
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
ENGLISH = ROOT / "docs" / "tutorials" / "classifier"
FRENCH = ENGLISH / "fr"
CHAPTERS = sorted(path.name for path in ENGLISH.glob("*.ipynb"))
LINK = re.compile(r"\]\(([^)\s#]+)[^)\s]*\)")
LONG = 80  # characters: shorter cells and paragraphs may be the same, a command alone, say
LARGEST = 300_000  # bytes
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def cells(path: Path, kind: str) -> list[dict]:
    return [cell for cell in read(path)["cells"] if cell["cell_type"] == kind]


def sources(path: Path, kind: str) -> list[str]:
    return ["".join(cell["source"]) for cell in cells(path, kind)]


def written(path: Path) -> str:
    """The text of a page; of a notebook, that of its Markdown cells."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    return "\n\n".join(sources(path, "markdown"))


def test_every_chapter_is_there_in_french() -> None:
    assert CHAPTERS
    assert sorted(path.name for path in FRENCH.glob("*.ipynb")) == CHAPTERS


@pytest.mark.parametrize("name", CHAPTERS)
def test_code_and_outputs_are_the_english_ones(name: str) -> None:
    french, english = FRENCH / name, ENGLISH / name
    assert sources(french, "code") == sources(english, "code")
    assert cells(french, "code") == cells(english, "code")  # outputs, ids, numbers
    assert read(french)["metadata"] == read(english)["metadata"]
    assert french.stat().st_size <= LARGEST


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_cell_is_at_its_place(name: str) -> None:
    french, english = read(FRENCH / name)["cells"], read(ENGLISH / name)["cells"]
    assert [(c["cell_type"], c["id"]) for c in french] == [
        (c["cell_type"], c["id"]) for c in english
    ]


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_words_are_french(name: str) -> None:
    pairs = zip(
        sources(FRENCH / name, "markdown"), sources(ENGLISH / name, "markdown"), strict=True
    )
    for french, english in pairs:
        assert len(french) <= LONG or french != english
        assert FENCE.findall(french) == FENCE.findall(english)  # the same commands
        assert french.count("\n## ") == english.count("\n## ")
        long = {p for p in FENCE.sub("", english).split("\n\n") if len(p) > LONG}
        assert long.isdisjoint(french.split("\n\n"))


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_title_is_the_question_of_the_course(name: str) -> None:
    title, asked = sources(FRENCH / name, "markdown")[0].split("\n\n")
    english, french = sources(ENGLISH / name, "markdown")[0].split("\n\n")
    number, question = english.removeprefix("# ").split(". ", 1)
    assert title.replace("\N{NO-BREAK SPACE}", " ") == f"# {number}. {french.strip('*')}"
    assert asked == f"*{question}*"


@pytest.mark.parametrize("name", ["README.md", *CHAPTERS])
def test_links_lead_to_files(name: str) -> None:
    links = [link for link in LINK.findall(written(FRENCH / name)) if "://" not in link]
    assert [link for link in links if not (FRENCH / link).is_file()] == []


def test_the_index_leads_to_every_french_chapter_and_back() -> None:
    links = LINK.findall(written(FRENCH / "README.md"))
    assert set(CHAPTERS) <= set(links)
    assert "../README.md" in links
    assert "fr/README.md" in LINK.findall(written(ENGLISH / "README.md"))


@pytest.fixture
def translations() -> ModuleType:
    pytest.importorskip("nbformat", reason="the extra docs is not installed")
    spec = importlib.util.spec_from_file_location(
        "translations", ROOT / "docs/tools/translations.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def chapter(tmp_path: Path) -> Path:
    """A copy of a chapter, with a French one beside it."""
    (tmp_path / "fr").mkdir()
    shutil.copy(ENGLISH / CHAPTERS[0], tmp_path / "one.ipynb")
    shutil.copy(FRENCH / CHAPTERS[0], tmp_path / "fr" / "one.ipynb")
    return tmp_path / "one.ipynb"


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_new_outputs_are_copied(translations: ModuleType, chapter: Path) -> None:
    french = chapter.parent / "fr" / chapter.name
    words = sources(french, "markdown")
    notebook = read(chapter)
    notebook["cells"][5]["outputs"] = [{"name": "stdout", "output_type": "stream", "text": ["new"]}]
    notebook["metadata"]["agegen"]["executed"] = "another time"
    chapter.write_text(json.dumps(notebook), encoding="utf-8")
    assert cells(french, "code") != cells(chapter, "code")
    translations.copy_to_translations(chapter)
    assert cells(french, "code") == cells(chapter, "code")
    assert read(french)["metadata"] == notebook["metadata"]
    assert sources(french, "markdown") == words


def test_other_code_is_refused(translations: ModuleType, chapter: Path) -> None:
    french = chapter.parent / "fr" / chapter.name
    rewrite(chapter, "layers[:6]", "layers[:7]")
    before = french.read_bytes()
    for refuse in (translations.check_translations, translations.copy_to_translations):
        with pytest.raises(translations.DifferentCodeError, match=r"code cell 3 of .*one\.ipynb"):
            refuse(chapter)
    assert french.read_bytes() == before


def test_a_missing_cell_is_refused(translations: ModuleType, chapter: Path) -> None:
    french = chapter.parent / "fr" / chapter.name
    notebook = read(french)
    notebook["cells"].pop(1)
    french.write_text(json.dumps(notebook), encoding="utf-8")
    with pytest.raises(translations.DifferentCodeError, match="has 5 code cells, its original 6"):
        translations.check_translations(chapter)
