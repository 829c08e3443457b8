"""Pages visited in a browser, where there is one."""

import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(not BROWSER, reason="no Chromium to visit the page with")
needs_driver = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="no Chromium with chromedriver to visit the page with"
)


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


@contextmanager
def driven(folder: Path) -> Iterator[Callable[..., Any]]:
    """A browser that is told what to do by WebDriver: a command's path, and what goes with it."""
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server"]
    chrome = {"binary": BROWSER, "args": [*flags, f"--user-data-dir={folder / 'profile'}"]}
    open_ = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
    process = subprocess.Popen([str(DRIVER), "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        started = (re.search(r"successfully on port (\d+)", line) for line in process.stdout)
        address = f"http://127.0.0.1:{next(filter(None, started))[1]}/session"

        def tell(path: str, method: str = "POST", **arguments: Any) -> Any:
            body = json.dumps(arguments).encode()
            asked = urllib.request.Request(address + path, body, method=method)
            with open_(asked, timeout=120) as answer:
                return json.load(answer)["value"]

        wanted = {"alwaysMatch": {"goog:chromeOptions": chrome}}
        address += f"/{tell('', capabilities=wanted)['sessionId']}"
        yield tell
        tell("", "DELETE")
    finally:
        process.terminate()
        process.communicate()
