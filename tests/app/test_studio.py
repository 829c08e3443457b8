"""A photo tried on: an answer or one sentence, and the pixels that `translate` gives."""

import re
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image
from real_face import hopper, hopper_photo

from agegen.app.limits import Limits
from agegen.app.studio import (
    PREVIEW,
    Looked,
    Studio,
    evidence_of,
    load_studio,
    without_head,
)
from agegen.faces.decode import BadImageError
from agegen.photos.crop import read_photo
from agegen.photos.translate import load_photo_translator
from agegen.run.errors import UserError
from agegen.run.files import write_json
from agegen.run.pretrained import PRETRAINED

TRIALS = 25


@pytest.fixture(scope="module")
def studio() -> Studio:
    return load_studio(PRETRAINED, PRETRAINED, limits=Limits(megabytes=2, megapixels=3))


@pytest.fixture(scope="module")
def looked(studio: Studio) -> Looked:
    return studio.look(hopper_photo())


def reason(studio: Studio, path: Path) -> str:
    with pytest.raises(BadImageError) as caught:
        studio.look(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def answer_to(studio: Studio, path: Path) -> Looked | str:
    try:
        return studio.look(path)
    except BadImageError as error:
        return str(error)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims to be so large, and holds next to nothing."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        whole = kind + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(99)))


def test_a_face_is_found_and_said_to_be_young_or_old(looked: Looked) -> None:
    (verdict,) = looked.verdicts
    assert verdict.words == "old"
    assert re.fullmatch(r"about \d+ \(\d+–\d+\)", verdict.age.words)


def test_strength_0_gives_the_photo_back_bit_for_bit(studio: Studio, looked: Looked) -> None:
    for to in ("young", "old"):
        assert np.array_equal(studio.preview(looked, to, 0), looked.preview)
    path = hopper_photo()
    as_png = studio.look(path)._replace(source=png_of(read_photo(path).pixels))
    assert np.array_equal(pixels_of(studio.finish(as_png, "old", 0)), read_photo(path).pixels)


@pytest.mark.parametrize("strength", [0.35, 1.0, 1.5])
@pytest.mark.parametrize("to", ["young", "old"])
def test_a_finished_photo_is_the_one_that_translate_makes(
    studio: Studio, tmp_path: Path, to: str, strength: float
) -> None:
    path = tmp_path / "face.png"
    path.write_bytes(png_of(hopper()))
    pixels = studio.classifier.search_pixels
    translator = load_photo_translator(PRETRAINED, to, strength=strength, search_pixels=pixels)
    expected = translator.translate(hopper()).photo
    looked = studio.look(path)
    name, content = studio.finish(looked, to, strength)
    assert name == f"face_{to}.png"
    assert np.array_equal(pixels_of((name, content)), expected)
    assert np.array_equal(studio.preview(looked, to, strength), expected)  # it is not shrunk


def test_a_large_photo_is_shown_small_and_finished_large(studio: Studio, tmp_path: Path) -> None:
    large = Image.fromarray(hopper()).resize((1700, 1500), Image.Resampling.BICUBIC)
    large.save(tmp_path / "x.jpg", quality=90)
    looked = studio.look(tmp_path / "x.jpg")
    assert max(looked.preview.shape) == PREVIEW
    finished = pixels_of(studio.finish(looked, "old", 1.5))
    assert finished.shape == (1500, 1700, 3)
    shown = studio.preview(looked, "old", 1.5)
    height, width = shown.shape[:2]
    resized = np.asarray(Image.fromarray(finished).resize((width, height)), float)
    assert np.abs(resized - shown).mean() < 2
    assert np.abs(shown.astype(float) - looked.preview).max() > 20


def test_no_class_or_strength_but_those_that_there_are(studio: Studio, looked: Looked) -> None:
    for to, strength in (("wise", 1.0), ("old", 1.6), ("old", -0.1), ("old", float("nan"))):
        with pytest.raises(UserError):
            studio.preview(looked, to, strength)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty file"),
        (bytes(999), "zeros"),
        (b"Dear diary", "a text file"),
        (b"%PDF-1.4 \xff\xfe", "not an image"),
        (png_header(60000, 60000), "over the limit of 3 megapixels"),
        (png_header(2000, 1600), "over the limit of 3 megapixels"),
        (bytes(2**21 + 1), "2.0 MB: over the limit of 2 MB"),
    ],
)
def test_what_is_no_photo_is_one_sentence(
    studio: Studio, tmp_path: Path, content: bytes, words: str
) -> None:
    (tmp_path / "x.jpg").write_bytes(content)
    assert words in reason(studio, tmp_path / "x.jpg")


def test_no_face_no_file_and_one_pixel_are_one_sentence(studio: Studio, tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), "green").save(tmp_path / "green.png")
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    assert "no face found" in reason(studio, tmp_path / "green.png")
    assert "too small for a face" in reason(studio, tmp_path / "dot.png")
    assert "No such file" in reason(studio, tmp_path / "gone.png")


def test_only_the_largest_faces_are_changed(studio: Studio, tmp_path: Path) -> None:
    small, large = (Image.fromarray(hopper()).resize((side, side)) for side in (200, 300))
    both = Image.new("RGB", (500, 300), "grey")
    both.paste(small, (0, 50))
    both.paste(large, (200, 0))
    both.save(tmp_path / "both.png")
    looked = studio.look(tmp_path / "both.png")
    assert (len(looked.verdicts), looked.left_out) == (2, 0)
    one = Studio(studio.classifier, studio.translator, studio.limits._replace(faces=1))
    looked = one.look(tmp_path / "both.png")
    assert (len(looked.verdicts), looked.left_out) == (1, 1)
    assert looked.verdicts[0].face.box[0] > 180


def test_a_jpeg_that_is_cut_or_damaged_is_an_answer_or_one_sentence(
    studio: Studio, tmp_path: Path
) -> None:
    rng, whole = np.random.default_rng(0), hopper_photo().read_bytes()
    path = tmp_path / "x.jpg"
    for trial in range(TRIALS):
        content = bytearray(whole)
        if trial % 2:
            content = content[: rng.integers(1, len(whole))]
        else:
            for place in rng.integers(0, len(whole), 10):
                content[place] = rng.integers(256)
        path.write_bytes(content)
        answer = answer_to(studio, path)
        if isinstance(answer, Looked):
            assert studio.finish(answer, "old", 1.0)
        else:
            assert answer.strip() == " ".join(answer.split()) != ""


def test_photos_of_every_kind_have_an_answer(studio: Studio, tmp_path: Path) -> None:
    face = Image.fromarray(hopper())
    exif = Image.Exif()
    exif[274] = 6  # turned by 90° to be upright
    face.convert("CMYK").save(tmp_path / "cmyk.jpg")
    face.rotate(90).save(tmp_path / "turned.jpg", exif=exif)
    face.save(tmp_path / "moving.gif", save_all=True, append_images=[face.rotate(5)])
    grey = np.asarray(face.convert("L")).astype(np.uint16) * 257
    Image.fromarray(grey).save(tmp_path / "deep.png")
    pillow_heif.from_pillow(face).save(tmp_path / "phone.heic", quality=90)
    endings = {".gif": ".png", ".png": ".png", ".jpg": ".jpg", ".heic": ".jpg"}
    for path in sorted(tmp_path.iterdir()):
        looked = studio.look(path)
        assert [verdict.words for verdict in looked.verdicts] == ["old"], path
        finished = studio.finish(looked, "young", 1.0)
        assert finished[0] == f"{path.stem}_young{endings[path.suffix]}"
        assert pixels_of(finished).shape == hopper().shape


def test_threads_answer_as_one_after_the_other(studio: Studio, tmp_path: Path) -> None:
    paths = []
    for turn in (0, 3, -4, 8):
        paths.append(tmp_path / f"{turn}.png")
        Image.fromarray(hopper()).rotate(turn).save(paths[-1])

    def visit(path: Path) -> tuple[list, bytes]:
        looked = studio.look(path)
        said = [(v.p_old, v.unlikeness, v.age) for v in looked.verdicts]
        return said, studio.finish(looked, "young", 0.8)[1]

    alone = [visit(path) for path in paths]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(visit, paths * 3)) == alone * 3


def test_the_evidence_is_the_model_card_or_how_to_get_some(tmp_path: Path) -> None:
    assert "verified as the same person" in evidence_of(PRETRAINED, "cyclegan")
    assert "balanced accuracy" in evidence_of(PRETRAINED, "classifier")
    assert evidence_of(PRETRAINED, "cyclegan").startswith("Both generators")
    assert f"agegen evaluate --run {tmp_path}" in evidence_of(tmp_path, "cyclegan")
    assert f"evaluate-classifier --run {tmp_path}" in evidence_of(tmp_path, "classifier")
    write_json(tmp_path / "evaluation.json", {"notes": 3})
    with pytest.raises(UserError, match="damaged, or of another version"):
        evidence_of(tmp_path, "cyclegan")


@pytest.mark.parametrize(
    "card", ["---\na: b\n---\n\n# Title\n\nText\n---\n", "# Title\nText\n---\n", "Text\n---\n"]
)
def test_a_model_card_is_shown_without_its_head(card: str) -> None:
    assert without_head(card) == "Text\n---\n"


def png_of(pixels: np.ndarray) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def pixels_of(finished: tuple[str, bytes]) -> np.ndarray:
    with Image.open(BytesIO(finished[1])) as picture:
        return np.asarray(picture.convert("RGB"))
