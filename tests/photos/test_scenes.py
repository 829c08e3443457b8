"""Pasted faces lie where the scene says they do."""

import numpy as np
import pytest
from photos import picture
from PIL import Image

from agegen.faces.alignment import outline
from agegen.photos.crop import decode_photo
from agegen.photos.scenes import SceneConfig, middle, paste, paste_faces, save_scene
from agegen.run.errors import UserError


def dotted_chip(side=200, at=(140, 60)):
    """A grey chip with a red disc whose centre is known."""
    chip = np.full((side, side, 3), 110, np.uint8)
    y, x = np.indices((side, side)) + 0.5
    chip[np.hypot(x - at[0], y - at[1]) < 9] = (255, 0, 0)
    return chip


def centre_of_red(scene):
    pixels = np.asarray(scene).astype(int)
    y, x = np.nonzero((pixels[..., 0] > 170) & (pixels[..., 1:].max(axis=2) < 80))
    return np.array([x.mean() + 0.5, y.mean() + 0.5])


@pytest.mark.parametrize("side", [80, 151, 400])
@pytest.mark.parametrize("tilt", [-25.0, 0.0, 17.0])
def test_a_point_of_the_chip_is_where_its_transform_says(side, tilt):
    scene = Image.new("RGB", (900, 700), (110, 110, 110))
    to_scene = paste(scene, dotted_chip(), side, tilt, (430, 310))
    assert to_scene.scale == pytest.approx(side / 200)
    assert to_scene.degrees == pytest.approx(tilt)
    np.testing.assert_allclose(centre_of_red(scene), to_scene.apply((140, 60)), atol=0.8)


def chips(n):
    return [picture(seed, 100) for seed in range(n)]


@pytest.mark.parametrize("seed", range(2))
def test_faces_lie_in_the_scene_apart_from_each_other(seed):
    config = SceneConfig(smallest=60, largest=300, tilt=20)
    scene, pasted = paste_faces(chips(6), config, np.random.default_rng(seed))
    height, width = scene.shape[:2]
    assert len(pasted) >= 4
    assert len({p.chip for p in pasted}) == len(pasted)
    for i, p in enumerate(pasted):
        assert 60 <= p.side <= 300
        assert abs(p.tilt) <= 20
        corners = outline(p.to_scene.inverse(), 100)
        assert corners.min() > -0.11 * p.side
        assert np.all(corners < np.array([width, height]) + 0.11 * p.side)
        for other in pasted[:i]:
            distance = np.hypot(*(middle(p) - middle(other)))
            assert distance > (p.side + other.side) / 2


def test_the_same_seed_makes_the_same_scene():
    config = SceneConfig(60, 100)
    made = [paste_faces(chips(2), config, np.random.default_rng(seed))[0] for seed in (1, 1, 2)]
    np.testing.assert_array_equal(made[0], made[1])
    assert not np.array_equal(made[0], made[2])


def test_a_background_is_scaled_to_the_scene():
    red = np.zeros((50, 70, 3), np.uint8)
    red[..., 0] = 255
    rng = np.random.default_rng(0)
    scene, pasted = paste_faces(chips(1), SceneConfig(100, 100), rng, red)
    assert len(pasted) == 1
    assert (scene == (255, 0, 0)).all(axis=2).mean() > 0.9


@pytest.mark.parametrize("sides", [(0, 100), (200, 100), (100, 3000)])
def test_impossible_sides_are_refused(sides):
    with pytest.raises(UserError, match="smallest face"):
        SceneConfig(*sides)


@pytest.mark.parametrize("sideways", [False, True])
def test_a_saved_scene_is_decoded_as_it_was(tmp_path, sideways):
    scene = picture(5, 300)[:200]
    path = tmp_path / "scenes" / "scene.jpg"
    save_scene(scene, path, sideways)
    with Image.open(path) as image:
        assert image.size == ((200, 300) if sideways else (300, 200))
    decoded = decode_photo(path)
    assert decoded.shape == scene.shape
    assert np.abs(decoded.astype(int) - scene).mean() < 4


def test_a_folder_that_cannot_be_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot write"):
        save_scene(picture(6), tmp_path / "file" / "scene.jpg", sideways=False)
