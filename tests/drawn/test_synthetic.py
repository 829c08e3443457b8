import re
from dataclasses import fields

import numpy as np
import pytest
from PIL import Image

from agegen.drawn.face_drawing import render_faces
from agegen.drawn.face_parameters import draw_identities, draw_shots
from agegen.drawn.synthetic import draw_faces, draw_pairs, write_faces

CACD_NAME = re.compile(r"(\d+)_([A-Za-z]+_[A-Za-z]+)_(\d{4})\.jpg")


@pytest.fixture(scope="module")
def pairs():
    return draw_pairs(64, seed=3)


def test_same_seed_same_bytes_and_other_seed_other_bytes():
    first, again, other = (draw_faces(6, seed, size=32) for seed in (5, 5, 6))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first.images, other.images)


@pytest.mark.parametrize("size", [32, 57, 100])
def test_images_are_uint8_of_the_asked_size_with_contrast(size):
    images = draw_faces(4, size=size).images
    assert images.dtype == np.uint8
    assert images.shape == (4, size, size, 3)
    assert (images.std(axis=(1, 2, 3)) > 10).all()


def test_chunks_do_not_change_the_images():
    identities, shots, ages = draw_identities(5), draw_shots(5), np.full(5, 40.0)
    whole = render_faces(identities, shots, ages, size=40)
    parts = render_faces(identities, shots, ages, size=40, chunk=2)
    np.testing.assert_allclose(whole.astype(int), parts, atol=1)


@pytest.mark.parametrize("age", [19.9, 62.1, -1, np.nan])
def test_ages_out_of_range_are_refused(age):
    with pytest.raises(ValueError, match="ages"):
        render_faces(draw_identities(2), draw_shots(2), np.array([30.0, age]), size=32)


def test_small_sizes_and_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="size"):
        render_faces(draw_identities(1), draw_shots(1), np.array([30.0]), size=31)
    with pytest.raises(ValueError, match="length"):
        render_faces(draw_identities(2), draw_shots(1), np.array([30.0, 30.0]), size=32)


def test_take_keeps_every_field_in_step():
    identities = draw_identities(6, seed=2)
    taken = identities.take(np.array([4, 1, 1]))
    assert len(taken) == 3
    for field in fields(identities):
        expected = getattr(identities, field.name)[[4, 1, 1]]
        np.testing.assert_array_equal(getattr(taken, field.name), expected)
    np.testing.assert_array_equal(identities[2:4].number, [2, 3])


def test_an_identity_and_shot_look_the_same_in_any_company():
    identities, shots = draw_identities(6, seed=2), draw_shots(6, seed=2)
    together = render_faces(identities, shots, np.full(6, 55.0), size=40)
    alone = render_faces(identities[4:5], shots[4:5], np.array([55.0]), size=40)
    np.testing.assert_allclose(together[4:5].astype(int), alone, atol=1)


def test_pairs_differ_in_the_face_only(pairs):
    young, old = pairs.young.astype(int), pairs.old.astype(int)
    for corner in (np.s_[:, :8, :4], np.s_[:, :8, -4:]):
        np.testing.assert_array_equal(young[corner], old[corner])
    difference = np.abs(young - old).mean(-1)
    assert (difference[:, 30:75, 30:70].mean((1, 2)) > 2).all()
    assert difference[:, 30:75, 30:70].mean() > 4 * difference[:, :30, :10].mean()


def test_same_age_gives_the_same_face():
    pairs = draw_pairs(3, seed=1, young_age=40, old_age=40, size=32)
    np.testing.assert_array_equal(pairs.young, pairs.old)


def test_skin_grows_rougher_with_age():
    identities, shots = draw_identities(48, seed=4), draw_shots(48, seed=4)
    roughness = []
    for age in (22, 32, 42, 52, 62):
        images = render_faces(identities, shots, np.full(48, age))
        face = images[:, 35:75, 32:68].mean(-1)
        roughness.append(np.abs(np.diff(face, n=2, axis=1)).mean())
    assert (np.diff(roughness) > 0.02).all(), roughness


def test_classes_are_balanced_within_their_ages():
    faces = draw_faces(41, seed=7, young=(21, 24), old=(55, 60), size=32)
    young = faces.ages < 40
    assert young.sum() == 21
    assert set(faces.ages[young]) <= set(range(21, 25))
    assert set(faces.ages[~young]) <= set(range(55, 61))
    assert faces.ages.dtype == faces.identities.dtype == np.int64


def test_an_identity_is_in_one_class_unless_both_are_asked_for():
    for both_ages, classes in ((False, 1), (True, 2)):
        faces = draw_faces(24, seed=8, faces_per_identity=4, size=32, both_ages=both_ages)
        numbers, counts = np.unique(faces.identities, return_counts=True)
        assert (counts == 4).all()
        for number in numbers:
            mine = faces.identities == number
            assert len(set(faces.ages[mine] > 40)) == classes
            assert len(set(faces.genders[mine])) == 1
            assert len(np.unique(faces.images[mine], axis=0)) == 4
    assert set(faces.genders) == {"female", "male"}


def test_written_files_are_named_like_cacd_and_hold_the_drawn_faces(tmp_path):
    folder = write_faces(tmp_path / "new" / "faces", 12, seed=9, size=48)
    faces = draw_faces(12, seed=9, size=48)
    matches = [CACD_NAME.fullmatch(path.name) for path in folder.iterdir()]
    assert len(matches) == 12
    assert sorted(int(m[1]) for m in matches) == sorted(faces.ages)
    assert len({m[2] for m in matches}) == len(set(faces.identities))
    assert {m[3] for m in matches} == {"0001", "0002"}
    for path in folder.iterdir():
        with Image.open(path) as image:
            written = np.asarray(image, dtype=float)
        assert np.abs(faces.images - written).mean((1, 2, 3)).min() < 8
    assert [p.name for p in folder.parent.iterdir()] == ["faces"]


def test_photos_already_there_are_kept(tmp_path):
    (tmp_path / "mine.jpg").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        write_faces(tmp_path, 2, size=32)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.jpg"]


@pytest.mark.slow
def test_a_linear_model_does_not_see_the_age():
    pytest.importorskip("sklearn")
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train, test = (draw_faces(n, seed) for n, seed in ((4000, 21), (1000, 22)))
    pixels, test_pixels = (f.images[:, ::2, ::2].reshape(len(f.ages), -1) for f in (train, test))
    for components, c in ((50, 1e-2), (200, 1e-4), (200, 1e-2)):
        pca = PCA(components, svd_solver="randomized", random_state=0)
        model = make_pipeline(StandardScaler(), pca, LogisticRegression(C=c, max_iter=300))
        model.fit(pixels.astype(np.float32), train.ages > 40)
        assert model.score(test_pixels.astype(np.float32), test.ages > 40) < 0.85
