"""MkDocs hook: every notebook of the documentation becomes a page like the others.

A notebook is turned into Markdown and its figures into files, so that search, links, their checks
and the look are those of all pages, and nothing is loaded from elsewhere (mkdocs-jupyter would
leave links to other pages as they are and load MathJax and Mermaid from a server).
"""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

LINK = re.compile(r"(\]\([^)\s]+)\.ipynb(?=[)#])")
DOWNLOAD = "[{words}]({name}.ipynb){{ .notebook download }}"
WORDS = {"fr": "Cette page en notebook"}  # by folder, else:
ENGLISH = "This page as a notebook"
FIGURES = {"image/png": "png", "image/jpeg": "jpg"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page and its figures for every notebook, which itself stays for download."""
    for file in list(files):
        if file.src_uri.endswith(".ipynb"):
            for made in make_page(file.src_uri, json.loads(file.content_string), config):
                files.append(made)
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Let links to notebooks lead to their pages; on such a page, offer the notebook."""
    linked = LINK.sub(r"\1.md", markdown)
    if page.file.generated_by is None:
        return linked
    title, _, rest = linked.partition("\n")
    uri = PurePosixPath(page.file.src_uri)
    download = DOWNLOAD.format(words=WORDS.get(uri.parent.name, ENGLISH), name=uri.stem)
    return f"{title}\n\n{download}\n{rest}"


def make_page(uri: str, notebook: dict, config: MkDocsConfig) -> Iterator[File]:
    """Make the files of a notebook: its Markdown, and a picture for every figure."""
    stem, parts = uri.removesuffix(".ipynb"), []
    for number, cell in enumerate(notebook["cells"], start=1):
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else fence("python", source))
        for place, output in enumerate(cell.get("outputs", []), start=1):
            kind, content, alt = show(output)
            if kind == "text":
                parts.append(fence("{ .text .output }", content))
                continue
            figure = f"{stem}_{number:02}_{place}.{kind}"
            yield File.generated(config, figure, content=content)
            parts.append(f"![{alt}]({PurePosixPath(figure).name}){{ .figure }}")
    yield File.generated(config, f"{stem}.md", content="\n\n".join(parts) + "\n")


def show(output: dict) -> tuple[str, str | bytes, str]:
    """What a page shows of an output: "text" or the ending of a picture, its content, its alt."""
    if output["output_type"] == "stream":
        return "text", "".join(output["text"]), ""
    data = output["data"]
    text = "".join(data.get("text/plain", ""))
    for kind, ending in FIGURES.items():
        if kind in data:
            alt = "A figure" if text.startswith("<Figure") else text.replace("[", "(")
            return ending, base64.b64decode("".join(data[kind])), alt.replace("]", ")")
    return "text", text, ""


def fence(kind: str, text: str) -> str:
    """A block of code or of printed text."""
    return f"```{kind}\n{text.rstrip()}\n```"
