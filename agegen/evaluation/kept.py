"""What ageing should leave alone: gender, eyes, background, pose."""

import numpy as np
import torch
from torch import Tensor

from agegen.evaluation.age_estimator import AgeEstimator
from agegen.evaluation.identity import SIDE, enlarge
from agegen.faces.landmarks import eye_line, landmarks_within
from agegen.metrics import mean_as_json, share_as_json
from agegen.run.distributed import in_shares

EYE = 0.6  # side of the square around an eye, in eye distances
FACE = (0.42, 0.48)  # half axes of the oval that holds a face, in sides of the picture
COLUMNS = ("gender", "gender_mirrored", "eyes", "background", "face", "landmarks")


def measure_kept(
    faces: Tensor,
    fake: Tensor,
    estimator: AgeEstimator,
    weights: np.ndarray,
    persons: np.ndarray,
) -> dict:
    """Compare faces with what was made of them, both float (n, 3, h, w) in [−1, 1].

    Returns:
        ``gender``: share of the faces whose gender the estimator gives as before, and
        ``gender_mirrored``: the same of their mirror images, what its own doubt costs; ``eyes``,
        ``background`` and ``face``: mean L1 (per value) around the eyes, outside the face's oval
        and inside it; ``landmarks``: how far five landmarks moved, in eye distances, once for
        themselves. Each with its interval: by `weights` (r, n) or over `persons`, int (n,).
    """

    def rows(mine: Tensor, made: Tensor) -> Tensor:
        before, after = estimator.genders(mine), estimator.genders(made)
        mirrored = estimator.genders(mine.flip(3))
        found = [[a == b for a, b in zip(before, x, strict=True)] for x in (after, mirrored)]
        points, moved = (landmarks_in(x, estimator.square) for x in (mine, made))
        distance = np.linalg.norm([eye_line(p) for p in points], axis=1)
        shift = np.linalg.norm(moved - points, axis=2).mean(axis=1) / distance
        change = (made - mine).abs().mean(dim=1).double().cpu().numpy()
        return torch.from_numpy(
            np.column_stack([*np.array(found, dtype=float), *by_region(change, points), shift])
        )

    columns = dict(zip(COLUMNS, in_shares(rows, faces, fake).numpy().T, strict=True))
    return {
        name: share_as_json(values, persons)
        if name.startswith("gender")
        else mean_as_json(values, weights)
        for name, values in columns.items()
    }


def landmarks_in(faces: Tensor, square: tuple[int, int, int, int]) -> np.ndarray:
    """Five landmarks of each face, (x, y) as shares of the side: float64 (n, 5, 2)."""
    return np.array([landmarks_within(image, square) for image in enlarge(faces)]) / SIDE


def by_region(change: np.ndarray, points: np.ndarray) -> list[np.ndarray]:
    """Mean change (n, h, w) around the eyes, outside the face and inside it, (n,) each."""
    _, height, width = change.shape
    y, x = np.mgrid[:height, :width]
    x, y = (x + 0.5) / width, (y + 0.5) / height
    inside = ((x - 0.5) / FACE[0]) ** 2 + ((y - 0.5) / FACE[1]) ** 2 <= 1
    eyes = []
    for each, face in zip(change, points, strict=True):
        reach = EYE / 2 * float(np.hypot(*eye_line(face)))
        middles = face[:4].reshape(2, 2, 2).mean(axis=1)
        near = [(abs(x - mx) <= reach) & (abs(y - my) <= reach) for mx, my in middles]
        shown = near[0] | near[1]
        eyes.append(each[shown].mean() if shown.any() else np.nan)
    return [np.array(eyes), change[:, ~inside].mean(axis=1), change[:, inside].mean(axis=1)]
