"""`agegen app`: the page served on this machine, until it is stopped."""

import importlib.util
import os
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from agegen.app.limits import SEARCH_PIXELS, Limits
from agegen.photos.sets import require_search_megapixels
from agegen.run.errors import UserError
from agegen.run.files import lock
from agegen.run.pretrained import PRETRAINED, require_run

PREFIX = "agegen_app_"  # of the folder of temporary files
SWEEP_EVERY, FILES_KEPT = 60, 300  # seconds
# Gradio asks for its newest version, counts its users and keeps what they did, unless it is told.
QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_RUN_HISTORY": "False",
    "GRADIO_SHARE": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


@dataclass(frozen=True)
class AppConfig:
    """What the page shows, and to whom."""

    run: Path = PRETRAINED
    """Folder of the CycleGAN's training; pretrained means the generators that come with agegen."""
    classifier: Path = PRETRAINED
    """Folder of the trained classifier; pretrained means the one that comes with agegen."""
    host: str = "127.0.0.1"
    """The address that the page answers at: others than this machine's own let the network in."""
    port: int = 7860
    """Of that address."""
    browser: bool = False
    """Open the page in a browser."""
    megabytes: float = 20.0
    """Larger files are refused."""
    megapixels: float = 50.0
    """Photos of more are refused."""
    search_megapixels: float = SEARCH_PIXELS / 1e6
    """Larger photos are shrunk to so many megapixels to be searched; more finds smaller faces and
    takes proportionally longer."""

    def __post_init__(self) -> None:
        require_search_megapixels(self.search_megapixels)
        if not 0.01 <= self.megabytes <= 1000:
            raise UserError("--megabytes must be between 0.01 and 1000")
        if not 0.1 <= self.megapixels <= 250:
            raise UserError("--megapixels must be between 0.1 and 250")
        if not 1 <= self.port <= 65535:
            raise UserError("--port must be between 1 and 65535")


def serve(config: AppConfig) -> None:
    """Load the networks, and show the page until Ctrl-C or SIGTERM.

    What visitors send lies in memory and in a folder that goes with the process; that of a killed
    one goes when the next one starts.

    Raises:
        UserError: an extra is not installed, a run is missing or damaged, the port is taken, or
            the page cannot be reached.
    """
    require_extra()
    require_run(config.run, "cyclegan")
    require_run(config.classifier, "classifier")
    require_port(config.host, config.port)
    from agegen.app.studio import load_studio  # PyTorch takes seconds: mistakes are told before

    limits = Limits(config.megabytes, config.megapixels)
    studio = load_studio(
        config.run, config.classifier, round(config.search_megapixels * 1e6), limits
    )
    with own_folder() as folder:
        # before it is imported
        os.environ |= QUIET | no_proxy_to(config.host) | {"GRADIO_TEMP_DIR": str(folder)}
        from agegen.app.page import Visits, build_page, launch

        visits = Visits()
        page = build_page(studio, visits, cards_of(config))
        with explained_port(config.host, config.port):
            address = launch(page, config.host, config.port, config.megabytes, config.browser)
        print(f"open {address} (Ctrl-C ends it)", flush=True)
        try:
            while True:
                time.sleep(SWEEP_EVERY)
                sweep(folder)
                visits.forget_unused()
        finally:
            page.close(verbose=False)


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder for all temporary files of this process, which goes with it.

    It is locked meanwhile: so the next process can tell what a killed one has left, and removes it.
    """
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as made:
        held = lock(Path(made), f"another command is at work in {made}")
        remove_left(Path(made))
        files = Path(made, "files")  # beside the lock, which is not to be swept
        files.mkdir()
        before, tempfile.tempdir = tempfile.tempdir, str(files)
        try:
            yield files
        finally:
            tempfile.tempdir = before
            if held:
                held.close()


def remove_left(own: Path) -> None:
    """Remove what killed processes have left beside this one's folder."""
    user = own.stat().st_uid
    for folder in own.parent.glob(f"{PREFIX}*"):
        with suppress(OSError, UserError):  # it has just gone, or another process has the lock
            found = folder.lstat()
            # others' folders may hold anything; a new one may not be locked yet
            fit = stat.S_ISDIR(found.st_mode) and found.st_uid == user
            if not fit or found.st_mtime > time.time() - SWEEP_EVERY:
                continue
            if held := lock(folder, "in use"):
                shutil.rmtree(folder, ignore_errors=True)
                held.close()


def no_proxy_to(host: str) -> dict[str, str]:
    """Settings by which no proxy is asked for the page: Gradio asks its own server for it."""
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY", "")
    hosts = ",".join(dict.fromkeys([*given.split(","), "127.0.0.1", "localhost", host]))
    return {"no_proxy": hosts.strip(","), "NO_PROXY": hosts.strip(",")}


def sweep(folder: Path) -> None:
    """Remove what nobody has asked for of late; Gradio itself forgets files of moves cut short."""
    oldest = time.time() - FILES_KEPT
    for path in sorted(folder.rglob("*"), reverse=True):  # what a folder holds comes before it
        with suppress(OSError):  # it has just gone, or is a folder in use
            if path.stat().st_mtime < oldest:
                remove = path.rmdir if path.is_dir() else path.unlink
                remove()


def require_extra() -> None:
    """Refuse to start without Gradio."""
    if not importlib.util.find_spec("gradio"):
        raise UserError("agegen app needs the extra app: pip install 'agegen[app]'")


def require_port(host: str, port: int) -> None:
    """Refuse a place at which nothing can be served.

    Raises:
        UserError: the port is taken, or this machine has no such address.
    """
    with explained_port(host, port):
        family = socket.getaddrinfo(host, port)[0][0]
        socket.create_server((host, port), family=family).close()


@contextmanager
def explained_port(host: str, port: int) -> Iterator[None]:
    """Say in one sentence that a port cannot be had."""
    try:
        yield
    except OSError:
        raise UserError(
            f"the page cannot be served at {host}, port {port}: is the port taken? --port names "
            "another"
        ) from None


def cards_of(config: AppConfig) -> dict[str, str]:
    """What is known of both networks, Markdown by heading."""
    from agegen.app.studio import evidence_of

    return {
        "What was measured of these generators": evidence_of(config.run, "cyclegan"),
        "What was measured of this classifier": evidence_of(config.classifier, "classifier"),
    }
