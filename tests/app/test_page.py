"""`agegen app` as its visitors meet it: served, asked by several at once, stopped."""

import errno
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from browser import driven, needs_driver
from photos import REPOSITORY, environment
from PIL import Image
from real_face import hopper_photo

if not importlib.util.find_spec("gradio"):
    pytest.skip("the extra app is not installed", allow_module_level=True)

import gradio as gr
import httpx
from gradio_client import Client, handle_file

from agegen.app.page import (
    KEPT,
    VISITORS,
    Answers,
    Visits,
    count_faces,
    keep_file,
    launch,
    visitor_of,
)
from agegen.app.serve import (
    FILES_KEPT,
    PREFIX,
    SWEEP_EVERY,
    AppConfig,
    no_proxy_to,
    own_folder,
    serve,
    sweep,
)
from agegen.app.studio import Looked
from agegen.faces import landmarks
from agegen.faces.alignment import similarity
from agegen.faces.decode import BadImageError
from agegen.run.errors import UserError
from agegen.run.files import lock
from agegen.run.pretrained import PRETRAINED, find_run


class Served(NamedTuple):
    address: str
    process: subprocess.Popen
    temporary: Path  # where it puts its files


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    temporary, port = tmp_path_factory.mktemp("temporary"), free_port()
    process = subprocess.Popen(
        [sys.executable, "recipes/app.py", "--port", str(port), "--megabytes", "1"],
        cwd=REPOSITORY,
        env=environment(TMPDIR=str(temporary), HTTP_PROXY="http://127.0.0.1:9"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert line == f"open http://127.0.0.1:{port}/ (Ctrl-C ends it)\n", line + str(
            process.poll()
        )
        yield Served(f"http://127.0.0.1:{port}/", process, temporary)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
        assert process.stdout.read() == "stopped\n"
        assert [path for path in temporary.iterdir() if path.name.startswith("agegen")] == []
    finally:
        process.kill()
        process.wait()


def visitor(served: Served) -> Client:
    folder = tempfile.mkdtemp(dir=served.temporary)
    return Client(served.address, verbose=False, download_files=folder)


def test_the_page_loads_nothing_from_elsewhere(served: Served) -> None:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(served.address) as page:
        policy, text = page.headers["content-security-policy"], page.read().decode()
    assert "default-src 'self'" in policy
    assert not re.search(r"https?:|\*", policy)
    assert "fonts.googleapis.com" not in text
    assert "people who agree to it" in text


def test_a_visitor_looks_ages_turns_and_downloads(served: Served) -> None:
    client = visitor(served)
    said, faces, to, strength, shown = client.predict(handle_file(hopper_photo()), api_name="/look")
    assert said == "1 face found."
    assert re.search(r"<b>old</b> · about \d+ \(\d+–\d+\) · p\(old\) 0\.\d\d", faces)
    assert (to, strength) == ("young", 1.0)
    before, after = map(pixels_of, shown["value"])
    assert before != after
    strengths = client.predict("old", api_name="/turn")[0]
    assert strengths == 0.75
    moved = client.predict("old", 0.0, api_name="/age")
    assert pixels_of(moved[0]) == pixels_of(moved[1])
    finished = Path(client.predict("old", 1.2, api_name="/finish"))
    assert finished.name == "grace_hopper_old.jpg"
    assert Image.open(finished).size == Image.open(hopper_photo()).size


def pixels_of(path: str) -> bytes:
    with Image.open(path) as picture:
        return picture.tobytes()


def test_requests_beside_the_queue_are_refused(served: Served) -> None:
    body = json.dumps({"data": [None]}).encode()
    for name in ("look", "leave"):
        address = f"{served.address}gradio_api/run/{name}"
        asked = urllib.request.Request(address, body, {"Content-Type": "application/json"})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked)
        assert caught.value.code == 404


def test_without_a_session_there_is_no_visitor() -> None:
    assert visitor_of(gr.Request(session_hash="a")) == "a"
    with pytest.raises(gr.Error, match="without a session"):
        visitor_of(gr.Request())


@pytest.mark.parametrize("part", ["look", "turn"])
def test_addresses_are_not_fetched(served: Served, part: str) -> None:
    file = {"path": "http://127.0.0.1:9/x.jpg", "meta": {"_type": "gradio.FileData"}}
    with pytest.raises(Exception, match="addresses are not fetched"):
        visitor(served).predict(file, api_name=f"/{part}")


def test_what_is_no_photo_is_one_sentence(served: Served, tmp_path: Path) -> None:
    path = tmp_path / "<b>diary.txt"
    path.write_text("Dear diary")
    said, faces, *_ = visitor(served).predict(handle_file(path), api_name="/look")
    assert re.fullmatch(r"\*\*.*diary\.txt\*\*: a text file, not an image\.", said)
    assert "<" not in said
    assert faces == ""


def test_a_file_over_the_limit_is_refused_on_its_way(served: Served, tmp_path: Path) -> None:
    (tmp_path / "large.jpg").write_bytes(bytes(2**20 + 1))
    with pytest.raises(Exception, match=r"413|maximum|size"):
        visitor(served).predict(handle_file(tmp_path / "large.jpg"), api_name="/look")


def test_without_a_photo_there_is_nothing_to_age(served: Served) -> None:
    client = visitor(served)
    with pytest.raises(Exception, match="no longer kept"):
        client.predict("old", 1.0, api_name="/age")


def test_visitors_at_once_get_the_same_answers(served: Served) -> None:
    clients = [visitor(served) for _ in range(4)]

    def visit(client: Client) -> tuple[str, bytes]:
        faces = client.predict(handle_file(hopper_photo()), api_name="/look")[1]
        return faces, pixels_of(client.predict("young", 0.5, api_name="/age")[1])

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(visit, clients))) == 1


SHOWN = "return [...document.querySelectorAll('img')].map(i => i.naturalWidth && i.src)"
ARROW = {"left": "\ue012", "right": "\ue014"}  # keys, as WebDriver calls them


@pytest.mark.slow
@needs_driver
def test_in_a_browser_a_photo_is_chosen_and_its_slider_moved(
    served: Served, tmp_path: Path
) -> None:
    with driven(tmp_path) as tell:

        def send(part: str, keys: str) -> None:
            (found,) = tell("/element", using="css selector", value=part).values()
            tell(f"/element/{found}/value", text=keys)

        def await_answer(script: str, fits: Callable[[Any], bool]) -> Any:
            until = time.monotonic() + 60
            while not fits(answer := tell("/execute/sync", script=script, args=[])):
                assert time.monotonic() < until, answer
                time.sleep(0.2)
            return answer

        tell("/url", url=served.address)
        await_answer("return document.querySelector('input[type=file]') != null", bool)
        send("input[type=file]", str(hopper_photo()))
        await_answer("return document.body.innerText", lambda text: "1 face found." in text)
        face, before, after = await_answer(SHOWN, lambda shown: len(shown) == 3 and all(shown))
        for key in ("left", "left", "right"):
            send("input[type=range]", ARROW[key])
            moved = await_answer(SHOWN, lambda shown, last=after: all(shown) and shown[2] != last)
            assert moved[:2] == [face, before]
            after = moved[2]


def test_a_visitors_photo_is_forgotten_for_the_next_one_and_at_the_end() -> None:
    visits, photos = Visits(), [empty_photo(number) for number in range(VISITORS + 2)]
    for number, photo in enumerate(photos):
        visits.keep(f"visitor {number}", photo)
    assert len(visits.photos) == VISITORS
    assert visits.of("visitor 5") is photos[5]
    visits.keep("visitor 5", photos[0])
    assert visits.of("visitor 5") is photos[0]
    assert len(visits.photos) == VISITORS
    visits.forget("visitor 5")
    visits.forget("visitor 5")
    for gone in ("visitor 0", "visitor 5"):
        with pytest.raises(gr.Error, match="no longer kept"):
            visits.of(gone)


def test_a_photo_is_forgotten_when_its_visitor_has_left_unnoticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visits, now = Visits(), time.monotonic()
    for visitor in ("gone", "here"):
        visits.keep(visitor, empty_photo(0))
    monkeypatch.setattr("agegen.app.page.monotonic", lambda: now + KEPT)
    visits.of("here")
    monkeypatch.setattr("agegen.app.page.monotonic", lambda: now + KEPT + 9)
    visits.forget_unused()
    assert list(visits.photos) == list(visits.used) == ["here"]


def empty_photo(number: int) -> Looked:
    """A photo that nothing is done with."""
    name, nothing = f"{number}", np.zeros((1, 1, 3), np.uint8)
    place = similarity(1, 0, (0, 0), (0, 0))
    return Looked(name, b"", nothing, b"", name, place, [], torch.zeros(0), {}, [], False, 0)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "too large for this machine's memory."),
        (UserError("no such class"), "no such class."),
        (BadImageError("damaged"), "damaged."),
        (OSError(errno.ENOSPC, "x", tempfile.gettempdir()), "the disk is full."),
    ],
)
def test_what_cannot_be_made_is_one_sentence(error: Exception, words: str, tmp_path: Path) -> None:
    studio, visits = Mock(strengths={"old": 1.0}), Visits()
    studio.preview.side_effect = studio.finish.side_effect = error
    answers, request = Answers(studio, visits, str(tmp_path)), gr.Request(session_hash="a")
    visits.keep("a", empty_photo(0))
    for ask in (
        partial(answers.age, "old", 1.0),
        partial(answers.finish, "old", 1.0),
        partial(answers.turn, "old"),
    ):
        with pytest.raises(gr.Error) as caught:
            ask(request)
        assert caught.value.message.endswith(words)
        assert not caught.value.print_exception


def test_a_move_hashes_only_what_it_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng, hashed = np.random.default_rng(0), []
    monkeypatch.setattr(
        "agegen.app.page.hash_bytes", lambda content: hashed.append(content) or f"{len(hashed)}"
    )
    studio, visits = Mock(), Visits()
    studio.preview.side_effect = lambda *_: rng.integers(0, 256, (9, 9, 3), np.uint8)
    visits.keep("a", empty_photo(0)._replace(shown=b"the photo"))
    answers, request = Answers(studio, visits, str(tmp_path)), gr.Request(session_hash="a")
    shown = [answers.age("old", strength, request) for strength in rng.uniform(0, 1.5, 12)]
    assert len({before for before, _ in shown}) == 1
    assert Path(shown[0][0]).read_bytes() == b"the photo"
    assert [Path(after).read_bytes() for _, after in shown] == hashed


def test_no_class_is_one_sentence(tmp_path: Path) -> None:
    answers = Answers(Mock(strengths={}), Visits(), str(tmp_path))
    with pytest.raises(gr.Error, match="None"):
        answers.turn(None, gr.Request(session_hash="a"))


def test_faces_that_are_left_out_are_counted() -> None:
    looked = empty_photo(0)._replace(verdicts=[Mock()] * 2)
    assert count_faces(looked) == "2 faces found."
    said = count_faces(looked._replace(left_out=3))
    assert said == "5 faces found. Only the 2 largest are judged and changed."


def test_files_go_when_nobody_has_asked_for_them_of_late(tmp_path: Path) -> None:
    old, new = tmp_path / "a" / "old.jpg", tmp_path / "b" / "new.jpg"
    for path in (old, new):
        path.parent.mkdir()
        path.write_bytes(b"x")
    long_ago = (0, time.time() - FILES_KEPT - 9)
    for path in (old, new.parent):
        os.utime(path, long_ago)
    sweep(tmp_path)
    assert (old.exists(), new.exists()) == (False, True)
    os.utime(old.parent, long_ago)
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_a_file_in_use_again_is_not_swept(tmp_path: Path) -> None:
    path = Path(keep_file("photo.jpg", b"x", str(tmp_path)))
    os.utime(path, (0, time.time() - FILES_KEPT - 9))
    assert keep_file("photo.jpg", b"x", str(tmp_path)) == str(path)
    sweep(tmp_path)
    assert path.read_bytes() == b"x"


def test_a_file_is_kept_though_its_folder_is_swept_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Mock(side_effect=[FileNotFoundError, None])
    monkeypatch.setattr("agegen.app.page.write_kept", write)
    keep_file("photo.jpg", b"x", str(tmp_path))
    assert write.call_count == 2


def test_what_a_killed_process_has_left_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left, used, new, other = (tmp_path / f"{PREFIX}{name}" for name in ("a", "b", "c", "d"))
    for folder in (left, used, new, tmp_path / "elsewhere"):
        folder.mkdir()
        (folder / "photo").write_bytes(b"x")
    other.symlink_to(tmp_path / "elsewhere")
    held = lock(used, "in use")
    for folder in (left, used):
        os.utime(folder, (0, time.time() - SWEEP_EVERY - 9))
    with own_folder() as files:
        assert Path(tempfile.mkdtemp()).parent == files
        assert not left.exists()
    assert held is not None
    held.close()
    assert {path.name for path in tmp_path.iterdir()} == {
        used.name, new.name, other.name, "elsewhere",
    }  # fmt: skip
    assert (tmp_path / "elsewhere" / "photo").exists()


def test_mistakes_are_told_before_the_networks_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agegen.app.studio.load_studio", Mock(side_effect=AssertionError))
    classifier = find_run(PRETRAINED, "classifier")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        at = f"the page cannot be served at 127.0.0.1, port {port}: is the port taken? --port names"
        for setting, sentence in (
            ({"port": port}, f"{at} another"),
            ({"run": tmp_path}, f"{tmp_path} is not a run folder (no config.json)"),
            ({"classifier": tmp_path}, f"{tmp_path} is not a run folder (no config.json)"),
            ({"run": classifier}, f"{classifier} is not the run of a CycleGAN"),
        ):
            with pytest.raises(UserError, match=f"^{re.escape(sentence)}$"):
                serve(AppConfig(**({"port": free_port()} | setting)))


def test_no_proxy_is_asked_for_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    for given, hosts in (
        ("", "127.0.0.1,localhost,10.0.0.5"),
        ("a.org", "a.org,127.0.0.1,localhost,10.0.0.5"),
    ):
        monkeypatch.setenv("NO_PROXY", given)
        assert no_proxy_to("10.0.0.5") == {"no_proxy": hosts, "NO_PROXY": hosts}


def test_a_page_that_cannot_be_reached_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with gr.Blocks() as page:
        pass
    errors = [httpx.ConnectError("x"), ValueError("When localhost is not accessible, …")]
    for error in errors:
        monkeypatch.setattr(page, "launch", Mock(side_effect=error))
        with pytest.raises(UserError, match="port 7 cannot be reached from this machine"):
            launch(page, "127.0.0.1", 7, 1, False)


def test_a_missing_extra_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    for gone, words in (("gradio", "the extra app: "), ("dlib", "the extra photos: ")):
        with monkeypatch.context() as patched:
            patched.setattr(
                importlib.util, "find_spec", lambda name, gone=gone: name != gone and find(name)
            )
            landmarks.load.cache_clear()
            with pytest.raises(UserError, match=words):
                serve(AppConfig(port=free_port()))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"port": 0}, "--port must be between"),
        ({"megabytes": float("nan")}, "--megabytes must be between"),
        ({"megapixels": 1000}, "--megapixels must be between"),
        ({"search_megapixels": 0}, "--search-megapixels must be between"),
    ],
)
def test_settings_out_of_range_are_refused(setting: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        AppConfig(**setting)
