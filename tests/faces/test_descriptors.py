"""dlib's descriptors: the same from any number of processes, and where one of them is killed."""

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from agegen.drawn.synthetic import draw_pairs
from agegen.faces import descriptors, landmarks
from agegen.faces.descriptors import describe, describe_here

pytestmark = pytest.mark.skipif(
    not (landmarks.available() and find_spec("face_recognition_models")),
    reason="the extra judges is not installed",
)
SQUARE = np.array([10, 12, 88, 90])


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    return draw_pairs(7, seed=3).old


@pytest.fixture(scope="module")
def expected(faces: np.ndarray) -> np.ndarray:
    return describe_here(faces, faces[::-1], SQUARE)


def test_processes_find_what_this_one_does(
    faces: np.ndarray, expected: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert expected.shape == (7, descriptors.LENGTH)
    assert len(np.unique(expected, axis=0)) == 7
    assert np.array_equal(describe(faces, faces[::-1], SQUARE, 2), expected)  # too few to share
    monkeypatch.setattr(descriptors, "FACES_EACH", 2)
    monkeypatch.setattr(descriptors, "describe_here", None)  # nobody describes any here
    assert np.array_equal(describe(faces, faces[::-1], SQUARE, 2), expected)


@pytest.mark.parametrize("code", ["pass", "print('hello')", "import os; os.kill(os.getpid(), 9)"])
def test_the_share_of_a_killed_process_is_described_here(
    code: str, faces: np.ndarray, expected: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start() -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    monkeypatch.setattr(descriptors, "start_worker", start)
    monkeypatch.setattr(descriptors, "FACES_EACH", 2)
    assert np.array_equal(describe(faces, faces[::-1], SQUARE, 2), expected)


def test_a_worker_loads_no_torch() -> None:
    code = "import sys, agegen.faces.descriptors; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
