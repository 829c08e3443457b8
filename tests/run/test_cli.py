import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agegen.run.cli import run_recipe, split_preset
from agegen.run.commands import to_flags
from agegen.run.errors import UserError


@dataclass(frozen=True)
class Inner:
    """Nested settings."""

    flip: bool = True
    """Mirror."""
    noise_level: float = 0.1
    """Noise."""


@dataclass(frozen=True)
class Settings:
    """Settings of a recipe."""

    out: Path = Path("runs/x")
    """Folder."""
    steps: int = 10
    """Steps."""
    betas: tuple[float, float] = (0.5, 0.9)
    """Two numbers."""
    resume: bool = False
    """Go on."""
    kind: str | None = None
    """Kind."""
    augment: Inner = field(default_factory=Inner)
    """Views."""

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise UserError(f"--steps {self.steps} is not a number of steps")


@pytest.fixture
def call(monkeypatch):
    def run(*arguments, function=lambda config: config):
        monkeypatch.setattr(sys, "argv", ["recipe.py", *map(str, arguments)])
        return run_recipe(Settings, function, "What it does.")

    return run


def test_flags_become_a_config(call):
    config = call("--steps", 3, "--augment.no-flip", "--betas", 0.1, 0.2)
    assert config == Settings(steps=3, betas=(0.1, 0.2), augment=Inner(flip=False))


def test_a_preset_gives_values_and_flags_override_it(call, tmp_path):
    preset = {
        "steps": 7,
        "betas": [0.0, 0.99],
        "resume": True,
        "kind": None,
        "augment": {"flip": False, "noise_level": 0.5},
    }
    (tmp_path / "p.json").write_text(json.dumps(preset))
    arguments = ("--config", tmp_path / "p.json")
    expected = Settings(
        steps=7, betas=(0.0, 0.99), resume=True, augment=Inner(flip=False, noise_level=0.5)
    )
    assert call(*arguments) == expected
    assert call(f"--config={tmp_path / 'p.json'}") == expected
    assert call("--steps", 9, *arguments, "--no-resume").steps == 9
    assert call("--steps", 9, *arguments, "--augment.flip").augment.flip


def test_a_bool_names_its_negation():
    assert to_flags("flip", False) == ["--no-flip"]
    assert to_flags("augment", {"flip": False, "a_b": 1}) == [
        "--augment.no-flip",
        "--augment.a-b",
        "1",
    ]


def test_arguments_without_a_preset_are_left_alone():
    assert split_preset(["--steps", "3"]) == ({}, ["--steps", "3"])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "does not exist"),
        ("{", "not valid JSON"),
        ("[1, 2]", "holds no settings"),
        ('{"nonsense": 1}', "settings that this recipe lacks: nonsense"),
        ('{"augment": {"nonsense": 1}}', "nonsense"),
        ('{"steps": "many"}', "many"),
    ],
)
def test_wrong_presets_end_with_status_2(call, tmp_path, capsys, content, sentence):
    if content is not None:
        (tmp_path / "p.json").write_text(content)
    with pytest.raises(SystemExit) as ended:
        call("--config", tmp_path / "p.json")
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--config",), "--config needs a JSON file"),
        (("--steps", "0"), "--steps 0 is not a number of steps"),
        (("--nope",), "--nope"),
    ],
)
def test_mistakes_end_with_status_2(call, capsys, arguments, sentence):
    with pytest.raises(SystemExit) as ended:
        call(*arguments)
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--out", ""], ["--out="], ["--steps", "3", "--out", " "], ["--kind", ""]]
)
def test_an_empty_value_is_never_this_folder(call, capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        call(*arguments)
    assert ended.value.code == 2
    flag = "--kind" if "--kind" in arguments else "--out"
    assert f"error: {flag} is empty" in capsys.readouterr().err


def test_a_user_error_is_one_sentence(call, capsys):
    def fail(config):
        raise UserError("the disk is full")

    with pytest.raises(SystemExit) as ended:
        call(function=fail)
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: the disk is full\n"


def test_ctrl_c_ends_with_130(call, capsys):
    def interrupt(config):
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        call(function=interrupt)
    assert ended.value.code == 130
    assert capsys.readouterr().err == "stopped: go on with --resume\n"


def test_ctrl_c_does_not_name_a_flag_that_there_is_not(call, capsys, monkeypatch):
    def interrupt(config):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "argv", ["recipe.py"])
    with pytest.raises(SystemExit):
        run_recipe(Inner, interrupt)
    assert capsys.readouterr().err == "stopped\n"


def test_a_programming_error_keeps_its_traceback(call):
    def fail(config):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        call(function=fail)


def test_the_help_has_the_description_and_the_fields(call, capsys):
    with pytest.raises(SystemExit) as ended:
        call("--help")
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "What it does." in shown
    assert "Two numbers." in shown
