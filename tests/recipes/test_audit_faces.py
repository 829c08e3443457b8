import json
import shutil

from photos import NAMES, recipe, save

from agegen.faces.prepare import PrepareConfig, prepare


def test_a_prepared_store_has_no_leak(prepared, tmp_path):
    store = shutil.copytree(prepared, tmp_path / "store")
    done = recipe("audit_faces", "--faces", store)
    assert done.returncode == 0, done.stderr
    assert "48 faces" in done.stdout
    assert "LEAK" not in done.stdout
    assert f"saved to {store}/audit.json" in done.stdout
    saved = json.loads((store / "audit.json").read_text())
    assert saved["faces"] == 48
    assert saved["shared_identities"] == {"train-val": 0, "train-test": 0, "val-test": 0}


def test_looking_up_known_people_is_right_every_time(tmp_path):
    # Everyone is in all three splits, which the source gives.
    for i in range(48):
        age, split = (23 if i % 2 else 57), ("train", "val", "test")[i // 8 % 3]
        name = f"{age}_{NAMES[i % 8]}_{i:04d}.png"
        save(tmp_path / "lab" / split / str(int(age > 40)) / name, i)
    prepare(PrepareConfig(tmp_path / "lab", tmp_path / "store", size=32, workers=1))
    done = recipe("audit_faces", "--faces", tmp_path / "store", "--out", tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text())["identity_lookup"]["accuracy"] == 1
    assert not (tmp_path / "store" / "audit.json").exists()
    assert "LEAK: 8 identities in both train-val" in done.stdout
    assert "LEAK: 8 identities in both train-test" in done.stdout
    assert "LEAK: 8 identities in both val-test" in done.stdout
    assert "looking up identity alone: accuracy 100.00%" in done.stdout


def test_no_store_is_one_sentence(tmp_path):
    done = recipe("audit_faces", "--faces", tmp_path / "nowhere")
    assert done.returncode == 2
    assert done.stderr.startswith("error: no FaceStore at")
    assert "Traceback" not in done.stderr
