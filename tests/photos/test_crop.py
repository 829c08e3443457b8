"""Photos are listed and decoded, and their faces cropped as a data set crops them."""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from photos import picture, save
from PIL import Image
from real_face import LANDMARKS, hopper, hopper_photo

from agegen.faces import decode
from agegen.faces.alignment import similarity
from agegen.faces.decode import BadImageError, decode_face
from agegen.faces.geometry import SQUARE, Geometry
from agegen.faces.landmarks import FoundFace, eye_line
from agegen.photos import crop as face_photos
from agegen.photos.crop import crop_centre, crop_faces, decode_photo, face_transform, list_photos

# of UTKFace's, in faces of 100 pixels
GEOMETRY = Geometry("x", 100, 50, 50, [[76, 30], [61, 31], [22, 30], [38, 31], [49, 59]])
FOUND = FoundFace(LANDMARKS, np.array([156.8, 145.0]), 112.5, 1.5, 0)


def reason(path):
    with pytest.raises(BadImageError) as caught:
        decode_photo(path)
    return str(caught.value)


def test_files_and_folders_are_listed_once_with_what_is_none(tmp_path):
    folder = tmp_path / "party"
    first, second = save(folder / "a.jpg", 0), save(folder / "deep" / "b.PNG", 1)
    (folder / "notes.txt").write_text("x")
    alone = save(tmp_path / "alone.jpeg", 2)
    again = folder / ".." / "party" / "a.jpg"
    found, rejected = list_photos([alone, folder, first, folder, tmp_path / "gone.jpg"])
    assert found == [alone, first, second]
    assert {(entry.path.name, entry.reason) for entry in rejected} == {
        ("notes.txt", "not an image: its name ends in “.txt”"),
        ("gone.jpg", "does not exist"),
    }
    assert list_photos([again])[0] == [again]


def test_a_file_that_is_named_is_a_photo_whatever_it_is_called(tmp_path):
    path = tmp_path / "photo.dat"
    path.write_bytes(save(tmp_path / "x.png", 0).read_bytes())
    assert list_photos([path]) == ([path], [])


@pytest.mark.parametrize("content", [None, "notes.txt"])
def test_a_folder_without_photos_says_so(tmp_path, content):
    folder = tmp_path / "empty"
    folder.mkdir()
    if content:
        (folder / content).write_text("x")
    found, rejected = list_photos([folder])
    assert found == []
    assert rejected[-1] == (folder, "is a folder without photos")
    assert len(rejected) == (2 if content else 1)


def test_results_below_the_photos_are_left_out(tmp_path):
    mine = save(tmp_path / "party" / "a.jpg", 0)
    results = save(tmp_path / "party" / "found" / "001_a.jpg", 1)
    save(tmp_path / "party" / "found" / "faces" / "1.png", 2)
    (results.parent / "photos.csv").write_text("x")
    (results.parent / "index.html").write_text("x")
    assert list_photos([tmp_path / "party"], apart=results.parent) == ([mine], [])
    assert list_photos([results], apart=results.parent)[0] == [results]  # named: wanted


def test_a_name_that_cannot_be_looked_up_does_not_exist(tmp_path):
    long = tmp_path / ("x" * 300)
    assert list_photos([long])[1] == [(long, "does not exist")]


def test_photos_keep_their_shape_and_stand_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    wide = Image.fromarray(picture(0, 200)[:90])
    wide.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "x.png", exif=exif)
    np.testing.assert_array_equal(decode_photo(tmp_path / "x.png"), np.asarray(wide))


@pytest.mark.parametrize(
    ("name", "convert"),
    [
        ("grey.png", lambda x: x.convert("L")),
        ("cmyk.jpg", lambda x: x.convert("CMYK")),
        ("alpha.png", lambda x: x.convert("RGBA")),
        ("palette.gif", lambda x: x),
        ("deep.png", lambda x: Image.fromarray(np.asarray(x.convert("L")).astype(np.uint16) * 257)),
    ],
)
def test_every_kind_of_photo_is_rgb(tmp_path, name, convert):
    image = Image.fromarray(picture(1, 80))
    convert(image).save(tmp_path / name)
    decoded = decode_photo(tmp_path / name)
    assert (decoded.shape, decoded.dtype) == ((80, 80, 3), np.uint8)
    grey = np.asarray(image.convert("L")).astype(int)
    assert np.abs(np.asarray(Image.fromarray(decoded).convert("L")).astype(int) - grey).mean() < 8


def test_an_animation_shows_its_first_frame(tmp_path):
    frames = [Image.fromarray(picture(seed, 80)) for seed in (2, 3)]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    off = [np.abs(decode_photo(tmp_path / "x.gif").astype(int) - frame).mean() for frame in frames]
    assert off[0] < 12 < off[1]


def test_a_photo_larger_than_a_crop_may_be_keeps_its_size(tmp_path, monkeypatch):
    path = save(tmp_path / "x.jpg", 4, size=400, quality=95)
    monkeypatch.setattr(decode, "MAX_PIXELS", 100_000)
    assert decode_photo(path).shape == (400, 400, 3)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_photo_over_the_limit_is_one_sentence(tmp_path, monkeypatch, suffix):
    path = save(tmp_path / f"x.{suffix}", 4, size=400)
    monkeypatch.setattr(face_photos, "MAX_PHOTO_PIXELS", 100_000)
    assert reason(path).startswith("400 × 400 pixels: over the limit")


def test_what_is_no_photo_is_one_sentence(tmp_path):
    text = tmp_path / "text.jpg"
    text.write_text("not a photo\n")
    whole = save(tmp_path / "whole.jpg", 5)
    (tmp_path / "cut.jpg").write_bytes(whole.read_bytes()[:900])
    save(tmp_path / "tiny.png", 6, size=31)
    assert reason(text) == "a text file, not an image"
    assert reason(tmp_path / "cut.jpg").startswith("truncated")
    assert reason(tmp_path / "tiny.png") == "31 × 31 pixels: too small for a face"
    assert reason(tmp_path / "gone.jpg") == "the file has disappeared"
    if os.geteuid():
        whole.chmod(0)
        assert "no permission" in reason(whole)


def test_landmarks_come_where_the_data_set_has_them():
    exact = FOUND._replace(
        landmarks=similarity(3, 25, (50, 50), (300, 200)).apply(np.array(GEOMETRY.landmarks))
    )
    moved = face_transform(exact, GEOMETRY).apply(exact.landmarks)
    np.testing.assert_allclose(moved, GEOMETRY.landmarks, atol=1e-9)


@pytest.mark.parametrize("tilt", [0, 30, -160])
def test_of_an_unknown_geometry_the_face_is_the_detectors_square_with_level_eyes(tilt):
    turn = similarity(1, tilt, (0, 0), (0, 0))
    found = FOUND._replace(landmarks=turn.apply(LANDMARKS), centre=turn.apply(FOUND.centre))
    to_face = face_transform(found, replace(GEOMETRY, landmarks=None))
    np.testing.assert_allclose(to_face.apply(found.centre), [50, 50])
    assert to_face.scale == pytest.approx(100 / (SQUARE * 112.5))
    x, y = eye_line(to_face.apply(found.landmarks))
    assert x > 20
    assert y == pytest.approx(0, abs=1e-9)


def test_a_real_face_is_cropped_as_the_data_set_does_it():
    photo = decode_photo(hopper_photo())
    (face,) = crop_faces(photo, GEOMETRY)
    assert face.image.shape == (100, 100, 3)
    assert face.outside == 0
    by_eye = face.to_face.apply(LANDMARKS * 512 / 300)
    assert np.linalg.norm(by_eye - np.array(GEOMETRY.landmarks), axis=1).mean() < 6
    eyes, nose = GEOMETRY.landmarks[:4], GEOMETRY.landmarks[4]
    assert abs(by_eye[:4, 1].mean() - np.mean(eyes, axis=0)[1]) < 3
    assert abs(by_eye[4, 1] - nose[1]) < 4


def test_the_way_back_leads_to_the_face_in_the_photo():
    (face,) = crop_faces(hopper(), GEOMETRY, 160_000)
    back = face.to_face.inverse().apply(np.array(GEOMETRY.landmarks))
    assert np.linalg.norm(back - LANDMARKS, axis=1).mean() < 6


def test_a_face_at_the_edge_says_how_much_of_it_is_missing():
    cut = hopper()[:, 105:]
    (face,) = crop_faces(cut, GEOMETRY, 160_000)
    assert 0.02 < face.outside < 0.4
    (whole,) = crop_faces(hopper(), GEOMETRY, 160_000)
    assert whole.outside == 0


def test_no_face_makes_no_crop(monkeypatch):
    monkeypatch.setattr(face_photos, "find_faces", lambda photo, pixels: [])
    assert crop_faces(picture(8, 64), GEOMETRY) == []


@pytest.mark.parametrize("shape", [(120, 90), (90, 120), (40, 40)])
def test_a_centred_crop_is_what_the_store_makes_of_the_photo(tmp_path, shape):
    photo = picture(9, 120)[: shape[0], : shape[1]]
    Image.fromarray(photo).save(tmp_path / "x.png")
    face = crop_centre(photo, 32)
    np.testing.assert_array_equal(face.image, decode_face(tmp_path / "x.png", 32))
    assert face.found is None
    np.testing.assert_allclose(face.to_face.apply([shape[1] / 2, shape[0] / 2]), [16, 16])
    assert face.to_face.scale == pytest.approx(32 / min(shape))


def write_heic(path: Path, pixels: np.ndarray, **options: object) -> Path:
    """A photo as phones write it."""
    pillow_heif = pytest.importorskip("pillow_heif", reason="the extra photos is not installed")
    pillow_heif.from_pillow(Image.fromarray(pixels)).save(path, quality=95, **options)
    return path


@pytest.mark.parametrize("name", ["IMG_1.HEIC", "a.heif", "b.hif", "really_heic.jpg"])
def test_heic_is_read_wherever_photos_are(tmp_path, name):
    pixels = picture(3, 200)
    path = write_heic(tmp_path / name, pixels)
    assert np.abs(decode_photo(path).astype(int) - pixels).mean() < 4
    assert np.abs(decode.decode_face(path, 100).astype(int) - picture(3, 100)).mean() < 12
    assert list_photos([tmp_path]) == ([path], [])


def test_a_heic_photo_is_turned_once_by_its_orientation(tmp_path):
    pixels = picture(3, 200)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    path = write_heic(tmp_path / "x.heic", pixels[:, :120], exif=exif.tobytes())
    expected = np.rot90(pixels[:, :120], -1)
    assert decode_photo(path).shape == expected.shape
    assert np.abs(decode_photo(path).astype(int) - expected).mean() < 4


def test_a_cut_or_damaged_heic_photo_is_a_picture_or_one_sentence(tmp_path):
    content = write_heic(tmp_path / "x.heic", picture(3, 120)).read_bytes()
    rng = np.random.default_rng(0)
    for trial in range(60):
        hurt = bytearray(content[: rng.integers(1, len(content))] if trial % 2 else content)
        for at in rng.integers(0, len(hurt), rng.integers(0, 6)):
            hurt[at] = rng.integers(256)
        path = tmp_path / f"{trial}.heic"
        path.write_bytes(hurt)
        with suppress(BadImageError):
            assert decode_photo(path).ndim == 3
