"""The documentation site: builds without a warning, loads nothing from elsewhere, links lead on."""

import importlib.util
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src"}
FETCHING = {"stylesheet", "icon", "preload", "preconnect", "dns-prefetch", "modulepreload"}

pytestmark = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("mkdocs", "material", "mkdocstrings")),
    reason="the extra docs is not installed (pip install 'agegen[docs]')",
)


class Page(HTMLParser):
    """What one page loads, links to, and offers as anchors."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if LOADED.get(tag) in given:
            self.loads.append(given[LOADED[tag]])
        if tag == "link" and set(given.get("rel", "").split()) & FETCHING:
            self.loads.append(given["href"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    # the page for missing addresses has absolute links: it may be shown at any depth
    return {path: Page(path) for path in site.rglob("*.html") if path.name != "404.html"}


def test_every_page_is_there(site: Path, pages: dict[Path, Page]) -> None:
    sources = {
        path.relative_to(ROOT / "docs")
        for kind in ("*.md", "*.ipynb")
        for path in (ROOT / "docs").rglob(kind)
    }
    wanted = {
        site / source.with_name("index.html" if source.stem == "README" else f"{source.stem}.html")
        for source in sources
    }
    assert wanted == pages.keys()


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: dict[Path, Page]) -> None:
    loads = [(page.path.name, address) for page in pages.values() for address in page.loads]
    assert loads
    assert [(name, a) for name, a in loads if urlsplit(a).netloc] == []
    sheets = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.css")}
    assert sheets
    assert [
        path.name for path, text in sheets.items() if "url(http" in text or "url(//" in text
    ] == []


def test_links_and_files_resolve(pages: dict[Path, Page]) -> None:
    broken = []
    checked = 0
    for page in pages.values():
        for address in page.links + page.loads:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            checked += 1
            target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
            missing = not target.is_file()
            lost = target in pages and parts.fragment and not has(pages[target], parts.fragment)
            if missing or lost:
                broken.append((page.path.name, address))
    assert checked > len(pages)
    assert broken == []


def test_a_notebook_is_a_page_with_its_code_output_and_figures(
    site: Path, pages: dict[Path, Page]
) -> None:
    path = site / "tutorials" / "classifier" / "03_learning_curve.html"
    text, page = path.read_text(encoding="utf-8"), pages[path]
    assert "make_demo" in text
    assert "in the first step, 0." in text  # printed
    assert sum(address.startswith("03_learning_curve_") for address in page.loads) == 3
    assert "03_learning_curve.ipynb" in page.links
    assert (path.parent / "03_learning_curve.ipynb").is_file()
    to_notebooks = [address for p in pages.values() for address in p.links if ".ipynb" in address]
    assert len(to_notebooks) == len(list((ROOT / "docs").rglob("*.ipynb")))  # else to pages


def has(page: Page, fragment: str) -> bool:
    """True if a page has the anchor; those that begin with __ are switches of the theme's."""
    return unquote(fragment) in page.anchors or fragment.startswith("__")


def test_the_reference_shows_docstrings(site: Path) -> None:
    page = (site / "reference" / "faces.html").read_text(encoding="utf-8")
    assert "agegen.faces.store.FaceStore" in page  # the anchor
    assert "memory-mapped read-only" in page  # of its docstring
