"""Ages beside the classes: said of photos' faces, written down, kept with the run, packed."""

import csv
from pathlib import Path

import numpy as np
import pytest
from made_photos import make_verdict
from PIL import Image

from agegen.classifier.predict import load_classifier
from agegen.faces.store import FaceStore
from agegen.photos.classify import Age, PhotoClassifier, load_photo_classifier
from agegen.photos.classify_files import AGE_COLUMNS, COLUMNS, classify_photos, mark_text
from agegen.photos.pack import pack_classifier
from agegen.report.photos.page import make_page
from agegen.run.files import read_json


@pytest.fixture(scope="module")
def loaded(aged_run: Path) -> PhotoClassifier:
    return load_photo_classifier(aged_run, centred=True)


@pytest.mark.parametrize(
    ("age", "in_neither"),
    [
        (Age(40, 33, 47), True),
        (Age(40, 26.1, 51.9), False),
        (Age(40, 26.6, 51.4), True),
        (Age(30, 26, 40), False),
        (Age(40, 20, 60), False),
        (Age(80, 62.6, 90), True),
        (None, False),
    ],
)
def test_an_age_of_neither_class_is_remarked(
    age: Age | None, in_neither: bool, loaded: PhotoClassifier
) -> None:
    assert loaded.in_neither(age) == in_neither
    verdict = make_verdict()._replace(age=age, in_neither=in_neither)
    assert ("of neither class's age" in verdict.remarks) == in_neither


def test_the_mark_says_the_age_where_there_is_room() -> None:
    verdict = make_verdict(1, 0.95)._replace(age=Age(34.4, 27.6, 41.2))
    assert mark_text(verdict, few=True) == "1: old, p(old) 0.95, about 34 (28-41)"
    assert mark_text(verdict, few=False) == "1: old"
    assert mark_text(verdict._replace(in_neither=True), few=True).isascii()


def test_what_is_said_is_the_networks_over_ten_views(
    loaded: PhotoClassifier, aged_store: FaceStore
) -> None:
    face = np.asarray(aged_store.images[0])
    (verdict,) = loaded.classify(face)
    answers = loaded.classifier.answer(face[None])
    ages = loaded.classifier.estimate_ages(answers)
    assert ages is not None
    assert verdict.age == Age(*(x[0] for x in ages))
    assert verdict.p_old == answers.p_old[0]


def test_the_margin_is_of_the_ten_views_and_holds_four_of_five(
    loaded: PhotoClassifier, aged_run: Path, aged_store: FaceStore
) -> None:
    val = aged_store.indices("val")
    ages = loaded.classifier.estimate_ages(loaded.classifier.answer(aged_store.images, val))
    assert ages is not None
    held = (ages.low <= aged_store.ages[val]) & (aged_store.ages[val] <= ages.high)
    assert 0.8 <= held.mean() <= 0.95
    kept = read_json(aged_run / "view_temperatures.json")
    assert kept["age_margin"] == loaded.classifier.age_margin
    assert load_photo_classifier(aged_run, centred=True).classifier.age_margin == kept["age_margin"]


def test_table_page_and_line_say_it(
    loaded: PhotoClassifier, aged_store: FaceStore, tmp_path: Path
) -> None:
    photo, out = tmp_path / "photo.png", tmp_path / "found"
    Image.fromarray(np.asarray(aged_store.images[3])).save(photo)
    (result,) = classify_photos(loaded, [photo, tmp_path / "gone.png"][:1], out, {"run": "runs/x"})
    (face,) = result.content["faces"]
    age = Age(*(face["age"][name] for name in Age._fields))
    assert face["age"]["words"] == age.words
    assert age.words in result.line
    with (out / "photos.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert tuple(row) == COLUMNS + AGE_COLUMNS
    assert [row[name] for name in AGE_COLUMNS] == [f"{x:.1f}" for x in age]
    page = make_page(out)
    assert age.words in page
    assert "4 of 5 validation faces" in page


def test_packed_it_says_the_same_without_its_store(aged_run: Path, tmp_path: Path) -> None:
    pack_classifier(aged_run, tmp_path / "packed")
    packed = load_classifier(tmp_path / "packed")
    assert packed.config.model.ages
    assert packed.age_margin == load_classifier(aged_run).age_margin
    alone = load_photo_classifier(tmp_path / "packed", centred=True)
    assert alone.classifier.age_margin is not None
    (verdict,) = alone.classify(np.full((50, 50, 3), 128, np.uint8))
    assert verdict.age is not None
