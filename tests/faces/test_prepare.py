import csv
import json
import os
import random
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from photos import fill_cacd, picture, save
from PIL import Image
from prepared_stores import content

from agegen.faces.catalog import read_catalog
from agegen.faces.decode import decode_face
from agegen.faces.prepare import WRITTEN, PrepareConfig, describe_request, prepare
from agegen.faces.records import AgeRanges, Face
from agegen.faces.store import FaceStore, read_columns
from agegen.run.errors import UserError
from agegen.run.files import lock
from agegen.run.folder import Run

pytestmark = pytest.mark.usefixtures("few_in_this_process")


def names_in(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


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


def test_a_table_of_a_spreadsheet_is_prepared_line_by_line(tmp_path, capsys):
    lines = ["filename;age;Sex;set"]
    for i in range(40):
        save(tmp_path / "source" / "imgs" / f"{i}.png", i)
        split = ("training", "valid", "Test", "training")[i // 2 % 4]
        lines.append(f"imgs\\{i}.png;{57 if i % 2 else 23},0;{'M' if i < 10 else 'F'};{split}")
    lines[31] = '"' + lines[31]
    (tmp_path / "source" / "faces.csv").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "source" / "imgs" / ".DS_Store").write_bytes(b"")
    (tmp_path / "source" / "imgs" / "new.png").write_bytes(b"")
    store = prepare(PrepareConfig(tmp_path / "source", tmp_path / "store", size=32))
    assert len(store) == 39
    assert sorted(rejected(store.folder).values()) == [
        "faces.csv does not name it",
        "faces.csv does not name it",
        "line 32 of faces.csv: a quotation mark is out of place, or not closed in the same line",
    ]
    assert "and not read" not in capsys.readouterr().out
    assert set(store.genders) == {"female", "male"}
    assert sum(store.genders == "male") == 10
    # an older version kept genders as the table had them
    table = (store.folder / "faces.csv").read_text().replace(",male,", ",m,")
    (store.folder / "faces.csv").write_text(table.replace(",female,", ",f,"))
    assert set(read_columns(store.folder / "faces.csv")["gender"]) == {"female", "male"}


def test_copies_that_are_young_and_old_at_once_are_said(tmp_path, capsys):
    for i in range(24):
        save(tmp_path / "lab" / str(i % 2) / f"{i}.png", i)
    shutil.copy(tmp_path / "lab" / "0" / "4.png", tmp_path / "lab" / "1" / "4.png")
    prepare(PrepareConfig(tmp_path / "lab", tmp_path / "store", size=32))
    lab = tmp_path / "lab"
    assert (
        "note: 1 pair of photos is nearly the same, but one is young and one old: first "
        f"{lab}/0/4.png and {lab}/1/4.png"
    ) in capsys.readouterr().out


def test_the_request_is_plain_json(photo_folder, tmp_path):
    catalog = read_catalog(photo_folder, AgeRanges(), None)
    request = describe_request(PrepareConfig(photo_folder, tmp_path), catalog)
    assert json.loads(json.dumps(request)) == request
    assert isinstance(catalog.faces[0], Face)
    assert not {"out", "workers", "overwrite"} & set(request)


def test_two_at_a_time_in_one_folder_are_refused(photo_folder, tmp_path, prepared):
    config = PrepareConfig(photo_folder, tmp_path / "store", size=32)
    held = lock(config.out, "")
    with pytest.raises(UserError, match=r"another prepare_faces\.py is at work"):
        prepare(config)
    held.close()
    prepare(config)
    assert content(config.out) == content(prepared)


def test_files_that_no_store_vouches_for_are_never_replaced(photo_folder, tmp_path):
    rng = random.Random(0)
    for trial in range(100):
        out = tmp_path / str(trial)
        out.mkdir()
        for name in rng.sample(WRITTEN, rng.randint(1, 4)):
            (out / name).write_bytes(rng.randbytes(20))
        (out / "notes.txt").write_text("mine")
        before = {path.name: path.read_bytes() for path in out.iterdir()}
        with pytest.raises(UserError, match="in the way"):
            prepare(PrepareConfig(photo_folder, out, size=32, overwrite=rng.random() < 0.5))
        assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_table_of_ones_own_is_read_beside_its_name_but_never_replaced(photo_folder, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    ages = {path: path.name[:2] for path in sorted(photo_folder.glob("*.jpg"))}
    text = "path,age\n" + "".join(f"{path},{age}\n" for path, age in ages.items())
    for name in ("faces.csv", "rejected.csv"):
        (mine / name).write_text(text)
        with pytest.raises(UserError, match=r"would be replaced|in the way"):
            prepare(PrepareConfig(mine / name, mine, size=32, overwrite=True))
        assert (mine / name).read_text() == text
        (mine / name).rename(mine / "own.csv")
    assert len(prepare(PrepareConfig(mine / "own.csv", mine, size=32))) == len(ages)
    with pytest.raises(UserError, match="would be replaced"):  # a source for other places only
        prepare(PrepareConfig(mine / "faces.csv", mine, size=32, overwrite=True))


def test_a_run_and_a_store_do_not_share_a_folder(prepared, photo_folder, tmp_path):
    shutil.copytree(prepared, tmp_path / "store")
    with pytest.raises(UserError, match="holds a FaceStore"):
        Run(tmp_path / "store").start(PrepareConfig(photo_folder, tmp_path), {}, resume=False)
    Run(tmp_path / "run").start(PrepareConfig(photo_folder, tmp_path), {}, resume=False)
    with pytest.raises(UserError, match="holds a training's run"):
        prepare(PrepareConfig(photo_folder, tmp_path / "run", size=32, overwrite=True))


@pytest.mark.parametrize("seed", range(3))
def test_stores_of_all_sizes_have_the_same_split(tmp_path, seed):
    """Near-duplicates, which decide it, are looked for at one size, near their threshold too."""
    draw, source = np.random.default_rng(seed), tmp_path / "source"
    for i in range(60):
        face = Image.fromarray(picture(1000 * seed + i)).resize((160, 160))
        save_as = source / str(i % 2)
        save_as.mkdir(parents=True, exist_ok=True)
        face.save(save_as / f"{i:02d}.png")
        if i < 20:  # copies, more or less like it
            other = Image.fromarray(picture(1000 * seed + i + 500)).resize((160, 160))
            Image.blend(face, other, draw.uniform(0, 0.5)).save(save_as / f"{i:02d}_again.jpg")
    stores = [
        prepare(PrepareConfig(source, tmp_path / str(size), size=size, seed=seed))
        for size in (32, 100, 133)
    ]
    for store in stores[1:]:
        assert np.array_equal(store.paths, stores[0].paths)
        assert np.array_equal(store.hashes, stores[0].hashes)
        assert np.array_equal(store.splits, stores[0].splits)
