"""A store and runs that the code of November 2026 wrote open still, and go on.

kept/runs_of_november_2026.zip: 36 drawn faces of 40 pixels; a plain CNN of widths 4 and 8 after the
first of its two epochs, evaluated, its best weights those of the end; a CycleGAN of width 2 after 2
of its 4 steps, with looks and generators of the end, as a kill leaves them.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from agegen.classifier.config import TrainConfig
from agegen.classifier.evaluate_run import evaluate_run
from agegen.classifier.predict import load_classifier
from agegen.classifier.train import train as train_classifier
from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.train import train as train_cyclegan
from agegen.cyclegan.translate import load_translator
from agegen.evaluation.frozen_classifier import load_judge
from agegen.faces.store import FaceStore
from agegen.photos.pack import pack_classifier, pack_cyclegan
from agegen.report.classifier import page as classifier_page
from agegen.report.cyclegan import page as cyclegan_page
from agegen.run.configs import from_plain
from agegen.run.files import read_json
from agegen.run.folder import Run

ZIP = Path(__file__).parent / "kept" / "runs_of_november_2026.zip"
FACES, CLASSIFIER, CYCLEGAN = (Path("kept", name) for name in ("faces", "classifier", "cyclegan"))


@pytest.fixture(autouse=True)
def unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.unpack_archive(ZIP, tmp_path)
    monkeypatch.chdir(tmp_path)


def test_the_store_opens() -> None:
    store = FaceStore.open(FACES)
    assert store.images.shape == (36, 40, 40, 3)
    assert read_json(CYCLEGAN / "config.json")["data"]["checksum"] == store.checksum


def test_both_are_used_as_before() -> None:
    store = FaceStore.open(FACES)
    classifier = load_classifier(CLASSIFIER, "cpu")
    assert (classifier.crop, classifier.size) == (38, 40)
    before = read_json(CLASSIFIER / "evaluation.json")
    evaluate_run(CLASSIFIER)
    after = read_json(CLASSIFIER / "evaluation.json")
    assert after.keys() >= before.keys()
    for name in ("roc_auc", "negative_log_likelihood"):
        assert after[name] == pytest.approx(before[name], rel=1e-4)
    translator = load_translator(CYCLEGAN, device="cpu")
    older = translator.translate(translator.views(store.images[:2]), "old")
    assert older.shape == (2, 3, 32, 32)
    assert load_judge(CLASSIFIER, "cpu").scores(older)["p_old"].shape == (2,)


def test_both_go_on_to_their_end() -> None:
    saved = read_json(CYCLEGAN / "config.json")["config"]
    config = from_plain(CycleGANConfig, saved, CYCLEGAN / "config.json")
    train_cyclegan(replace(config, resume=True))
    assert Run(CYCLEGAN).latest_checkpoint().step == 4
    steps = [r["step"] for r in Run(CYCLEGAN).metrics() if r["kind"] == "step"]
    assert steps == [1, 2, 3, 4]
    saved = read_json(CLASSIFIER / "config.json")["config"]
    config = from_plain(TrainConfig, saved, CLASSIFIER / "config.json")
    best = train_classifier(replace(config, resume=True))
    assert best is not None
    assert Run(CLASSIFIER).latest_checkpoint().step == 4


def test_their_pages_are_made_and_they_are_packed() -> None:
    assert "<h1" in classifier_page.make_page(CLASSIFIER, examples=0)
    assert "<h1" in cyclegan_page.make_page(CYCLEGAN)
    pack_classifier(CLASSIFIER, Path("packed/classifier"))
    pack_cyclegan(CYCLEGAN, Path("packed/cyclegan"))
    assert load_classifier(Path("packed/classifier"), "cpu").size == 40
    weights = load_translator(Path("packed/cyclegan"), device="cpu").generators.state_dict()
    for name, tensor in load_translator(CYCLEGAN, device="cpu").generators.state_dict().items():
        torch.testing.assert_close(weights[name], tensor, rtol=1e-2, atol=1e-3)
