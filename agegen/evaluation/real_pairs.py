"""Do faces come nearer to what the people became? Photos of the same people at both ages.

A face that was made old is held beside photos of the person when old. It comes nearer to them only
if it ages as that person did; that it comes nearer to everybody who is old is no such evidence,
which is why strangers' old photos are compared, too.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from agegen.evaluation.controls import CONTROLS, blur, in_batches
from agegen.evaluation.held_out import Translator
from agegen.evaluation.judges import Matcher
from agegen.evaluation.kept import landmarks_in
from agegen.evaluation.matching import threshold_at
from agegen.evaluation.panel import Panel
from agegen.evaluation.selection import strengthened
from agegen.evaluation.verdicts import UNDEFINED
from agegen.faces.records import DIRECTIONS, Rejected, source_of
from agegen.metrics import bootstrap_weights, mean_as_json, share_as_json
from agegen.run.distributed import in_shares
from agegen.run.errors import UserError

AGES = {"young": (18, 30), "old": (40, 70)}  # years, both included: of the photos that are paired
ADULT = 18
GAPS = (0, 5, 10, 20, 30, 40, 60)  # years between two photos: bounds of the reference line
FEWEST_APART = 1000  # pairs of strangers: 0.1 % of fewer is not one of them
LIKE_POSE = 0.1  # of the eyes' distance: how far noses may differ from the middle of the eyes


class People(NamedTuple):
    """Photos of people, an entry a photo.

    Attributes:
        images: uint8 (n, size, size, 3), cropped as the faces that generators were trained on.
        ages: int64 (n,), in years.
        persons: str (n,), who it is.
        turned: float64 (n,), how far the nose is beside the middle of the eyes, in eye distances;
            NaN where unknown.
        left_out: photos that are not among them, with the reason.
    """

    images: np.ndarray
    ages: np.ndarray
    persons: np.ndarray
    turned: np.ndarray
    left_out: list[Rejected]

    def at(self, name: str) -> np.ndarray:
        """Numbers of the photos at the age of a class, int64 (m,)."""
        first, last = AGES[name]
        return np.flatnonzero((self.ages >= first) & (self.ages <= last))


class Aged(NamedTuple):
    """Photos of people, what was made of them, and photos of the same people at that age.

    Attributes:
        faces: float (n, 3, size, size) in [−1, 1].
        made: of them, of the same shape.
        real: float (m, 3, size, size), at the age aimed at.
        persons: of the faces, str (n,).
        real_persons: of the real ones, str (m,).
        years: from each face to each real one, int (n, m).
        like_pose: bool (n, m), whether both look the same way.
    """

    faces: Tensor
    made: Tensor
    real: Tensor
    persons: np.ndarray
    real_persons: np.ndarray
    years: np.ndarray
    like_pose: np.ndarray

    @property
    def same(self) -> np.ndarray:
        """Bool (n, m): which pairs are of one person."""
        return self.persons[:, None] == self.real_persons


def evaluate_people(
    translator: Translator, people: People, panel: Panel, controls: bool = True, seed: int = 0
) -> dict:
    """Compare what generators make of people with what they became, and were.

    Returns:
        ``photos``, ``people``, ``left_out``; ``directions``: by the class aimed at, see `compare`;
        ``reference``: by matcher, see `reference_line`.

    Raises:
        UserError: nobody has a photo at both ages, or there is no matcher.
    """
    require_pairs(people, panel)
    faces = translator.views(people.images)
    made = {to: translate_people(translator, people, to) for _, to in DIRECTIONS}
    return judge_people(made, people, faces, panel, controls, seed)


def require_pairs(people: People, panel: Panel) -> None:
    """Refuse what `evaluate_people` would, before anything is judged."""
    require_matcher(panel)
    for _, to in DIRECTIONS:
        paired(people, people, to)


def require_matcher(panel: Panel) -> None:
    """Refuse a panel in which nobody tells persons apart."""
    if not panel.matchers:
        raise UserError("--pairs needs an identity matcher: the extra judges, or --onnx-embedder")


def translate_people(translator: Translator, people: People, to: str) -> Aged:
    """Those who are known at both ages, and what the translator makes of them."""
    mine, aim = paired(people, people, to)
    faces, real = translator.views(people.images[mine]), translator.views(people.images[aim])
    fake = in_shares(partial(translator.translate, to=to), faces)
    return aged(people, people, mine, aim, (faces, fake, real))


def judge_people(
    made: dict[str, Aged], people: People, faces: Tensor, panel: Panel, controls: bool, seed: int
) -> dict:
    """See `evaluate_people`; `made` by the class aimed at, `faces` the views of all people."""
    return {
        "photos": len(people.images),
        "people": len(np.unique(people.persons)),
        "left_out": len(people.left_out),
        "ages": {name: list(ages) for name, ages in AGES.items()},
        "directions": {to: compare(mine, panel, controls, seed) for to, mine in made.items()},
        "reference": {
            matcher.name: reference_line(matcher, people, faces) for matcher in panel.matchers
        },
    }


def paired(before: People, real: People, to: str) -> tuple[np.ndarray, np.ndarray]:
    """Photos `before` of those who are known at the age aimed at, too, and `real` ones at it.

    Returns:
        Their numbers, int (n,) and (m,).

    Raises:
        UserError: they are fewer than two people, and strangers are needed, too.
    """
    mine, aim = before.at(source_of(to)), real.at(to)
    both = np.intersect1d(before.persons[mine], real.persons[aim])
    if len(both) < 2:
        ages = " and ".join(f"{low}–{high}" for low, high in AGES.values())
        raise UserError(
            f"--pairs needs two people or more with photos at both ages, {ages}: it has {len(both)}"
        )
    return mine[np.isin(before.persons[mine], both)], aim[np.isin(real.persons[aim], both)]


def aged(
    before: People, real: People, mine: np.ndarray, aim: np.ndarray,
    views: tuple[Tensor, Tensor, Tensor],
) -> Aged:  # fmt: skip
    """Put together photos `mine` of `before`, what was made of them, and photos `aim` of `real`."""
    years = np.abs(before.ages[mine][:, None] - real.ages[aim])
    apart = np.abs(before.turned[mine][:, None] - real.turned[aim])
    return Aged(*views, before.persons[mine], real.persons[aim], years, apart <= LIKE_POSE)


def compare(mine: Aged, panel: Panel, controls: bool, seed: int) -> dict:
    """How much nearer what was made is to the person at that age than the source is.

    Returns:
        ``pairs``, ``people`` and mean ``years`` of the pairs; ``matchers``: by name, see
        `gain_of`, with ``parts`` of the change and ``controls``, each with a ``gain``; ``lpips``:
        the same gain by LPIPS, over the pairs in which both look the same way; ``landmarks``: and
        by five landmarks, see `shapes_of`.
    """
    rows, _ = np.nonzero(mine.same)
    persons = mine.persons[rows]
    weights = bootstrap_weights(len(rows), persons, seed=seed)
    found: dict = {
        "pairs": len(rows),
        "people": len(np.unique(persons)),
        "years": float(mine.years[mine.same].mean()),
        "matchers": {
            matcher.name: gain_of(matcher, mine, weights, controls) for matcher in panel.matchers
        },
    }
    if perceptual := panel.perceptual:
        found["lpips"] = gain_where_alike(
            mine,
            lambda faces, i, j: in_shares(perceptual.distance, faces[i], mine.real[j]).numpy(),
            seed,
        )
    if panel.outside:
        shapes = partial(shapes_of, square=panel.outside.square)
        real = shapes(mine.real)
        found["landmarks"] = gain_where_alike(
            mine, lambda faces, i, j: procrustes(shapes(faces)[i], real[j]), seed
        )
    return found


def gain_of(matcher: Matcher, mine: Aged, weights: np.ndarray, controls: bool) -> dict:
    """What a matcher says of all pairs; `weights` (r, pairs) are resamples of persons.

    Returns:
        ``before`` and ``after``: mean distance of the source, and of what was made of it, to the
        person at the age aimed at; ``gain``: by how much it came nearer; ``strangers``: the same
        gain towards photos of others at that age; ``own``: the gain less that one. ``verified``
        and ``verified_made``: share of the real photos verified by the source, and by what was made
        of it, each at 0.1 % false accepts of its own; see `verified`.
    """
    distances = distances_by(matcher, mine)
    source = distances(mine.faces)
    same, persons = mine.same, mine.persons[np.nonzero(mine.same)[0]]

    def gain(after: np.ndarray) -> dict:
        return mean_as_json((source - after)[same], weights)

    made = distances(mine.made)
    towards = np.array([(source - made)[i, ~same[i]].mean() for i in np.nonzero(same)[0]])
    found = {
        "before": mean_as_json(source[same], weights),
        "after": mean_as_json(made[same], weights),
        "gain": gain(made),
        "strangers": mean_as_json(towards, weights),
        "own": mean_as_json((source - made)[same] - towards, weights),
        "verified": verified(source, same, persons),
        "verified_made": verified(made, same, persons),
        "parts": {
            name: gain(distances(part)) for name, part in parts_of(mine.faces, mine.made).items()
        },
    }
    if controls:
        found["controls"] = {
            name: gain(distances(in_batches(control, mine.faces)))
            for name, control in CONTROLS.items()
        }
    return found


def gains_at(matcher: Matcher, mine: Aged, strengths: Sequence[float]) -> list[dict]:
    """The ``gain`` of `gain_of` for each strength of the change; what was made is at 1."""
    same, distances = mine.same, distances_by(matcher, mine)
    weights = bootstrap_weights(int(same.sum()), mine.persons[np.nonzero(same)[0]])
    before = distances(mine.faces)
    changes = (strengthened(mine.faces, mine.made, strength) for strength in strengths)
    return [mean_as_json((before - distances(fake))[same], weights) for fake in changes]


def distances_by(matcher: Matcher, mine: Aged) -> Callable[[Tensor], np.ndarray]:
    """What tells how far whatever became of the faces, (n, 3, h, w), is from the real ones: (n, m).

    Landmarks are those of the faces.
    """
    embed = partial(in_shares, matcher.embed)
    real = embed(mine.real, mine.real)
    return lambda changed: torch.cdist(embed(changed, mine.faces), real).numpy()


def verified(distances: np.ndarray, same: np.ndarray, persons: np.ndarray) -> dict:
    """Share of the pairs of one person that are nearer than 0.1 % of the pairs of strangers.

    Args:
        distances: of pairs, of any shape.
        same: bool of that shape, which pairs are of one person.
        persons: who they are, in order.

    Returns:
        It and its interval; undefined where strangers are fewer than `FEWEST_APART` pairs.
    """
    apart = distances[~same]
    if len(apart) < FEWEST_APART:
        return UNDEFINED
    return share_as_json(distances[same] < threshold_at(torch.from_numpy(apart)), persons)


def parts_of(faces: Tensor, made: Tensor) -> dict[str, Tensor]:
    """Faces with a part of their change alone: coarse or fine, in one place or another."""
    change, side = made - faces, faces.shape[-1]
    coarse = blur(change, side / 32)
    y = torch.linspace(0, 1, side, device=faces.device)[:, None].expand(side, side)
    middle = ((y - 0.5) ** 2 + (y.T - 0.5) ** 2 < 0.16).to(faces)
    upper = (y < 0.5).to(faces)
    kept = {
        "coarse (of 1/16 of the side and more)": coarse,
        "fine": change - coarse,
        "upper half": change * upper,
        "lower half": change * (1 - upper),
        "face's middle": change * middle,
        "rim": change * (1 - middle),
        "half as strong": change / 2,
    }
    return {name: (faces + part).clamp(-1, 1) for name, part in kept.items()}


def shapes_of(faces: Tensor, square: tuple[int, int, int, int]) -> np.ndarray:
    """Five landmarks of each face without place, size and tilt: complex (n, 5) of length 1."""
    points = in_shares(lambda mine: torch.from_numpy(landmarks_in(mine, square)), faces).numpy()
    shapes = points[..., 0] + 1j * points[..., 1]
    shapes -= shapes.mean(axis=1, keepdims=True)
    return shapes / np.linalg.norm(shapes, axis=1, keepdims=True)


def procrustes(shapes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Full Procrustes distances (Dryden and Mardia 2016) of shapes, (n, k) each: (n,), 0 to 1."""
    alike = np.abs((shapes * others.conj()).sum(axis=1))
    return np.sqrt((1 - alike**2).clip(0))


def gain_where_alike(
    mine: Aged, distance: Callable[[Tensor, np.ndarray, np.ndarray], np.ndarray], seed: int
) -> dict | None:
    """How much nearer by a distance, where both look the same way; None where no pair does.

    Args:
        mine: the people.
        distance: of faces, (n, 3, h, w), to the real ones: of pairs by their numbers, (p,) each.
        seed: of the bootstrap.
    """
    rows, columns = np.nonzero(mine.same & mine.like_pose)
    if not len(rows):
        return None
    weights = bootstrap_weights(len(rows), mine.persons[rows], seed=seed)
    before, after = (
        distance(faces, rows, columns).astype(np.float64) for faces in (mine.faces, mine.made)
    )
    named = {"before": before, "after": after, "gain": before - after}
    figures = {name: mean_as_json(values, weights) for name, values in named.items()}
    return {"pairs": len(rows), "people": len(np.unique(mine.persons[rows])), **figures}


def reference_line(matcher: Matcher, people: People, faces: Tensor) -> list[dict]:
    """How many of real pairs of photos are verified, by the years between them.

    Returns:
        For each span of years in which strangers are enough to set the threshold: ``years`` [from,
        below], ``pairs`` and ``people`` of adults, and ``verified`` at 0.1 % false accepts among
        strangers as many years apart.
    """
    adults = np.flatnonzero(people.ages >= ADULT)
    vectors = in_shares(matcher.embed, faces[adults], faces[adults])
    ages, persons = people.ages[adults], people.persons[adults]
    first, second = np.triu_indices(len(adults), 1)
    apart = torch.cdist(vectors, vectors).numpy()[first, second]
    years, same = np.abs(ages[first] - ages[second]), persons[first] == persons[second]
    line = []
    for low, high in pairwise(GAPS):
        here = (years >= low) & (years < high)
        if not (here & same).any() or (here & ~same).sum() < FEWEST_APART:
            continue
        who = persons[first][here & same]
        line.append(
            {
                "years": [low, high],
                "pairs": len(who),
                "people": len(np.unique(who)),
                "verified": verified(apart[here], same[here], who),
            }
        )
    return line
