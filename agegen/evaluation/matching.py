"""Is it still the same person? What a matcher says, at a threshold that real people set."""

import numpy as np
import torch
from torch import Tensor

from agegen.metrics import mean_as_json, share_as_json
from agegen.run.errors import UserError

FALSE_ACCEPTS = 0.001  # share of pairs of different people that a threshold lets through


def match(source: Tensor, fake: Tensor, weights: np.ndarray, persons: np.ndarray) -> dict:
    """Compare what a matcher says of faces and of what was made of them.

    Args:
        source: vectors of the source faces, (n, d).
        fake: of the generated ones, (n, d).
        weights: bootstrap resamples (r, n).
        persons: whose faces the sources are, int (n,).

    Returns:
        ``distance`` of a face to what was made of it; ``others``: mean distance of two different
        people's source faces; ``threshold``: the distance below which `FALSE_ACCEPTS` of those are;
        ``verified``: share of the generated faces that are nearer to their source than that.

    Raises:
        UserError: all faces are of one person.
    """
    apart = distances_apart(source, persons)
    threshold = threshold_at(apart)
    distance = (source - fake).norm(dim=1).double().numpy()
    return {
        "distance": mean_as_json(distance, weights),
        "others": float(apart.mean()),
        "threshold": threshold,
        "verified": share_as_json(distance < threshold, persons),
    }


def distances_apart(vectors: Tensor, persons: np.ndarray) -> Tensor:
    """Distances (pairs,) of all pairs of faces (n, d) of different people, who are int (n,).

    Raises:
        UserError: all faces are of one person.
    """
    require_two_people(persons)
    different = torch.from_numpy(np.triu(persons[:, None] != persons))
    return torch.cdist(vectors, vectors)[different]


def require_two_people(persons: np.ndarray) -> None:
    """Refuse faces that are all of one person.

    Raises:
        UserError: they are; `persons` are int (n,).
    """
    if len(np.unique(persons)) < 2:
        raise UserError(
            "identities need faces of two people or more, and all of these are of one: take more "
            "faces, or leave identity out"
        )


def threshold_at(apart: Tensor) -> float:
    """The distance below which `FALSE_ACCEPTS` of the pairs of different people are."""
    return float(np.quantile(apart.numpy(), FALSE_ACCEPTS))  # torch's takes 2²⁴ values at most
