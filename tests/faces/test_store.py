import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from agegen.faces.decode import decode_face
from agegen.faces.decode_all import HASHED
from agegen.faces.near_duplicates import difference_hash
from agegen.faces.store import FaceStore
from agegen.run.errors import UserError


@pytest.fixture
def copy(prepared, tmp_path):
    return shutil.copytree(prepared, tmp_path / "store")


def test_a_store_holds_what_its_columns_say(prepared, photo_folder):
    store = FaceStore.open(prepared)
    n = len(list(photo_folder.iterdir()))
    assert len(store) == n == store.info["counts"]["faces"]
    assert store.images.shape == (n, 32, 32, 3)
    assert store.images.dtype == np.uint8
    assert store.size == 32
    assert not store.images.flags.writeable
    for i in range(n):
        name = store.paths[i].rsplit("/", 1)[1]
        age, first, last, _ = name.split("_")
        assert (store.ages[i], store.identities[i]) == (int(age), f"{first}_{last}")
        assert store.labels[i] == (int(age) > 40)
        whole = decode_face(Path(store.paths[i]), HASHED)
        np.testing.assert_array_equal(store.hashes[i], difference_hash(whole))


def test_indices_of_the_splits_partition_the_store(prepared):
    store = FaceStore.open(prepared)
    parts = [store.indices(split) for split in ("train", "val", "test")]
    assert all(len(part) for part in parts)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), store.indices("all"))
    np.testing.assert_array_equal(store.indices("all"), np.arange(len(store)))


def test_the_checksum_tells_stores_apart(prepared, copy):
    info = json.loads((copy / "store.json").read_text())
    assert FaceStore.open(copy).checksum == FaceStore.open(prepared).checksum
    info["checksums"]["images.npy"] = "0" * 64
    (copy / "store.json").write_text(json.dumps(info))
    assert FaceStore.open(copy, verify=False).checksum != FaceStore.open(prepared).checksum


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


DAMAGES = {
    "flipped byte": (lambda s: flip_a_byte(s / "images.npy"), "images.npy has changed since"),
    "truncated images": (lambda s: cut(s / "images.npy"), "images.npy has not the size"),
    "no images": (lambda s: (s / "images.npy").unlink(), "images.npy is missing"),
    "no table": (lambda s: (s / "faces.csv").unlink(), "faces.csv is missing"),
    "edited table": (lambda s: flip_a_byte(s / "faces.csv"), "faces.csv has changed since"),
    "longer table": (
        lambda s: (s / "faces.csv").write_text((s / "faces.csv").read_text() + "x"),
        "faces.csv has not the size",
    ),
    "half store.json": (lambda s: cut(s / "store.json"), "store.json is damaged: not valid JSON"),
    "empty store.json": (lambda s: (s / "store.json").write_text(""), "not valid JSON"),
    "binary store.json": (lambda s: (s / "store.json").write_bytes(b"\xff\xfe"), "not valid JSON"),
    "list in store.json": (lambda s: (s / "store.json").write_text("[1]"), "not of a format"),
    "other version": (lambda s: (s / "store.json").write_text('{"format": 99}'), "not of a format"),
    "bare store.json": (
        lambda s: (s / "store.json").write_text('{"format": 1, "request": {}}'),
        "store.json lacks counts and bytes and checksums",
    ),
    "store.json is a folder": (
        lambda s: ((s / "store.json").unlink(), (s / "store.json").mkdir()),
        "cannot be read: Is a directory",
    ),
    "no store.json": (lambda s: (s / "store.json").unlink(), r"is not a FaceStore \(no store.json"),
    "half-written": (
        lambda s: ((s / "store.json").unlink(), (s / "journal.jsonl").write_text("{}\n")),
        "is half-written: run the same prepare_faces.py command again",
    ),
    "gone": (shutil.rmtree, "no FaceStore at .*: make one with"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named(copy, damage):
    harm, sentence = DAMAGES[damage]
    FaceStore.open(copy)
    harm(copy)
    with pytest.raises(UserError, match=sentence):
        FaceStore.open(copy)


def test_without_verification_only_the_images_are_trusted(copy):
    flip_a_byte(copy / "images.npy")
    assert len(FaceStore.open(copy, verify=False)) == 48
    flip_a_byte(copy / "faces.csv")
    with pytest.raises(UserError, match=r"faces\.csv has changed"):
        FaceStore.open(copy, verify=False)
