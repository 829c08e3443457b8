import tracemalloc
from io import BytesIO

import numpy as np
import pytest
from photos import picture
from PIL import Image

from agegen.faces.near_duplicates import (
    HASH_BITS,
    MAX_DIFFERENT_BITS,
    difference_hash,
    mirrored,
    near_duplicate_pairs,
)


def recompressed(image):
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=40)
    return np.asarray(Image.open(buffer))


CHANGES = {
    "recompressed": recompressed,
    "brightened": lambda image: np.clip(image * 1.15 + 10, 0, 255).astype(np.uint8),
    "mirrored": lambda image: np.ascontiguousarray(image[:, ::-1]),
    "rescaled": lambda image: np.asarray(
        Image.fromarray(image).resize((50, 50), Image.Resampling.BICUBIC)
    ),
    "grey": lambda image: np.asarray(Image.fromarray(image).convert("L").convert("RGB")),
    "mirrored and recompressed": lambda image: recompressed(np.ascontiguousarray(image[:, ::-1])),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_copies_are_found(change, seed):
    image = picture(seed, 100)
    hashes = np.stack([difference_hash(image), difference_hash(CHANGES[change](image))])
    np.testing.assert_array_equal(near_duplicate_pairs(hashes), [[0, 1]])


def test_different_pictures_are_not_found():
    hashes = np.stack([difference_hash(picture(seed)) for seed in range(60)])
    assert len(near_duplicate_pairs(hashes)) == 0


@pytest.mark.parametrize("block", [1, 7, 64, 2048])
def test_pairs_are_those_of_the_definition(block):
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (30, HASH_BITS), dtype=np.uint8)
    near, far = bits[3].copy(), bits[4].copy()
    near[rng.permutation(HASH_BITS)[:MAX_DIFFERENT_BITS]] ^= 1
    far[rng.permutation(HASH_BITS)[: MAX_DIFFERENT_BITS + 1]] ^= 1
    hashes = np.packbits(np.concatenate([bits, [near, far]]), axis=1)
    hashes = np.concatenate([hashes, mirrored(hashes[5:6])])
    np.testing.assert_array_equal(near_duplicate_pairs(hashes, block), [[3, 30], [5, 32]])


def test_memory_does_not_grow_with_the_square_of_the_faces():
    peaks = []
    for n in (2_000, 8_000):
        hashes = np.random.default_rng(2).integers(0, 256, (n, 32), dtype=np.uint8)
        tracemalloc.start()
        near_duplicate_pairs(hashes, block=256)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_mirrored_is_its_own_inverse():
    hashes = np.random.default_rng(1).integers(0, 256, (9, 32), dtype=np.uint8)
    assert np.any(mirrored(hashes) != hashes)
    np.testing.assert_array_equal(mirrored(mirrored(hashes)), hashes)


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_faces_have_no_pairs(n):
    assert near_duplicate_pairs(np.zeros((n, 32), np.uint8)).shape == (0, 2)
