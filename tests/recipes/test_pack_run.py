"""pack_run as a real command, for both kinds of run."""

import json
import os
import shutil
import subprocess
import sys

import torch
from made_photos import keep_made_geometry
from photos import REPOSITORY, recipe
from safetensors.torch import load_file

from agegen.cyclegan.translate import load_translator, write_strength


def test_a_classifier_is_packed(trained_run, drawn_store, tmp_path):
    keep_made_geometry(drawn_store, shutil.copytree(drawn_store.folder, tmp_path / "faces"))
    flags = ("--run", trained_run, "--out", tmp_path / "packed", "--faces", tmp_path / "faces")
    done = recipe("pack_run", *flags)
    assert done.returncode == 0, done.stderr
    assert "test faces, as trained and in half precision: balanced accuracy" in done.stdout
    assert f"saved to {tmp_path / 'packed'} (" in done.stdout
    again = recipe("pack_run", *flags)
    assert again.returncode == 2
    assert "already holds a run: choose another --out" in again.stderr


def test_generators_are_packed(cyclegan_run, drawn_store, tmp_path):
    faces, out = tmp_path / "faces", tmp_path / "packed"
    keep_made_geometry(drawn_store, shutil.copytree(drawn_store.folder, faces))
    run = shutil.copytree(cyclegan_run, tmp_path / "run")
    done = recipe("pack_run", "--run", run, "--out", out, "--faces", faces)
    assert done.returncode == 0, done.stderr
    assert "weights: generators" in done.stdout
    assert {w.dtype for w in load_file(out / "generators.safetensors").values()} == {torch.float16}
    assert (out / "geometry.json").exists()
    assert "/" not in (out / "config.json").read_text()
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    before, after = (load_translator(f, device="cpu").translate(x, "old") for f in (run, out))
    torch.testing.assert_close(after, before, atol=0.01, rtol=0)


def test_what_was_chosen_goes_along_and_paths_stay(delta_run, drawn_store, tmp_path):
    faces, run = tmp_path / "faces", shutil.copytree(delta_run, tmp_path / "run")
    keep_made_geometry(drawn_store, shutil.copytree(drawn_store.folder, faces))
    chosen = {"young": {"strength": 0.6}, "old": {"strength": 1.3}}
    write_strength(run, "generators", chosen)
    done = recipe("pack_run", "--run", run, "--out", tmp_path / "packed", "--faces", faces)
    assert done.returncode == 0, done.stderr
    config = json.loads((tmp_path / "packed" / "config.json").read_text())
    assert "/" not in json.dumps(config)
    assert len(config["trunk"]) == 64  # of random convolutions, not of ImageNet's
    assert config["config"]["discriminator"]["trunk"] == "alexnet.safetensors"
    assert config["config"]["balance"] == ["groups.csv"]
    packed = load_translator(tmp_path / "packed", device="cpu")
    assert packed.strength == {"young": 0.6, "old": 1.3}


def test_a_class_of_ones_own_is_not_packed(cyclegan_run, drawn_store, tmp_path):
    faces, run = tmp_path / "faces", shutil.copytree(cyclegan_run, tmp_path / "run")
    keep_made_geometry(drawn_store, shutil.copytree(drawn_store.folder, faces))
    (tmp_path / "my_same.py").write_text(
        "from agegen.cyclegan.model import ResnetGenerator\nclass Same(ResnetGenerator): pass\n"
    )
    saved = json.loads((run / "config.json").read_text())
    saved["config"]["generator"] |= {"name": "my_same:Same", "residual": False}
    (run / "config.json").write_text(json.dumps(saved))
    flags = ("--run", run, "--out", tmp_path / "packed", "--faces", faces)
    done = recipe("pack_run", *flags, PYTHONPATH=os.pathsep.join(map(str, (tmp_path, REPOSITORY))))
    assert done.returncode == 0, done.stderr
    assert "warning: my_same:Same is a class of your own and is not in it" in done.stdout


def test_a_folder_that_is_no_run_is_one_sentence(tmp_path):
    done = recipe("pack_run", "--run", tmp_path, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "config.json does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def test_mistakes_need_not_wait_for_pytorch(tmp_path):
    code = (
        "import runpy, sys\n"
        "try: runpy.run_path('recipes/pack_run.py', run_name='__main__')\n"
        "except SystemExit as end: print(end.code, 'torch' in sys.modules)"
    )
    for flags, said in ((("--card",), "--card needs --license"), ((), "does not exist")):
        parts = ("--run", str(tmp_path), "--out", str(tmp_path / "out"), *flags)
        done = subprocess.run(
            [sys.executable, "-c", code, *parts], cwd=REPOSITORY, capture_output=True, text=True
        )
        assert done.stdout == "2 False\n", done.stderr
        assert said in done.stderr
