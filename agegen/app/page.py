"""The page of `agegen app`: a photo, its faces, and a slider of age. The only file with Gradio."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from html import escape
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any, NamedTuple

import gradio as gr
import httpx
import numpy as np
from gradio.processing_utils import hash_bytes
from gradio_client.utils import is_file_obj_with_meta, is_http_url_like, traverse
from PIL import Image
from starlette.middleware import Middleware

from agegen.app.studio import Looked, Studio, as_jpeg
from agegen.cyclegan.translate import STRONGEST, require_class
from agegen.faces.decode import BadImageError
from agegen.faces.pixels import as_url
from agegen.faces.records import OLD
from agegen.photos.classify import Verdict
from agegen.run.errors import UserError
from agegen.run.files import explained_write_errors

VISITORS = 32  # whose photos are kept in memory at most
KEPT = 600  # seconds after a visitor's last move
AT_ONCE = 2  # photos that are worked on
WAITING = 64  # moves that wait for that at most; more are told to come again
TERMS = (
    "Only photos of people who agree to it. Photos stay on the machine that shows this page, and "
    "are forgotten soon after you close it, and ten minutes after your last move. A face made "
    "older or younger is no prediction; no answer is to decide about anybody."
)
FORGOTTEN = "This photo is no longer kept: choose it again."
NO_PAGE = "Ask from an open page: without a session nobody's photo can be told from others'."
NO_ADDRESS = "Send the photo itself: addresses are not fetched."
UNREACHED = (
    "the page served at {host}, port {port} cannot be reached from this machine: does a proxy "
    "(HTTP_PROXY, ALL_PROXY) or a firewall keep it away?"
)
NO_MEMORY = "This photo is too large for this machine's memory."
FIRST = "Choose a photo with a face, or take one."
# The button's file is made when it is clicked; a second, hidden one then hands it over.
HAND_OVER = "() => setTimeout(() => document.querySelector('#made').click(), 200)"
CSS = """
.gradio-container { max-width: 1180px !important; margin: 0 auto !important; }
.face { display: flex; gap: 0.8rem; align-items: center; margin: 0.5rem 0; }
.face img { width: 64px; height: 64px; border-radius: 6px; margin: 0; }
.face .remark { opacity: 0.75; font-size: 0.9em; }
.prose pre, .prose code { white-space: pre-wrap !important; overflow-wrap: anywhere; }
.prose table { display: block; overflow-x: auto; }
#made { display: none !important; }
footer { display: none !important; }
"""


class Visits:
    """The photo that each visitor looks at, in memory only."""

    def __init__(self) -> None:
        self.photos: dict[str, Looked] = {}
        self.used: dict[str, float] = {}  # by visitor, when
        self.lock = Lock()

    def keep(self, visitor: str, looked: Looked) -> None:
        """Keep a photo in place of the visitor's last one; the oldest of too many goes."""
        with self.lock:
            self.drop(visitor)
            self.photos[visitor], self.used[visitor] = looked, monotonic()
            while len(self.photos) > VISITORS:
                self.drop(next(iter(self.photos)))

    def drop(self, visitor: str) -> None:
        """Forget the visitor's photo, if there is one, under the lock."""
        self.photos.pop(visitor, None)
        self.used.pop(visitor, None)

    def forget(self, visitor: str) -> None:
        """Forget the visitor's photo, if there is one."""
        with self.lock:
            self.drop(visitor)

    def forget_unused(self) -> None:
        """Forget the photos that nothing was asked of for long.

        Their visitors may have left unnoticed: while the photo was looked at, or without a page.
        """
        oldest = monotonic() - KEPT
        with self.lock:
            for visitor in [visitor for visitor, used in self.used.items() if used < oldest]:
                self.drop(visitor)

    def of(self, visitor: str) -> Looked:
        """The visitor's photo.

        Raises:
            gr.Error: it is no longer kept.
        """
        with self.lock:
            looked = self.photos.get(visitor)
            if looked is None:
                raise gr.Error(FORGOTTEN, print_exception=False)
            self.used[visitor] = monotonic()
        return looked


class Answers:
    """What the page answers to its visitors' moves, one photo a visitor."""

    def __init__(self, studio: Studio, visits: Visits, cache: str) -> None:
        self.studio, self.visits, self.cache = studio, visits, cache

    def look(self, file: str | None, request: gr.Request) -> list[Any]:
        """What is said, its faces, the class aimed at, strength, pictures; and the column of both.

        Of no file, or one without a face, only the sentence.
        """
        self.leave(request)
        if file is None:
            return without_photo(FIRST)
        try:
            looked = self.studio.look(Path(file))
        except BadImageError as error:
            return without_photo(f"**{escape(Path(file).name)}**: {escape(str(error))}.")
        self.visits.keep(visitor_of(request), looked)
        to = "young" if looked.verdicts[0].label == OLD else "old"
        strength = self.studio.strengths[to]
        shown = self.show(looked, to, strength)
        pictures = gr.ImageSlider(shown, slider_position=middle_of_face(looked))
        faces = "".join(map(describe_face, looked.verdicts))
        return [count_faces(looked), faces, to, strength, pictures, gr.Column(visible=True)]

    def show(self, looked: Looked, to: str, strength: float) -> tuple[str, str]:
        """Files of a photo before and after, as it is shown."""
        with explained():
            aged = as_jpeg(self.studio.preview(looked, to, strength))
            before = keep_file("photo.jpg", looked.shown, self.cache, looked.key)
            return before, keep_file("photo.jpg", aged, self.cache)

    def age(self, to: str, strength: float, request: gr.Request) -> tuple[str, str]:
        """Files of the visitor's photo before and after."""
        return self.show(self.visits.of(visitor_of(request)), to, strength)

    def turn(self, to: str, request: gr.Request) -> list[Any]:
        """The strength that was chosen for a class, and the photo before and after at it."""
        with explained():
            require_class(to)
        strength = self.studio.strengths[to]
        return [strength, self.age(to, strength, request)]

    def finish(self, to: str, strength: float, request: gr.Request) -> str:
        """Write the photo at full size; returns the file's path."""
        looked = self.visits.of(visitor_of(request))
        with explained():
            name, content = self.studio.finish(looked, to, strength)
            return keep_file(name, content, self.cache)

    def leave(self, request: gr.Request) -> None:
        """Forget the visitor's photo."""
        self.visits.forget(visitor_of(request))


class Parts(NamedTuple):
    """The page's parts that do something."""

    chosen: gr.File
    taken: gr.Image
    said: gr.Markdown
    faces: gr.HTML
    results: gr.Column
    pictures: gr.ImageSlider
    to: gr.Radio
    strength: gr.Slider
    download: gr.Button
    made: gr.DownloadButton


def build_page(studio: Studio, visits: Visits, cards: dict[str, str]) -> gr.Blocks:
    """Put the page together.

    Args:
        studio: what it shows.
        visits: where its visitors' photos are kept.
        cards: what is known of the networks, Markdown by heading.
    """
    with Page(title="agegen", analytics_enabled=False) as page:
        parts = lay_out(cards)
        connect(parts, Answers(studio, visits, parts.made.GRADIO_CACHE), page)
    return page


def lay_out(cards: dict[str, str]) -> Parts:
    """Place the parts: the photo and what is said of it on the left, what is made on the right."""
    gr.Markdown(f"# Older or younger\n{TERMS}")
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            with gr.Tab("A photo"):
                chosen = gr.File(label="Drop a photo here: JPEG, HEIC, PNG …", height=150)
            with gr.Tab("Webcam"):
                taken = gr.Image(
                    label="Take a photo", sources=["webcam"], type="filepath", image_mode=None,
                    height=300,
                )  # fmt: skip
            said, faces = gr.Markdown(FIRST), gr.HTML()
        with gr.Column(scale=3, min_width=280, visible=False) as results:
            pictures = gr.ImageSlider(
                label="before | after", interactive=False, max_height=640, buttons=["fullscreen"]
            )  # fmt: skip
            to = gr.Radio([("older", "old"), ("younger", "young")], label="Make faces")
            strength = gr.Slider(
                0, STRONGEST, step=0.05, label="Strength: 1 is as trained, 0 is the photo"
            )
            download = gr.Button("Download at full size", variant="primary")
            made = gr.DownloadButton(elem_id="made")
    for heading, card in cards.items():
        with gr.Accordion(heading, open=False):
            gr.Markdown(card)
    return Parts(chosen, taken, said, faces, results, pictures, to, strength, download, made)


def connect(parts: Parts, answers: Answers, page: gr.Blocks) -> None:
    """Say which part asks for what."""
    work: dict[str, Any] = {"concurrency_id": "work", "concurrency_limit": AT_ONCE}
    quietly = work | {"show_progress": "hidden", "trigger_mode": "always_last"}
    aim = [parts.to, parts.strength]
    moved = parts.strength.input(answers.age, aim, parts.pictures, api_name="age", **quietly)
    turned = parts.to.input(
        answers.turn, parts.to, [parts.strength, parts.pictures], api_name="turn", **quietly
    )
    shown = [parts.said, parts.faces, *aim, parts.pictures, parts.results]
    # what was asked of the last photo must not come after this one
    looking = work | {"outputs": shown, "cancels": [moved, turned]}
    parts.chosen.upload(answers.look, parts.chosen, api_name="look", **looking)
    unnamed = looking | {"api_visibility": "private"}
    parts.chosen.clear(answers.look, parts.chosen, **unnamed)
    parts.taken.input(answers.look, parts.taken, **unnamed)
    parts.download.click(answers.finish, aim, parts.made, api_name="finish", **work).then(
        None, js=HAND_OVER
    )
    page.unload(answers.leave)


def visitor_of(request: gr.Request) -> str:
    """What tells one open page from others.

    Raises:
        gr.Error: nothing does; strangers would see each other's photos.
    """
    if not request.session_hash:
        raise gr.Error(NO_PAGE, print_exception=False)
    return request.session_hash


class Page(gr.Blocks):
    """A page that fetches nothing."""

    def validate_inputs(self, block_fn: Any, inputs: list[Any]) -> None:
        """Refuse addresses, whichever part they are sent to.

        Gradio takes them for files, and fetches them before the part sees them: anybody could have
        this machine ask others, and fill its disk.

        Raises:
            gr.Error: there is one.
        """
        traverse(inputs, refuse_address, is_file_obj_with_meta)
        super().validate_inputs(block_fn, inputs)


def refuse_address(file: dict[str, Any]) -> None:
    """Refuse what is no file of this machine, as Gradio describes files."""
    if is_http_url_like(file["path"]):
        raise gr.Error(NO_ADDRESS, print_exception=False)


@contextmanager
def explained() -> Iterator[None]:
    """Say in one sentence why something cannot be made.

    Raises:
        gr.Error: the sentence, which Gradio shows; of other errors it prints the traceback.
    """
    try:
        with explained_write_errors(Path(tempfile.gettempdir())):
            yield
    except MemoryError:
        raise gr.Error(NO_MEMORY, print_exception=False) from None
    except (UserError, BadImageError) as error:
        raise gr.Error(f"{escape(str(error))}.", print_exception=False) from None


def without_photo(said: str) -> list[Any]:
    """A sentence, and nothing to age; what cannot be seen stays as it is."""
    return [said, "", gr.skip(), gr.skip(), gr.skip(), gr.Column(visible=False)]


def middle_of_face(looked: Looked) -> float:
    """How far from the left the largest face's middle is, in percent of the photo's width."""
    left, _, right, _ = looked.verdicts[0].face.box
    middle = looked.to_photo.inverse().apply(((left + right) / 2, 0.0))[0]
    return float(np.clip(100 * middle / looked.preview.shape[1], 5, 95))


def count_faces(looked: Looked) -> str:
    """How many faces were found, and how many of them stay as they are."""
    count = len(looked.verdicts) + looked.left_out
    found = f"{count} face{'s' if count > 1 else ''} found."
    if not looked.left_out:
        return found
    return f"{found} Only the {len(looked.verdicts)} largest are judged and changed."


def describe_face(verdict: Verdict) -> str:
    """A face and what is said of it, as HTML."""
    age = f" · {verdict.age.words}" if verdict.age else ""
    remarks = "; ".join(verdict.remarks)
    said = f"<b>{escape(verdict.words)}</b>{escape(age)} · p(old) {verdict.p_old:.2f}"
    doubt = f'<br><span class="remark">{escape(remarks)}</span>' if remarks else ""
    face = verdict.face.image
    picture = f'<img alt="face {verdict.number}" src="{as_url(Image.fromarray(face))}">'
    return f'<div class="face">{picture}<span>{said}{doubt}</span></div>'


def keep_file(name: str, content: bytes, cache: str, key: str = "") -> str:
    """Write a file where Gradio looks for it, by a key or else its content; returns its path.

    Gradio's own way would write it again while another visitor, of the same photo, is reading it.
    """
    path = Path(cache, key or hash_bytes(content), name)
    try:
        os.utime(path)  # it is in use again: the sweep is to leave it
    except FileNotFoundError:
        with suppress(FileNotFoundError):
            write_kept(path, content)
            return str(path)
        write_kept(path, content)  # the sweep had taken the empty folder meanwhile
    return str(path)


def write_kept(path: Path, content: bytes) -> None:
    """Write a file whole, in a folder that is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as whole:
        whole.write(content)
    Path(whole.name).replace(path)


class OnlyFromHere:
    """Middleware: tell browsers to load nothing from elsewhere, whatever the page's parts ask."""

    POLICY = (
        b"default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
        b"style-src 'self' 'unsafe-inline'"
    )

    def __init__(self, app: Callable[..., Any]) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on; its answer gets the policy."""

        async def with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                policy = [(b"content-security-policy", self.POLICY)]
                message = {**message, "headers": [*message.get("headers", []), *policy]}
            await send(message)

        await self.app(scope, receive, with_policy)


def launch(page: gr.Blocks, host: str, port: int, megabytes: float, browser: bool) -> str:
    """Serve the page in threads of their own; returns its address.

    Raises:
        OSError: the port is taken, or there is no such host.
        UserError: the page is served, but cannot be reached from this machine.
    """
    theme = gr.themes.Base(
        font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
    )
    # requests beside the queue would be worked on at once, however many there are
    page.queue(api_open=False, max_size=WAITING, default_concurrency_limit=AT_ONCE)
    with explained_distance(page, host, port):
        _, address, _ = page.launch(
            server_name=host, server_port=port, inbrowser=browser, share=False, quiet=True,
            prevent_thread_lock=True, max_file_size=round(megabytes * 2**20), footer_links=[],
            ssr_mode=False, run_history=False, enable_monitoring=False, mcp_server=False, css=CSS,
            theme=theme, app_kwargs={"middleware": [Middleware(OnlyFromHere)]},
        )  # fmt: skip
    return address


@contextmanager
def explained_distance(page: gr.Blocks, host: str, port: int) -> Iterator[None]:
    """Close a page that Gradio could not serve, or has served and not reached.

    Raises:
        UserError: that it cannot be reached.
    """
    try:
        yield
    except Exception as error:  # it raises httpx's, ValueError or a bare Exception
        page.close(verbose=False)
        asked = isinstance(error, httpx.HTTPError) or "localhost" in str(error)
        if isinstance(error, OSError) or not asked:
            raise
        raise UserError(UNREACHED.format(host=host, port=port)) from None
