"""Pages visited in a browser, where there is one."""

import shutil
import subprocess
from pathlib import Path

import pytest

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(not BROWSER, reason="no Chromium to visit the page with")


def visit(page: str, folder: Path, script: str) -> str:
    """The text of a page after a script has acted on it; `folder` takes the browser's files."""
    visited = folder / "visited.html"
    visited.write_text(page.replace("</body>", f"<script>{script}</script></body>"))
    return subprocess.run(
        [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
         "--disable-background-networking", f"--user-data-dir={folder / 'profile'}",
         visited.as_uri()],
        capture_output=True, text=True, timeout=120,
    ).stdout  # fmt: skip
