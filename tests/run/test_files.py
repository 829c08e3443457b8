import csv
import errno
import json
import os
import random
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agegen.run import files
from agegen.run.errors import UserError
from agegen.run.files import (
    lock,
    read_json,
    read_metrics,
    sha256,
    write_json,
    write_rows,
    write_text,
    written_whole,
)
from agegen.run.tensor_files import save_tensors


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path):
    path = tmp_path / "x.txt"
    write_text(path, "old")

    def stopped_halfway():
        with written_whole(path) as temporary:
            temporary.write_text("half")
            assert path.read_text() == "old"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stopped_halfway()
    assert path.read_text() == "old"
    assert sorted(file.name for file in tmp_path.iterdir()) == [".agegen", "x.txt"]


def test_folders_are_made(tmp_path):
    write_text(tmp_path / "a" / "b" / "x.txt", "déjà")
    assert (tmp_path / "a" / "b" / "x.txt").read_bytes() == "déjà".encode()


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "no permission"),
    ],
)
def test_write_errors_become_one_sentence(tmp_path, monkeypatch, code, sentence):
    def refuse(path):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files, "flush_to_disk", refuse)
    with pytest.raises(UserError, match=f"cannot write .*x.json: .*{sentence}"):
        write_json(tmp_path / "x.json", {})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("code", sorted(errno.errorcode))
def test_every_error_of_the_disk_is_one_sentence_that_leaves_the_old_file(
    tmp_path, monkeypatch, code
):
    path = tmp_path / "x.json"
    write_json(path, "old")
    error = OSError(code, os.strerror(code))

    def fail(self, target):
        raise error

    monkeypatch.setattr(Path, "replace", fail)
    passed_on = isinstance(error, ConnectionError)  # of a pipe, not of a file
    with pytest.raises(OSError if passed_on else UserError) as raised:
        write_json(path, "new")
    assert passed_on or str(path) in str(raised.value)
    assert read_json(path) == "old"
    assert sorted(file.name for file in tmp_path.iterdir()) == [".agegen", "x.json"]


def test_an_error_about_another_place_names_that_place(tmp_path):
    def fail():
        with written_whole(tmp_path / "x.json"):
            raise OSError(errno.EROFS, "Read-only file system", "/dev/shm/sem.1")

    with pytest.raises(UserError, match=r"cannot write /dev/shm/sem.1: the disk is read-only"):
        fail()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no umask")
@pytest.mark.parametrize("mask", [0o022, 0o002, 0o027, 0o077, 0o000])
def test_all_files_have_the_rights_that_the_umask_gives(tmp_path, mask):
    before = os.umask(mask)
    try:
        save_tensors(tmp_path / "x.safetensors", {"a": torch.zeros(3)})
        write_json(tmp_path / "x.json", {})
        write_rows(tmp_path / "x.csv", ("a",), [])
    finally:
        os.umask(before)
    rights = {p.name: p.stat().st_mode & 0o777 for p in tmp_path.glob("x.*")}
    assert rights == dict.fromkeys(("x.safetensors", "x.json", "x.csv"), 0o666 & ~mask)


def test_json_with_a_byte_order_mark_is_read(tmp_path):
    (tmp_path / "x.json").write_bytes(b"\xef\xbb\xbf" + b'{"a": 1}')
    assert read_json(tmp_path / "x.json") == {"a": 1}


def test_only_a_lock_that_another_holds_is_a_refusal(tmp_path, monkeypatch, capsys):
    for code in errno.errorcode:

        def fail(file, how, code=code):
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr("agegen.run.files.fcntl.flock", fail)
        if code in (errno.EAGAIN, errno.EWOULDBLOCK):
            with pytest.raises(UserError, match="busy"):
                lock(tmp_path, "busy")
        else:
            assert lock(tmp_path, "busy") is None, os.strerror(code)
            assert f"cannot be locked ({os.strerror(code)})" in capsys.readouterr().out


def test_damaged_lines_of_metrics_cost_no_others(tmp_path, capsys):
    rng = random.Random(0)
    for trial in range(200):
        lines = [f'{{"kind": "step", "step": {i}, "loss": 0.5}}'.encode() for i in range(20)]
        hurt = rng.sample(range(20), rng.randint(0, 5))
        for i in hurt:
            lines[i] = rng.choice([b"", b"null", b"[]", b"\xff\xfe", b"{}", b"7", lines[i][:-9]])
        path = tmp_path / f"{trial}.jsonl"
        path.write_bytes(b"\n".join(lines) + b"\n")
        assert [r["step"] for r in read_metrics(path)] == [i for i in range(20) if i not in hurt]
        said = "is damaged in line" in capsys.readouterr().err
        assert said == bool(hurt and hurt != [19])


def test_impossible_places_are_named(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="file of that name is in the way"):
        write_text(tmp_path / "file" / "x.txt", "")
    with pytest.raises(UserError, match="is a file, not a folder"):
        write_text(tmp_path / "file" / "deep" / "x.txt", "")
    with pytest.raises(UserError, match="a folder of that name is in the way"):
        write_text(tmp_path / "folder", "")
    with pytest.raises(UserError, match="the name is too long"):
        write_text(tmp_path / ("x" * 300), "")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=20, deadline=None)
@given(json_values)
def test_json_survives_whatever_its_text(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.json"
    write_json(path, content)
    assert read_json(path) == content


def test_names_that_are_not_utf8_survive_json_and_are_escaped_in_tables(tmp_path):
    name = os.fsdecode(b"caf\xe9.jpg")
    write_json(tmp_path / "x.json", {"name": name, "readable": "é"})
    assert read_json(tmp_path / "x.json") == {"name": name, "readable": "é"}
    assert "é" in (tmp_path / "x.json").read_text(encoding="utf-8")
    write_rows(tmp_path / "x.csv", ("path",), [(name,)])
    assert "caf\\udce9.jpg" in (tmp_path / "x.csv").read_text(encoding="utf-8")


def test_rows_survive_commas_quotes_and_line_breaks(tmp_path):
    rows = [["a,b", 'say "x"', "two\nlines", ""], ["é", "\r", "—", "1"]]
    write_rows(tmp_path / "x.csv", ("a", "b", "c", "d"), rows)
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["a", "b", "c", "d"], *rows]


def test_unreadable_json_is_named(tmp_path):
    with pytest.raises(UserError, match=r"gone\.json does not exist"):
        read_json(tmp_path / "gone.json")
    for content in (b"", b'{"a": 1', b"\xff\xfe{}"):
        (tmp_path / "x.json").write_bytes(content)
        with pytest.raises(UserError, match=r"x\.json is damaged: not valid JSON"):
            read_json(tmp_path / "x.json")
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        read_json(tmp_path)


def test_sha256_is_the_known_one(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256(tmp_path / "x").startswith("ba7816bf8f01cfea414140de5dae2223")


def test_json_ends_with_a_line_break(tmp_path):
    write_json(tmp_path / "x.json", [1])
    assert (tmp_path / "x.json").read_text() == json.dumps([1], indent=2) + "\n"
