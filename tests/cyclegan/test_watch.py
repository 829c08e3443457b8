"""A look at held-out faces: its pictures, figures and alarms, and the generators it chooses."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_cyclegans import assert_same_end, small_config, steps_of

from agegen.cyclegan import watch as watch_module
from agegen.cyclegan.train import train
from agegen.cyclegan.translate import Translator, load_translator
from agegen.cyclegan.watch import SHOWN, WATCHED, choose_watched
from agegen.evaluation import selection
from agegen.evaluation.alarm_limits import LIMITS, is_alarming
from agegen.evaluation.alarms import KNOWN, Symptoms, measure
from agegen.evaluation.face_sheet import COLUMNS, GAP
from agegen.evaluation.held_out import choose_by_class
from agegen.faces.store import FaceStore
from agegen.faces.views import to_uint8
from agegen.run.files import read_json, write_json
from agegen.run.folder import Run
from agegen.run.tensor_files import load_tensors

CPU = torch.device("cpu")


def looks_of(run: Path) -> list[dict]:
    """Without their seconds, which no two looks share."""
    looks = [record for record in Run(run).metrics() if record["kind"] == "watch"]
    assert all(look.pop("seconds") > 0 for look in looks)
    return looks


def held_out(store: FaceStore, translator: Translator) -> dict[str, torch.Tensor]:
    chosen = choose_watched(store, translator.config.seed)
    return {name: translator.views(store.images[i]) for name, i in chosen.items()}


def test_a_sheet_shows_faces_pixel_for_pixel(drawn_store: FaceStore, cyclegan_run: Path) -> None:
    translator = load_translator(cyclegan_run, "generators", CPU)
    sheet = np.asarray(Image.open(cyclegan_run / "watch" / "pairs_000000080.png")).astype(int)
    side, faces = translator.config.size, held_out(drawn_store, translator)
    cell = side + GAP
    assert sheet.shape == (SHOWN * cell, 2 * len(COLUMNS) * cell, 3)
    for block, (source, to) in enumerate((("young", "old"), ("old", "young"))):
        real = faces[source][:SHOWN]
        made = translator.translate(real, to)
        expected = (
            real,
            made,
            translator.translate(made, source),
            translator.translate(real, source),
        )
        for column, column_faces in enumerate(expected, block * len(COLUMNS)):
            for row, face in enumerate(to_uint8(column_faces).numpy().astype(int)):
                shown = sheet[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell]
                # another batch size may round another way
                assert np.abs(shown[:side, :side] - face).max() <= (column % len(COLUMNS) > 0)
                assert (shown[side:] == 255).all()
                assert (shown[:, side:] == 255).all()


def test_the_figures_of_both_directions_are_logged(
    drawn_store: FaceStore, cyclegan_run: Path
) -> None:
    first, last = looks_of(cyclegan_run)
    assert (first["pairs"], last["pairs"]) == (40, 80)
    translator = load_translator(cyclegan_run, "generators", CPU)
    faces = held_out(drawn_store, translator)
    chosen = choose_by_class(drawn_store, "train", KNOWN, translator.config.seed)
    known = {name: translator.views(drawn_store.images[i]) for name, i in chosen.items()}
    for source, to in (("young", "old"), ("old", "young")):
        fake = translator.translate(faces[source], to)
        expected = measure(faces[source], fake, faces[to], known[to])
        for name, value in expected._asdict().items():
            assert last[f"{name}_{to}"] == pytest.approx(value, rel=1e-3, abs=1e-4), name


def test_held_out_faces_are_validation_faces(drawn_store: FaceStore, cyclegan_run: Path) -> None:
    translator = load_translator(cyclegan_run, "generators", CPU)
    val = drawn_store.indices("val")
    for label, name in enumerate(("young", "old")):
        mine = val[drawn_store.labels[val] == label]
        assert len(mine) <= WATCHED
        chosen = choose_watched(drawn_store, translator.config.seed)[name]
        assert sorted(chosen) == mine.tolist()
        assert chosen.tolist() != mine.tolist()  # in random order
        expected = translator.views(drawn_store.images[chosen])
        assert torch.equal(held_out(drawn_store, translator)[name], expected)


def test_alarms_are_logged_and_printed_once_generators_had_time(
    drawn_store: FaceStore, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / "run"
    train(small_config(drawn_store, out, watch_every=4))  # twelve looks
    records = Run(out).metrics()
    alarms = {(r["step"], r["name"], r["direction"]) for r in records if r["kind"] == "alarm"}
    expected = {
        (look["step"], name, to)
        for look in looks_of(out)
        for name in Symptoms._fields
        for to in ("young", "old")
        if is_alarming(name, look[f"{name}_{to}"]) and look["step"] >= 2
    }
    assert expected
    assert {a for a in alarms if a[1] != "discriminator_accuracy"} == expected
    assert any(is_alarming("diversity", look["diversity_old"]) for look in looks_of(out)[:1])
    assert capsys.readouterr().out.count("alarm after") == len(alarms)


def test_too_strong_discriminators_are_known_from_the_steps_since_the_last_look(
    drawn_store: FaceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIMITS, "discriminator_accuracy", 0.0)
    out = tmp_path / "run"
    train(small_config(drawn_store, out, watch_every=12))
    rows = steps_of(out)
    found = {
        r["step"]: r["value"]
        for r in Run(out).metrics()
        if r["kind"] == "alarm" and r["name"] == "discriminator_accuracy"
    }
    assert sorted(found) == [3, 6, 9, 12]
    for step, value in found.items():
        both = [
            r[f"discriminator_accuracy_{name}"]
            for r in rows[step - 3 : step]
            for name in ("young", "old")
        ]
        assert value == pytest.approx(np.mean(both))


def judged_config(store: FaceStore, out: Path, judge: Path, **options: object):
    options = {"watch_every": 8, "checkpoint_every": 8, "keep_checkpoints": 9} | options
    return small_config(store, out, judge=judge, learning_rate=3e-3, **options)


@pytest.fixture
def no_alarms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small generators raise alarms all the time, and are nowhere near real faces."""
    monkeypatch.setattr(watch_module, "FIRST_ALARM", 2.0)
    monkeypatch.setattr(selection, "kid", lambda _a, _b: 0.0)


@pytest.mark.usefixtures("no_alarms")
def test_the_judge_chooses_the_best_and_a_resume_keeps_it(
    drawn_store: FaceStore, trained_run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    train(judged_config(drawn_store, out, trained_run))
    looks = looks_of(out)
    scores = [min(1.0, r["judge_share_young"], r["judge_share_old"]) for r in looks]
    assert len(set(scores)) == 6
    number = int(np.argmax(scores))
    step = looks[number]["step"]
    best = {"score": scores[number], "step": step, "pairs": 4 * step}
    best |= {name: value for name, value in looks[number].items() if name.startswith("judge_")}
    assert read_json(out / "best.json") == best
    weights = load_tensors(out / "best.safetensors")
    saved = load_tensors(out / "checkpoints" / f"step_{step:09d}" / "averaged.safetensors")
    assert all(torch.equal(w, saved[f"module.{name}"]) for name, w in weights.items())

    for folder in Run(out).checkpoints()[number + 1 :]:  # as if killed right after the best look
        shutil.rmtree(folder)
    whole = {p.name: p.read_bytes() for p in out.glob("best.*")}
    train(judged_config(drawn_store, out, trained_run, resume=True))
    assert {p.name: p.read_bytes() for p in out.glob("best.*")} == whole
    assert looks_of(out) == looks


@pytest.fixture
def judge_of_another_store(trained_run: Path, tmp_path: Path) -> Path:
    judge = shutil.copytree(trained_run, tmp_path / "judge")
    config = read_json(judge / "config.json")
    config["data"]["checksum"] = "another"
    write_json(judge / "config.json", config)
    return judge


def test_looks_with_an_alarm_are_not_chosen_and_a_doubtful_judge_is_named(
    drawn_store: FaceStore,
    judge_of_another_store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setattr(watch_module, "FIRST_ALARM", 0.0)
    monkeypatch.setitem(LIMITS, "diversity", 1e9)
    train(judged_config(drawn_store, tmp_path / "run", judge_of_another_store))
    assert not list((tmp_path / "run").glob("best.*"))
    printed = capsys.readouterr().out
    assert f"note: --judge {judge_of_another_store} was trained on another store" in printed
    assert "note: no look was chosen as the best" in printed


def test_watching_does_not_change_the_training(
    drawn_store: FaceStore, trained_run: Path, tmp_path: Path
) -> None:
    often, seldom = tmp_path / "often", tmp_path / "seldom"
    train(small_config(drawn_store, often, watch_every=4, judge=trained_run))
    train(small_config(drawn_store, seldom))
    assert len(looks_of(often)) == 12
    assert len(looks_of(seldom)) == 1
    assert_same_end(often, seldom)
    assert steps_of(often) == steps_of(seldom)
