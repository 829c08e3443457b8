"""The study of discriminators as a real command."""

from functools import partial
from pathlib import Path

from photos import recipe, recipe_here

from agegen.cyclegan.discriminator_study import SETTINGS
from agegen.faces.store import FaceStore
from agegen.run.files import read_json

study = partial(recipe, "study_discriminators")


def test_prints_and_saves_a_row_a_setting(striped_store: FaceStore, tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    short = ("--size", 48, "--width", 4, "--steps", 2, "--held-out", 5, "--seeds", 2)
    done = study("--faces", striped_store.folder, "--out", out, *short)
    assert done.returncode == 0, done.stderr
    saved = read_json(out)
    assert saved["n"] == 10
    assert [tuple(row[name] for name in SETTINGS[0]._fields) for row in saved["rows"]] == [
        tuple(setting) for setting in SETTINGS
    ]
    for row in saved["rows"]:
        assert len(row["of_seeds"]) == 2
        assert f"| {row['auc']['value']:.3f} [" in done.stdout


def test_mistakes_are_one_sentence(striped_store: FaceStore) -> None:
    for option, value, says in (("--seeds", 0, "must be above 0"), ("--size", 30, "at least 48")):
        failed = recipe_here("study_discriminators", "--faces", striped_store.folder, option, value)
        assert failed.returncode == 2
        assert says in failed.stderr
