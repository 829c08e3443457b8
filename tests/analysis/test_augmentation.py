"""The pictures of augmentation: each effect alone, and the random views of a training."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from analyses import opened_analysis  # noqa: F401 - a fixture
from PIL import Image

from agegen.analysis.analysis import Analysis
from agegen.analysis.augmentation import (
    EFFECTS,
    ContactSheet,
    analyze,
    choose_faces,
    contact_sheet,
    draw_sheet,
    effects_of,
    only,
    show_effect,
)
from agegen.faces.store import FaceStore
from agegen.faces.views import AugmentConfig, draw_view_parameters, evaluation_views, random_views
from agegen.run.errors import UserError

CONFIG = AugmentConfig(crop=40, shift=4.0, sharpness=1.0, grey=0.1)


def faces(n: int = 4) -> torch.Tensor:
    """Pictures whose red is brighter to the right and whose green is brighter below.

    One line has another blue.
    """
    ramp = np.broadcast_to(np.linspace(60, 180, 48), (48, 48))
    picture = np.stack([ramp, ramp.T, np.full((48, 48), 90)], axis=-1)
    picture[:, 24, 2] = 190
    return torch.from_numpy(np.broadcast_to(picture.astype(np.uint8), (n, 48, 48, 3)).copy())


def centre(n: int = 4) -> torch.Tensor:
    return evaluation_views(faces(n), 40)[0]


def test_every_effect_alone_changes_the_view_and_no_other_is_on() -> None:
    assert effects_of(CONFIG) == list(EFFECTS)
    for name in EFFECTS:
        assert effects_of(only(CONFIG, name)) == [name]
        view = show_effect(faces(), CONFIG, name)
        assert view.shape == (4, 3, 40, 40)
        assert (view - centre()).abs().amax(dim=(1, 2, 3)).min() > 0.02  # rounding: 0.008


def test_a_shift_has_its_full_size_to_one_side_and_the_other_by_turns() -> None:
    row = centre()[0, 0, 0]
    step = float(row[-1] - row[0]) / 39  # change of brightness from one pixel to the next
    moved = show_effect(faces(), CONFIG, "shift")[:, 0, 20, 20] - centre()[:, 0, 20, 20]
    assert (moved / step).tolist() == pytest.approx([4, -4, 4, -4], abs=0.5)


def test_a_flip_is_the_mirror_image() -> None:
    flipped = show_effect(faces(), CONFIG, "flip")
    torch.testing.assert_close(flipped, centre().flip(3), atol=1e-4, rtol=0)


def test_rotation_turns_by_its_angle_one_way_and_the_other() -> None:
    turned = show_effect(faces(2), replace(CONFIG, rotation=20.0), "rotation")
    inner = turned[:, 0, 10:30, 10:30]
    across, down = inner.diff(dim=2).mean((1, 2)), inner.diff(dim=1).mean((1, 2))
    angles = torch.rad2deg(torch.atan2(down, across))
    assert sorted(angles.tolist()) == pytest.approx([-20, 20], abs=1)


def test_scale_spreads_and_narrows() -> None:
    slope = show_effect(faces(2), CONFIG, "scale")[:, 0].diff(dim=2).mean((1, 2))
    ratio = (slope / centre(2)[:, 0].diff(dim=2).mean((1, 2))).tolist()
    assert ratio == pytest.approx([np.exp(0.12), np.exp(-0.12)], rel=0.02)


def test_erasing_covers_a_part_of_every_face_with_grey() -> None:
    erased = (show_effect(faces(), CONFIG, "erasing") == 0).all(dim=1).float().mean((1, 2))
    assert (erased > 0.01).all()
    assert (erased < 0.25).all()


def test_effects_that_are_off_are_not_shown() -> None:
    bare = replace(CONFIG, flip=False, erase_probability=0.0, rotation=0.0, sharpness=0.0, grey=0.0)
    assert effects_of(bare) == ["shift", "scale", "colour"]
    sheet = contact_sheet(faces().numpy(), bare, random=2)
    assert sheet.columns == ["as evaluated", "shift", "scale", "colour", "random 1", "random 2"]
    assert sheet.views.shape == (4, 6, 40, 40, 3)


def test_random_columns_are_the_views_of_a_training() -> None:
    sheet = contact_sheet(faces().numpy(), CONFIG, random=2, seed=7)
    drawn = random_views(faces(), draw_view_parameters(4, 7, 1), CONFIG)
    expected = drawn.add(1).mul(127.5).round().clamp(0, 255).permute(0, 2, 3, 1)
    np.testing.assert_allclose(sheet.views[:, -1], expected.numpy(), atol=1)


@pytest.mark.parametrize(("crop", "side"), [(40, 120), (96, 96), (200, 128)])
def test_the_drawing_has_room_for_every_view(crop: int, side: int) -> None:
    views = np.full((2, 3, crop, crop, 3), 10, np.uint8)
    page = draw_sheet(ContactSheet(["a", "b", "c"], views))
    assert page.size == (3 * (side + 4) - 4, 18 + 2 * (side + 4) - 4)
    assert (np.asarray(page)[18 : 18 + side, :side] == 10).all()
    assert (np.asarray(page)[18:, side : side + 4] == 255).all()


def test_faces_are_training_faces_of_both_classes_by_turns(drawn_store: FaceStore) -> None:
    chosen = choose_faces(drawn_store, 6, seed=0)
    assert set(drawn_store.splits[chosen]) == {"train"}
    assert drawn_store.labels[chosen].tolist() == [0, 1, 0, 1, 0, 1]
    assert chosen.tolist() != choose_faces(drawn_store, 6, seed=1).tolist()
    all_test = replace(drawn_store, splits=np.full(len(drawn_store), "test"))
    with pytest.raises(UserError, match="no training faces"):
        choose_faces(all_test, 6, seed=0)


def test_one_class_alone_is_shown_too(drawn_store: FaceStore) -> None:
    young = np.where(drawn_store.labels == 0, drawn_store.splits, "test")
    chosen = choose_faces(replace(drawn_store, splits=young), 5, seed=0)
    assert drawn_store.labels[chosen].tolist() == [0] * 5


def test_the_chapter_saves_its_picture(analysis: Analysis) -> None:
    content = analyze(analysis)
    with Image.open(analysis.folder / content["picture"]) as picture:
        assert picture.width > picture.height > 0
    assert content["effects"] == ["shift", "scale", "rotation", "flip"]  # the run has no others
    assert len(content["faces"]) == 5
    assert content["config"]["crop"] == analysis.classifier.crop
    assert analyze(analysis) == content


def test_epochs_of_shrunk_views_are_told(analysis: Analysis) -> None:
    config = replace(analysis.classifier.config, early_epochs=0.25, early_side=0.8)
    content = analyze(analysis._replace(classifier=replace(analysis.classifier, config=config)))
    assert content["early_epochs"] == 0.25
    assert content["early_side"] == round(0.8 * analysis.classifier.crop)
