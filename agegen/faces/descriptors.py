"""Numbers that describe whose a face is: dlib's face recognition network (King, 2017, CC0).

Its 29-layer ResNet gives 128 of them; two pictures of one person are usually less than 0.6 apart.
Its weights are shipped by pip's ``face_recognition_models``, whose file is read by its path. The
network takes about 0.1 s a face, on one core, with Python's lock held, and gains nothing from
batches: many faces are described by processes, each of which runs this module.
"""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from agegen.faces import landmarks
from agegen.run.errors import UserError

LENGTH = 128
CHIP, PADDING = 150, 0.25  # of the network's own training
FILE = "dlib_face_recognition_resnet_model_v1.dat"
FACES_EACH = 8  # at least, of a process: to describe them takes about as long as its start


@cache
def load_network() -> Any:
    """Read the network.

    Raises:
        UserError: the extras ``photos`` and ``judges`` are not installed.
    """
    package = landmarks.folder_of("face_recognition_models")
    if package is None or not landmarks.available():
        raise UserError(
            "comparing identities needs two extras: pip install 'agegen[photos,judges]'"
        )
    path = package / "models" / FILE
    if not path.exists():
        raise UserError(f"{path} is missing: install the extra judges again")
    return landmarks.load().dlib.face_recognition_model_v1(str(path))


def describe(images: np.ndarray, like: np.ndarray, square: np.ndarray, cores: int) -> np.ndarray:
    """Describe faces, in as many processes as pay.

    Args:
        images: uint8 (n, h, w, 3).
        like: of the same shape: the faces whose landmarks are where theirs are.
        square: int (4,), the detector's around each of them: left, top, right, bottom, both ends
            included.

    Returns:
        float64 (n, 128), the same however many processes there are; a UserError as `load_network`.
    """
    load_network()  # what is missing is said here
    number = max(min(cores, len(images) // FACES_EACH), 1)
    if number == 1:
        return describe_here(images, like, square)
    shares = zip(np.array_split(images, number), np.array_split(like, number), strict=True)
    tasks = [(*share, square) for share in shares]
    workers = [start_worker() for _ in tasks]
    with ThreadPoolExecutor(number) as threads:
        try:
            return np.concatenate(list(threads.map(ask, workers, tasks)))
        finally:  # after a Ctrl-C they are at work still
            for worker in workers:
                worker.kill()


def describe_here(images: np.ndarray, like: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Describe faces in this process; arguments and result as in `describe`."""
    dlib, predictor, _ = landmarks.load()
    box, network = dlib.rectangle(*map(int, square)), load_network()
    found = np.empty((len(images), LENGTH))
    for row, image, other in zip(found, images, like, strict=True):
        shape = predictor(np.ascontiguousarray(other), box)
        chip = dlib.get_face_chip(np.ascontiguousarray(image), shape, CHIP, PADDING)
        row[:] = network.compute_face_descriptor(chip)
    return found


def start_worker() -> subprocess.Popen:
    """Start a process that runs this module, of this very package.

    One of `multiprocessing` would import the recipe that was started, and PyTorch with it.
    """
    package = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-m", "agegen.faces.descriptors"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": path},
    )


def ask(worker: subprocess.Popen, share: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
    """Let a process describe its share; where it was killed (out of memory?), this one does."""
    with suppress(OSError, ValueError):
        answer, _ = worker.communicate(packed(*share))
        (found,) = unpacked(answer, 1)
        return found
    return describe_here(*share)


def packed(*arrays: np.ndarray) -> bytes:
    """Arrays as bytes."""
    buffer = BytesIO()
    for array in arrays:
        np.save(buffer, array)
    return buffer.getvalue()


def unpacked(content: bytes, number: int) -> list[np.ndarray]:
    """What `packed` made bytes of; a ValueError if they are cut short."""
    buffer = BytesIO(content)
    try:
        return [np.load(buffer, allow_pickle=False) for _ in range(number)]
    except EOFError as error:  # NumPy's where nothing is left
        raise ValueError(str(error)) from error


def main() -> None:
    """Describe the faces that stand in the standard input, as a worker."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a scheduler's: the training ends at its step
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    images, like, square = unpacked(sys.stdin.buffer.read(), 3)
    with answers:
        answers.write(packed(describe_here(images, like, square)))


if __name__ == "__main__":
    main()
