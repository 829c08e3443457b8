import errno
import multiprocessing
import os
import random
import shutil
import signal
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from photos import fill_cacd, save
from prepared_stores import content

from agegen.faces import decode_all
from agegen.faces.decode import decode_face
from agegen.faces.decode_all import array_header, decode_chunk
from agegen.faces.prepare import PrepareConfig, prepare
from agegen.faces.records import Face
from agegen.faces.store import FaceStore
from agegen.run import files
from agegen.run.errors import UserError
from agegen.run.outputs import note_written

usual_decode_chunks = decode_all.decode_chunks
pytestmark = pytest.mark.usefixtures("few_in_this_process")


class StoppedError(Exception):
    """Stands for a kill."""


def stop_after(monkeypatch, chunks, error=StoppedError):
    """Let decoding raise after some chunks."""
    usual = decode_all.decode_chunks

    def some(*arguments):
        for i, result in enumerate(usual(*arguments)):
            if i == chunks:
                raise error
            yield result

    monkeypatch.setattr(decode_all, "decode_chunks", some)


def interrupted(monkeypatch, config, chunks=3):
    with monkeypatch.context() as patch:
        stop_after(patch, chunks)
        with pytest.raises(StoppedError):
            prepare(config)


HARM = {
    "nothing": lambda out: None,
    "last line cut in half": lambda out: os.truncate(
        out / "journal.jsonl", (out / "journal.jsonl").stat().st_size - 200
    ),
    "line break missing": lambda out: os.truncate(
        out / "journal.jsonl", (out / "journal.jsonl").stat().st_size - 1
    ),
    "images ahead of the journal": lambda out: (
        (out / "images.npy.partial").open("ab").write(b"x" * 999)
    ),
    "images behind the journal": lambda out: os.truncate(
        out / "images.npy.partial", (out / "images.npy.partial").stat().st_size - 5
    ),
    "no images": lambda out: (out / "images.npy.partial").unlink(),
    "empty journal": lambda out: (out / "journal.jsonl").write_text(""),
    "nonsense in the journal": lambda out: (out / "journal.jsonl").open("a").write("7\nnull\n"),
}


def test_header_length_does_not_depend_on_the_number_of_faces():
    lengths = {len(array_header(n, 512)) for n in (0, 1, 10**5, 10**9)}
    assert len(lengths) == 1


@pytest.mark.parametrize("harm", HARM)
def test_a_stopped_run_goes_on(prepared, photo_folder, tmp_path, monkeypatch, capsys, harm):
    config = PrepareConfig(photo_folder, tmp_path / "store", size=32)
    interrupted(monkeypatch, config)
    with pytest.raises(UserError, match="half-written"):
        FaceStore.open(config.out)
    HARM[harm](config.out)
    capsys.readouterr()
    prepare(config)
    assert content(config.out) == content(prepared)
    going_on = {"nothing": 24, "last line cut in half": 16, "images behind the journal": 16}
    going_on |= {"line break missing": 24, "images ahead of the journal": 24}
    going_on |= {"nonsense in the journal": 24}
    shown = capsys.readouterr().out
    if harm in going_on:
        assert f"going on after {going_on[harm]} photos" in shown
    else:
        assert "going on" not in shown


def test_a_stopped_run_with_other_settings_begins_anew(photo_folder, tmp_path, monkeypatch, capsys):
    config = PrepareConfig(photo_folder, tmp_path / "store", size=32)
    interrupted(monkeypatch, config)
    store = prepare(replace(config, size=40))
    assert "going on" not in capsys.readouterr().out
    np.testing.assert_array_equal(store.images[0], decode_face(Path(store.paths[0]), 40))


def full_after(monkeypatch, chunks):
    """Let the disk be full when the images of a later chunk are written, half of them."""
    usual, written = decode_all.append, []

    def append(path, content):
        if len(written) == 2 * chunks:
            usual(path, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        usual(path, content)
        written.append(path)

    monkeypatch.setattr(decode_all, "append", append)


def full_at(monkeypatch, name):
    """Let the disk be full when the temporary file of this name is to be flushed."""
    usual = files.flush_to_disk

    def flush(path):
        if path.name.startswith(f".{name}."):
            raise OSError(errno.ENOSPC, "No space left on device")
        usual(path)

    monkeypatch.setattr(files, "flush_to_disk", flush)


@pytest.mark.parametrize("name", ["images.npy", "faces.csv", "rejected.csv", "store.json"])
def test_a_run_stopped_while_finishing_decodes_nothing_again(
    prepared, photo_folder, tmp_path, monkeypatch, capsys, name
):
    config = PrepareConfig(photo_folder, tmp_path / "store", size=32)
    with monkeypatch.context() as patch:
        full_at(patch, name)
        with pytest.raises(UserError, match="the disk is full"):
            prepare(config)
    with pytest.raises(UserError, match="half-written"):
        FaceStore.open(config.out)
    prepare(config)
    assert "going on after 48 photos" in capsys.readouterr().out
    assert content(config.out) == content(prepared)


@pytest.mark.parametrize("name", ["decoding", "images.npy", "faces.csv", "store.json"])
def test_a_good_store_stays_until_the_one_that_replaces_it_is_whole(
    prepared, tmp_path, monkeypatch, name
):
    out = tmp_path / "store"
    shutil.copytree(prepared, out)
    before = content(out)
    source = fill_cacd(tmp_path / "new", 32, first_seed=500)
    config = PrepareConfig(source, out, size=40, overwrite=True)
    with monkeypatch.context() as patch:
        if name == "decoding":
            full_after(patch, 2)
        else:
            full_at(patch, name)
        with pytest.raises(UserError, match="the disk is full"):
            prepare(config)
    assert content(FaceStore.open(out).folder) == before
    assert prepare(config).size == 40
    assert not list(out.glob("*.partial"))
    assert not list(out.glob(".*.tmp"))


def test_an_overwrite_of_a_source_without_a_class_costs_nothing(prepared, tmp_path):
    out, source = tmp_path / "store", tmp_path / "source"
    shutil.copytree(prepared, out)
    for name in ("20_A_0001.jpg", "55_B_0001.jpg"):
        source.mkdir(exist_ok=True)
        (source / name).write_bytes(b"no picture")
    with pytest.raises(UserError, match="could be decoded"):
        prepare(PrepareConfig(source, out, size=32, overwrite=True))
    assert content(FaceStore.open(out).folder) == content(prepared)


def test_images_of_another_process_are_never_taken_for_the_rows(
    prepared, photo_folder, tmp_path, monkeypatch
):
    rng = random.Random(0)
    for trial in range(40):
        config = PrepareConfig(photo_folder, tmp_path / str(trial), size=32)
        interrupted(monkeypatch, config, chunks=rng.randint(1, 5))
        partial = config.out / "images.npy.partial"
        images = bytearray(partial.read_bytes())
        begin = rng.randrange(len(array_header(0, 32)), len(images))
        rows = images[begin : begin + rng.choice([1, 3072, 9000])]
        images[begin : begin + len(rows)] = bytes(255 - byte for byte in rows)
        partial.write_bytes(images)
        prepare(config)
        assert content(config.out) == content(prepared)


def test_without_semaphores_photos_are_decoded_in_one_process(tmp_path, monkeypatch, capsys):
    def fail(*arguments, **named):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(decode_all, "ProcessPoolExecutor", fail)
    good = Face(save(tmp_path / "a.png", 0), 0)
    usual = usual_decode_chunks([[good], [good]], 32, 2)
    assert [len(images) for images, _ in usual] == [32 * 32 * 3] * 2
    assert "Read-only file system" in capsys.readouterr().out


def test_a_full_disk_while_decoding_is_one_sentence_and_resumes(
    prepared, photo_folder, tmp_path, monkeypatch, capsys
):
    config = PrepareConfig(photo_folder, tmp_path / "store", size=32)
    with monkeypatch.context() as patch:
        full_after(patch, 2)
        with pytest.raises(UserError, match=r"cannot write .*store.*: the disk is full$"):
            prepare(config)
    prepare(config)
    assert "going on after 16 photos" in capsys.readouterr().out
    assert content(config.out) == content(prepared)


def test_a_really_full_device_is_one_sentence(photo_folder, tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    out = tmp_path / "store"
    out.mkdir()
    (out / "images.npy.partial").symlink_to("/dev/full")
    note_written(out / "images.npy.partial")
    with pytest.raises(UserError, match="the disk is full"):
        prepare(PrepareConfig(photo_folder, out, size=32))


def test_decode_chunk_reports_every_file(tmp_path):
    good = save(tmp_path / "a.png", 0)
    (tmp_path / "b.png").write_bytes(b"")
    images, entries = decode_chunk([good, tmp_path / "b.png", good], 32)
    assert len(images) == 2 * 32 * 32 * 3
    assert [entry.reason for entry in entries] == ["", "empty file", ""]
    assert [len(entry.hash) for entry in entries] == [64, 0, 64]


def test_an_overwritten_stores_images_are_never_taken_for_new_ones(tmp_path, monkeypatch):
    old, new = fill_cacd(tmp_path / "old", 32), fill_cacd(tmp_path / "new", 32, first_seed=500)
    config = PrepareConfig(old, tmp_path / "store", size=32)
    prepare(config)
    config = replace(config, source=new, overwrite=True)
    interrupted(monkeypatch, config)
    (config.out / "images.npy.partial").unlink()
    prepare(config)
    prepare(replace(config, out=tmp_path / "fresh"))
    assert content(config.out) == content(tmp_path / "fresh")


def test_workers_leave_ctrl_c_to_their_parent():
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, initializer=decode_all.end_with_parent) as pool:
        assert pool.submit(signal.raise_signal, signal.SIGINT).result(timeout=60) is None
