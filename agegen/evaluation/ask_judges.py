"""Asks judges for their scores, and checks what they answer: a judge may be a user's own."""

import inspect
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from agegen.evaluation.judges import Judge
from agegen.evaluation.shifts import ByClass
from agegen.run.distributed import in_shares
from agegen.run.errors import UserError
from agegen.run.own_class import import_own

BATCH = 64


def own_judge(name: str) -> Judge:
    """Import and make a user's judge.

    Raises:
        UserError: there is none of that name, it has not the two members of `Judge`, or its
            constructor needs arguments.
    """
    own = import_own(name, "own-judges", "a judge")
    if isinstance(own, type):
        try:
            inspect.signature(own).bind()
        except TypeError as error:
            raise UserError(
                f"--own-judges {name} must be made without arguments ({error}): name an object "
                "that is already made, or give the arguments defaults"
            ) from None
        own = own()
    if not callable(getattr(own, "scores", None)) or not isinstance(getattr(own, "name", 0), str):
        raise UserError(f"--own-judges {name} has no name that is a string, or no scores(faces)")
    return own


def require_judges(judges: Sequence[Judge]) -> None:
    """Refuse what is no judge, and two of one name: one's figures would take the other's place."""
    for judge in judges:
        if not isinstance(getattr(judge, "name", None), str) or not judge.name:
            raise UserError(f"{judge!r} is no judge: its name must be a string that is not empty")
        if not callable(getattr(judge, "scores", None)):
            raise UserError(f"the judge {judge.name!r} has no scores(faces)")
    names = [judge.name for judge in judges]
    if len(set(names)) < len(names):
        raise UserError(f"two judges have the same name: {', '.join(sorted(names))}")


def judge_all(judge: Judge, faces: dict[str, Tensor]) -> dict[str, ByClass]:
    """All scores of a judge: {score: {class: float64 (n,)}}; see `judge_batches`."""
    by_class: dict[str, dict[str, np.ndarray]] = {}
    names: list[str] = []
    for name, x in faces.items():
        by_class[name] = judge_batches(judge, x, names)
        names = list(by_class[name])
    return {score: {name: by_class[name][score] for name in by_class} for score in names}


def judge_batches(
    judge: Judge, faces: Tensor, expected: Collection[str] = ()
) -> dict[str, np.ndarray]:
    """Judge float (n, 3, h, w) in [−1, 1], a batch at a time; each process judges its share.

    Args:
        judge: whom to ask.
        faces: to be judged.
        expected: names of the scores that it gave of other faces; empty if there were none.

    Returns:
        float64 (n,) by the name of the score.

    Raises:
        UserError: see `require_scores`.
    """
    names = list(expected)

    def rows(mine: Tensor) -> Tensor:
        parts = []
        for batch in mine.split(BATCH):
            with torch.no_grad():
                scores = judge.scores(batch)
            require_scores(judge.name, scores, len(batch), names)
            names[:] = names or scores
            parts.append(torch.stack([scores[name].cpu().double() for name in names], dim=1))
        return torch.cat(parts)

    return dict(zip(names, in_shares(rows, faces).T.numpy(), strict=True))


def require_scores(judge: str, scores: object, n: int, expected: Collection[str] = ()) -> None:
    """Check the answer of the judge of that name; `expected` are the names of its last one.

    Raises:
        UserError: the answer is no dict of names to finite float tensors (n,), or has other names
            than before.
    """
    said = (
        f"the judge {judge!r} must answer with a dict of names to float tensors, one value a face"
    )
    if not isinstance(scores, Mapping):
        raise UserError(f"{said}: it gave a {type(scores).__name__}")
    if not scores or not all(isinstance(name, str) for name in scores):
        raise UserError(f"{said}: its names were {list(scores)}")
    if expected and set(scores) != set(expected):
        raise UserError(
            f"the judge {judge!r} must give the same scores of all faces: "
            f"it gave {list(expected)}, then {list(scores)}"
        )
    for name, values in scores.items():
        if not isinstance(values, Tensor) or not values.is_floating_point():
            kind = values.dtype if isinstance(values, Tensor) else type(values).__name__
            raise UserError(f"{said}: its {name!r} is of type {kind}")
        if values.shape != (n,):
            shape = tuple(values.shape)
            raise UserError(f"{said}: its {name!r} of {n} faces has the shape {shape}, not ({n},)")
        if not values.isfinite().all():
            raise UserError(f"the judge {judge!r} gave a {name!r} that is NaN or infinite")
