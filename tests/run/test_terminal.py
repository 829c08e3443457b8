"""Nothing that is printed reaches the terminal as a control character; signals unwind."""

import io
import os
import random
import signal
import sys
import unicodedata
from dataclasses import dataclass

import pytest

from agegen.run.cli import run_recipe
from agegen.run.errors import UserError
from agegen.run.terminal import ReadableStream, readable


@dataclass(frozen=True)
class Config:
    """Nothing to set."""


def random_name(rng: random.Random) -> str:
    """Letters, escape codes, marks that turn the direction of text, newlines."""
    kinds = ["a", "é", "\x1b[31m", "\x1b]0;x\x07", "\x9b2J", "\u202e", "\u2066", "\x00", "\x7f"]
    kinds += ["\r", "\x08", "\u2028", "\u200f", "\x85", " ", "日", "\U0001f600"]
    return "".join(rng.choice(kinds) for _ in range(rng.randint(1, 30)))


def is_control(character: str) -> bool:
    kind = unicodedata.category(character)
    bidi = unicodedata.bidirectional(character) in ("RLO", "LRO", "RLE", "LRE", "PDF", "RLI", "LRI")
    return (kind == "Cc" and character not in "\n\t") or bidi


def test_no_name_whatever_it_holds_reaches_the_terminal_as_it_is() -> None:
    rng = random.Random(0)
    for _ in range(500):
        name, shown = random_name(rng), io.StringIO()
        ReadableStream(shown, bars=False).write(f"{name}: no face found\n")
        assert not any(map(is_control, shown.getvalue()))
        assert shown.getvalue().endswith(": no face found\n")


def test_what_can_be_read_stays_as_it_is() -> None:
    for text in ("déjà vu.jpg", "日本\tx\n", "a–b × 2"):
        assert readable(text) == text


def test_bars_may_go_back_to_the_begin_of_their_line() -> None:
    shown = io.StringIO()
    ReadableStream(shown, bars=True).write("\rtraining: 3 %")
    assert shown.getvalue() == "\rtraining: 3 %"


def test_sentences_of_mistakes_are_escaped_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def fail(config: Config) -> None:
        raise UserError("\x1b[31mred.jpg\r\ncannot be read")

    monkeypatch.setattr(sys, "argv", ["recipe.py"])
    with pytest.raises(SystemExit):
        run_recipe(Config, fail)
    assert "\x1b" not in capsys.readouterr().err


def test_sigterm_unwinds_and_ends_with_143(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    cleaned = []

    def work(config: Config) -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        finally:
            cleaned.append(True)

    monkeypatch.setattr(sys, "argv", ["recipe.py"])
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        run_recipe(Config, work)
    assert ended.value.code == 143
    assert cleaned
    assert "stopped" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) == before
