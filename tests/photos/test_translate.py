"""Photos translated: what no generator changes stays as it is, byte for byte, and as old."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from real_face import hopper
from torch import nn

from agegen.faces.alignment import similarity
from agegen.faces.landmarks import FoundFace
from agegen.photos import age_judge
from agegen.photos.age_judge import AgeJudge, find_age_judge
from agegen.photos.classify import load_photo_classifier
from agegen.photos.crop import CroppedFace, crop_faces
from agegen.photos.pairs import match_names
from agegen.photos.paste import add_changes
from agegen.photos.translate import PhotoTranslator, load_photo_translator
from agegen.photos.translate_files import translate_files
from agegen.report.photos.translated import make_page
from agegen.run.errors import UserError
from agegen.run.files import read_json, write_text
from agegen.run.pretrained import PRETRAINED, find_run


@pytest.fixture(scope="module")
def unchanging() -> PhotoTranslator:
    """The package's generators, with last layers that ask for no change."""
    loaded = load_photo_translator(PRETRAINED, "old", centred=True)
    for generator in loaded.translator.generators.children():
        for last in (generator.shade, generator.colour):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
    return loaded


def random_photo(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """8-bit noise, some of it exactly black and white, one in three grey."""
    photo = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    photo[rng.random((height, width)) < 0.2] = 0
    photo[rng.random((height, width)) < 0.1] = 255
    return photo[..., :1].repeat(3, axis=2) if rng.random() < 1 / 3 else photo


def random_face(rng: np.random.Generator, side: int, height: int, width: int) -> CroppedFace:
    """A face somewhere in a photo, large or small, tilted, perhaps over its border."""
    centre = rng.uniform((0, 0), (width, height))
    to_face = similarity(side / rng.uniform(20, 300), rng.uniform(-1, 1), centre, (side / 2,) * 2)
    found = FoundFace(np.zeros((5, 2)), centre, 100.0, 1.0, 0)
    return CroppedFace(random_photo(rng, side, side), to_face, found, 0.0)


def test_a_photo_without_a_change_comes_back_byte_for_byte(unchanging: PhotoTranslator) -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        height, width = rng.integers(40, 200, 2)
        photo = random_photo(rng, height, width)
        assert np.array_equal(unchanging.translate_whole(photo, photo), photo)
        side = unchanging.translator.store_size
        faces = [random_face(rng, side, height, width) for _ in range(rng.integers(1, 4))]
        changes = unchanging.changes(faces, grey=False)
        assert all(not change.levels.any() for change in changes)
        assert np.array_equal(add_changes(photo, changes), photo)


def test_what_was_handed_on_keeps_the_geometry_of_no_other_store(tmp_path: Path) -> None:
    package = find_run(PRETRAINED, "cyclegan")
    before = (package / "geometry.json").read_bytes()
    message = "^--run pretrained knows all that photos need: leave out --faces$"
    with pytest.raises(UserError, match=message):
        load_photo_translator(PRETRAINED, "old", tmp_path)
    assert (package / "geometry.json").read_bytes() == before


@pytest.fixture(scope="module")
def judge() -> AgeJudge:
    """The package's classifier, which takes whole photos as faces."""
    found, why_not = find_age_judge(None, centred=True)
    assert found
    assert not why_not
    return found


def write_photos(folder: Path, seed: int) -> list[Path]:
    """Random photos, and a file that is none."""
    rng, paths = np.random.default_rng(seed), []
    folder.mkdir()
    for name in ("a.png", "b <i>.jpg", 'c".png', "d_old_face1.png"):
        height, width = rng.integers(120, 200, 2)
        Image.fromarray(random_photo(rng, height, width)).save(folder / name)
        paths.append(folder / name)
    (folder / "notes.txt").write_text("x")
    return [*paths, folder / "notes.txt"]


def translate_into(
    out: Path, translator: PhotoTranslator, paths: list[Path], judge: AgeJudge | None, most: int = 9
) -> None:
    """Translate, and stop after so many photos."""
    about = {"run": "pretrained", "age_judge": {"run": "pretrained", "why_not": ""}}

    def write_page() -> None:
        write_text(out / "index.html", make_page(out))

    results = translate_files(translator, tuple(paths), out, judge, about, write_page)
    for _ in zip(range(most), results, strict=False):
        pass
    results.close()


def test_a_stopped_command_goes_on_to_the_same_page(
    unchanging: PhotoTranslator, judge: AgeJudge, tmp_path: Path
) -> None:
    paths = write_photos(tmp_path / "photos", 0)
    translate_into(tmp_path / "once", unchanging, paths, judge)
    for most in (1, 3, 9):
        translate_into(tmp_path / "often", unchanging, paths, judge, most)
    for name in ("index.html", "translations.csv", "translations.json"):
        assert (tmp_path / "often" / name).read_bytes() == (tmp_path / "once" / name).read_bytes()
    with pytest.raises(UserError, match=r"another --age-judge \(pretrained then, none now\): "):
        translate_into(tmp_path / "once", unchanging, paths, None)


def test_what_does_not_change_is_as_old_as_before(
    unchanging: PhotoTranslator, judge: AgeJudge, tmp_path: Path
) -> None:
    paths = write_photos(tmp_path / "photos", 1)
    translate_into(tmp_path / "out", unchanging, paths, judge)
    faces = [
        f for p in read_json(tmp_path / "out" / "translations.json")["photos"] for f in p["faces"]
    ]
    assert len(faces) == 4
    for before, after in (face["ages"] for face in faces):
        assert 0 <= before["low"] <= before["years"] <= before["high"]
        assert before["years"] == pytest.approx(after["years"], abs=1e-3)


def test_pictures_of_the_page_are_no_partners_of_photos(
    unchanging: PhotoTranslator, tmp_path: Path
) -> None:
    paths = write_photos(tmp_path / "photos", 2)
    translate_into(tmp_path / "out", unchanging, paths, None)
    matched, left_out = match_names(tmp_path / "photos", tmp_path / "out")
    assert [before.name for before, _ in matched] == sorted(path.name for path in paths[:-1])
    assert not [e for e in left_out if e.path.suffix in (".jpg", ".png")]


def test_faces_are_read_as_the_classifier_would_crop_them() -> None:
    found, _ = find_age_judge(None, centred=False)
    assert found
    assert found.geometry
    photo = hopper()
    geometry = load_photo_translator(PRETRAINED, "old").geometry
    assert geometry
    before, after = found.cut_out(photo, 255 - photo, crop_faces(photo, geometry))
    (expected,) = crop_faces(photo, found.geometry)
    assert np.array_equal(before, expected.image)
    assert np.abs(255 - before.astype(int) - after).max() <= 2


@pytest.mark.parametrize("centred", [False, True])
def test_classifying_and_translating_say_the_same_years(centred: bool) -> None:
    classifier = load_photo_classifier(PRETRAINED, centred=centred)
    found, _ = find_age_judge(None, centred)
    assert found
    rng = np.random.default_rng(0)
    for _ in range(2):
        photo = hopper() + rng.integers(0, 20, hopper().shape, dtype=np.uint8)
        said = classifier.classify(photo)
        faces = None if centred else [verdict.face for verdict in said]
        read = found.read(photo, photo, faces)
        assert len(read) == len(said) == 1
        assert said[0].age == pytest.approx(read[0][0], abs=1e-3)


def test_a_judge_that_cannot_be_used_is_left_out_and_a_named_one_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="nowhere"):
        find_age_judge(tmp_path / "nowhere", centred=True)

    def fail(*_: object, **__: object) -> None:
        raise UserError("best.json is damaged")

    monkeypatch.setattr(age_judge, "needs_of", fail)
    assert find_age_judge(None, centred=True) == (None, "best.json is damaged")
