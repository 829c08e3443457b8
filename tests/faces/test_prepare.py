import csv
import errno
import json
import multiprocessing
import os
import shutil
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from photos import fill_cacd, picture, save
from PIL import Image

from agegen import files
from agegen.errors import UserError
from agegen.faces import prepare as module
from agegen.faces.catalog import Face
from agegen.faces.decode import decode_face
from agegen.faces.prepare import PrepareConfig, array_header, decode_chunk, prepare
from agegen.faces.store import FaceStore


@pytest.fixture(autouse=True)
def few_in_this_process(monkeypatch):
    """Decode here rather than in worker processes (the recipe's tests have those)."""

    def decode_chunks(chunks, config):
        for chunk in chunks:
            yield decode_chunk([face.path for face in chunk], config.size)

    monkeypatch.setattr(module, "decode_chunks", decode_chunks)
    monkeypatch.setattr(module, "CHUNK", 8)


def content(store):
    return {n: (store / n).read_bytes() for n in ("images.npy", "faces.csv", "rejected.csv")}


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def rejected(store):
    with (store / "rejected.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["path", "reason"]
    assert len({path for path, _ in rows[1:]}) == len(rows) - 1
    return {Path(path).name: reason for path, reason in rows[1:]}


def test_the_array_holds_the_decoded_faces(prepared, photo_folder, tmp_path):
    out = tmp_path / "store"
    store = prepare(PrepareConfig(photo_folder, out, size=32))
    for path, image in zip(store.paths, store.images, strict=True):
        np.testing.assert_array_equal(image, decode_face(Path(path), 32))
    assert content(out) == content(prepared)  # chunks of 8 here and of 64 in a worker there
    assert names_in(out) == ["faces.csv", "images.npy", "rejected.csv", "store.json"]


def test_header_length_does_not_depend_on_the_number_of_faces():
    lengths = {len(array_header(n, 512)) for n in (0, 1, 10**5, 10**9)}
    assert len(lengths) == 1


def test_a_given_test_folder_stays_and_its_near_duplicates_go(tmp_path):
    source, out = tmp_path / "lab", tmp_path / "store"
    for i in range(24):
        save(source / "train" / str(i % 2) / f"{i:02d}.png", i)
    for i in range(6):
        save(source / "test" / str(i % 2) / f"t{i}.png", 100 + i)
    Image.fromarray(picture(101)[:, ::-1].copy()).save(
        source / "train" / "1" / "copy.jpg", quality=60
    )
    store = prepare(PrepareConfig(source, out, size=32))
    assert {Path(p).name for p in store.paths[store.indices("test")]} == (
        {f"t{i}.png" for i in range(6)}
    )
    assert len(store) == 30
    assert rejected(out) == {
        "copy.jpg": f"near-duplicate of {source}/test/1/t1.png in the given test"
    }
    assert store.info["counts"]["rejected"] == 1
    for path, image in zip(store.paths, store.images, strict=True):
        np.testing.assert_array_equal(image, decode_face(Path(path), 32))
    assert names_in(out) == ["faces.csv", "images.npy", "rejected.csv", "store.json"]

    again = prepare(PrepareConfig(source, tmp_path / "resplit", size=32, resplit=True))
    assert len(again) == 31
    in_test = {Path(p).name for p in again.paths[again.indices("test")]}
    assert in_test != {f"t{i}.png" for i in range(6)}
    both = np.isin([Path(p).name for p in again.paths], ["copy.jpg", "t1.png"])
    assert len(set(again.splits[both])) == 1


def test_a_val_face_that_repeats_a_test_face_is_dropped_with_its_reason(tmp_path):
    source, out = tmp_path / "lab", tmp_path / "store"
    for i in range(12):
        save(source / ("train", "val", "test")[i % 3] / str(i // 3 % 2) / f"{i:02d}.png", i)
    shutil.copy(source / "test" / "0" / "02.png", source / "val" / "0" / "same.png")
    shutil.copy(source / "val" / "1" / "04.png", source / "train" / "1" / "again.png")
    prepare(PrepareConfig(source, out, size=32))
    listed = rejected(out)
    assert listed["same.png"].endswith("02.png in the given test")
    assert listed["again.png"].endswith("04.png in the given val")
    assert len(listed) == 2


def test_nothing_is_left_to_do_the_second_time(photo_folder, tmp_path, capsys):
    config = PrepareConfig(photo_folder, tmp_path / "store", size=32)
    prepare(config)
    before = (tmp_path / "store" / "images.npy").stat().st_mtime_ns
    (tmp_path / "store" / "images.npy.partial").write_bytes(b"left by a kill at the very end")
    prepare(replace(config, workers=7))
    assert "nothing to do" in capsys.readouterr().out
    assert (tmp_path / "store" / "images.npy").stat().st_mtime_ns == before
    assert not (tmp_path / "store" / "images.npy.partial").exists()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"size": 40}, "size"),
        ({"seed": 3}, "seed"),
        ({"young": (20, 27)}, "young"),
        ({"val_fraction": 0.2, "test_fraction": 0.2}, "val_fraction, test_fraction"),
    ],
)
def test_other_settings_are_refused_by_name(prepared, photo_folder, change, named):
    config = replace(PrepareConfig(photo_folder, prepared, size=32), **change)
    with pytest.raises(UserError, match=f"made with another {named}: choose another --out, or"):
        prepare(config)
    FaceStore.open(prepared)


def test_other_photos_are_refused_and_overwritten_on_request(tmp_path):
    source, out = fill_cacd(tmp_path / "photos", 32), tmp_path / "store"
    config = PrepareConfig(source, out, size=32)
    prepare(config)
    save(source / "23_New_Face_0001.jpg", 999)
    with pytest.raises(UserError, match="another set of photos: choose"):
        prepare(config)
    assert len(prepare(replace(config, overwrite=True))) == 33
    (source / "23_New_Face_0001.jpg").write_bytes(
        (source / "23_New_Face_0001.jpg").read_bytes() + b" "
    )
    with pytest.raises(UserError, match="another set of photos"):
        prepare(config)


@pytest.mark.parametrize("info", ["", '{"format"', "[]", '{"format": 1}', '{"request": 5}'])
def test_overwrite_replaces_a_damaged_store(prepared, photo_folder, tmp_path, info):
    out = shutil.copytree(prepared, tmp_path / "store")
    (out / "store.json").write_text(info)
    config = PrepareConfig(photo_folder, out, size=32)
    with pytest.raises(
        UserError,
        match=r"(not valid JSON|not of a format|lacks request).*replace it with --overwrite",
    ):
        prepare(config)
    prepare(replace(config, overwrite=True))
    assert content(out) == content(prepared)


class StoppedError(Exception):
    """Stands for a kill."""


def stop_after(monkeypatch, chunks, error=StoppedError):
    """Let decoding raise after some chunks."""
    usual = module.decode_chunks

    def some(all_chunks, config):
        for i, result in enumerate(usual(all_chunks, config)):
            if i == chunks:
                raise error
            yield result

    monkeypatch.setattr(module, "decode_chunks", some)


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


@pytest.mark.parametrize("name", ["faces.csv", "rejected.csv", "store.json"])
def test_a_run_stopped_while_finishing_decodes_nothing_again(
    prepared, photo_folder, tmp_path, monkeypatch, capsys, name
):
    config = PrepareConfig(photo_folder, tmp_path / "store", size=32)
    usual = files.written_whole

    def full(path):
        if path.name == name:
            raise UserError(f"cannot write {path}: the disk is full")
        return usual(path)

    with monkeypatch.context() as patch:
        patch.setattr(files, "written_whole", full)
        with pytest.raises(UserError, match="the disk is full"):
            prepare(config)
    with pytest.raises(UserError, match="half-written"):
        FaceStore.open(config.out)
    prepare(config)
    assert "going on after 48 photos" in capsys.readouterr().out
    assert content(config.out) == content(prepared)


def test_a_full_disk_while_decoding_is_one_sentence_and_resumes(
    prepared, photo_folder, tmp_path, monkeypatch, capsys
):
    config = PrepareConfig(photo_folder, tmp_path / "store", size=32)
    with monkeypatch.context() as patch:
        stop_after(patch, 2, OSError(errno.ENOSPC, "No space left on device"))
        with pytest.raises(UserError, match=r"cannot write .*store: the disk is full$"):
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
    with pytest.raises(UserError, match="the disk is full"):
        prepare(PrepareConfig(photo_folder, out, size=32))


def test_an_out_that_is_a_file_is_refused(photo_folder, tmp_path):
    (tmp_path / "store").write_text("")
    with pytest.raises(UserError, match="a file of that name is in the way"):
        prepare(PrepareConfig(photo_folder, tmp_path / "store", size=32))


def test_a_class_of_which_nothing_decodes_is_named(tmp_path):
    source = tmp_path / "lab"
    for i in range(6):
        save(source / "0" / f"{i}.png", i)
    (source / "1").mkdir()
    (source / "1" / "x.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"no photo of class old in .* could be decoded"):
        prepare(PrepareConfig(source, tmp_path / "store", size=32))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"size": 31}, "--size 31 is not between 32 and 512"),
        ({"size": 513}, "--size 513"),
        ({"workers": 0}, "--workers 0"),
        ({"young": (20, 60)}, "the classes overlap"),
    ],
)
def test_impossible_settings_are_refused(tmp_path, wrong, sentence):
    with pytest.raises(UserError, match=sentence):
        PrepareConfig(tmp_path, tmp_path / "out", **wrong)


def test_names_that_are_not_utf8_are_kept(tmp_path, capsys):
    source = tmp_path / os.fsdecode(b"caf\xe9")
    fill_cacd(source, 32)
    odd = source / os.fsdecode(b"24_Ren\xe9_Roy_0001.jpg")
    save(odd, 500)
    config = PrepareConfig(source, tmp_path / os.fsdecode(b"st\xf6re"), size=32)
    sys.stdout.reconfigure(errors="backslashreplace")  # as run_recipe does
    store = prepare(config)
    assert sum("Ren\\udce9" in path for path in store.paths) == 1
    prepare(config)
    assert "nothing to do" in capsys.readouterr().out


def test_unknown_ages_stay_unknown(tmp_path):
    for i in range(24):
        save(tmp_path / "lab" / str(i % 2) / f"{i}.png", i)
    store = prepare(PrepareConfig(tmp_path / "lab", tmp_path / "store", size=32))
    assert set(store.ages) == {-1}
    assert set(store.identities) == {""}


def test_decode_chunk_reports_every_file(tmp_path):
    good = save(tmp_path / "a.png", 0)
    (tmp_path / "b.png").write_bytes(b"")
    images, entries = decode_chunk([good, tmp_path / "b.png", good], 32)
    assert len(images) == 2 * 32 * 32 * 3
    assert [entry.reason for entry in entries] == ["", "empty file", ""]
    assert [len(entry.hash) for entry in entries] == [64, 0, 64]


def test_the_request_is_plain_json(photo_folder, tmp_path):
    catalog = module.read_catalog(photo_folder, module.AgeRanges(), None)
    request = module.describe_request(PrepareConfig(photo_folder, tmp_path), catalog)
    assert json.loads(json.dumps(request)) == request
    assert isinstance(catalog.faces[0], Face)
    assert not {"out", "workers", "overwrite"} & set(request)


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
    with ProcessPoolExecutor(1, context, initializer=module.end_with_parent) as pool:
        assert pool.submit(signal.raise_signal, signal.SIGINT).result(timeout=60) is None
