"""A user's own file: what is wrong with its name, and what with its code, is told apart."""

import sys
from pathlib import Path

import pytest

from agegen.run.errors import UserError
from agegen.run.own_class import checksums, import_own


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    monkeypatch.setattr(sys, "modules", dict(sys.modules))


def refusal(name: str) -> str:
    with pytest.raises(UserError) as caught:
        import_own(name, "some.flag", "ours")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["net", "my_file:", ":Net", ".my_file:Net", ""])
def test_without_both_parts_it_says_what_is_wanted(name: str) -> None:
    assert "the class Net of my_file.py is my_file:Net" in refusal(name)


def test_a_module_that_is_not_there_is_a_wrong_name(tmp_path: Path) -> None:
    found = refusal("no_such_file:Net")
    assert found.startswith("--some.flag no_such_file:Net is not ours, nor an importable module")
    assert f"No module named 'no_such_file', in {tmp_path} neither" in found


@pytest.mark.parametrize(
    ("code", "line", "said"),
    [
        ("import os\nimport no_such_package\n", 2, "No module named 'no_such_package'"),
        ("\nfrom os import nothing_like_it\n", 2, "cannot import name 'nothing_like_it'"),
        ("a = 1\nb = unknown\n", 2, "NameError: name 'unknown' is not defined"),
        ("a = 1\nb = (\n", 2, "SyntaxError: '(' was never closed"),
        ("import json\njson.loads('[')\n", 2, "JSONDecodeError"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(
    tmp_path: Path, code: str, line: int, said: str
) -> None:
    (tmp_path / "my_broken.py").write_text(code)
    found = refusal("my_broken:Net")
    assert found.startswith(f"--some.flag my_broken:Net: {tmp_path}/my_broken.py, line {line}: ")
    assert said in found


def test_a_class_that_is_not_in_the_file_is_a_wrong_name(tmp_path: Path) -> None:
    (tmp_path / "my_other.py").write_text("Network = 5\n")
    assert "module 'my_other' has no attribute 'Net'" in refusal("my_other:Net")
    assert import_own("my_other:Network", "some.flag", "ours") == 5


def test_the_checksum_is_of_the_users_file(tmp_path: Path) -> None:
    (tmp_path / "my_summed.py").write_text("")
    assert checksums(["resnet", "my_summed:Net"]) == {}  # not imported yet
    import_own("my_summed:__name__", "some.flag", "ours")
    nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert checksums(["resnet", "my_summed:Net"]) == {
        "SHA-256 of the file of my_summed:Net": nothing
    }
