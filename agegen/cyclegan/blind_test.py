"""Blind test: forced choices between faces, drawn at random from an evaluation's split.

What a judge's figure claims, a stranger either sees or does not. The page holds pictures alone; the
right answers are in a file of their own.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from torch import Tensor

from agegen.cyclegan.translate import Translator, load_translator
from agegen.evaluation.held_out import HeldOut, choose_faces
from agegen.faces.records import CLASS_NAMES, DIRECTIONS
from agegen.faces.store import FaceStore
from agegen.faces.views import to_uint8
from agegen.run.errors import UserError
from agegen.run.files import explained_damage, explained_write_errors, read_json

PAGE, KEY = "index.html", "key.json"
Kind = Literal["photograph", "older", "same"]
KINDS: tuple[Kind, ...] = ("photograph", "older", "same")
Planned = tuple[Kind, tuple[str, str], int]
"""Kind, direction (source, to) and right answer of a question."""


@dataclass(frozen=True)
class BlindTestConfig:
    """Of which evaluation to make a test, and how long a one."""

    evaluation: Path
    """JSON file of evaluate_cyclegan: its generators, at its strengths, on its split."""
    out: Path
    """Folder of the page, index.html, and of the right answers, key.json."""
    questions: int = 40
    """How many; fewer are made where the split's faces are used up, as each is shown in one."""
    seed: int = 0
    """Of the faces, and of their order."""

    def __post_init__(self) -> None:
        if self.questions < len(KINDS):
            raise UserError(f"--questions must be at least {len(KINDS)}, one of each kind")
        with explained_write_errors(self.out):
            foreign = (self.out / PAGE).exists() and not (self.out / KEY).exists()
        if foreign:
            raise UserError(f"--out {self.out} has an {PAGE} that is no blind test's")


class Question(NamedTuple):
    """Two pictures, and which answer is right.

    Attributes:
        kind: which is the photograph? which is older? are they the same person?
        to: the class aimed at by what was made.
        pictures: left and right, uint8 (h, w, 3).
        right: 0 for the left one, or for "yes"; 1 for the right one, or for "no".
    """

    kind: Kind
    to: str
    pictures: tuple[np.ndarray, np.ndarray]
    right: int


class BlindTest(NamedTuple):
    """Questions in random order, and the name by which answers are known to be to these."""

    name: str
    questions: list[Question]

    def key(self, config: BlindTestConfig) -> dict:
        """The right answers, plain JSON types."""
        return {
            "test": self.name,
            "evaluation": str(config.evaluation),
            "questions": [
                {"kind": q.kind, "to": q.to, "right": q.right} for q in self.questions
            ],
        }  # fmt: skip


def make_blind_test(config: BlindTestConfig) -> BlindTest:
    """Draw the questions: a third of each kind, directions and right answers of a kind alike.

    Raises:
        UserError: the evaluation, its run or its faces are missing, damaged or something else, or
            the split has too few faces.
    """
    found = read_json(config.evaluation)
    if not isinstance(found, dict) or not {"run", "faces", "split", "weights"} <= set(found):
        raise UserError(
            f"{config.evaluation} is not an evaluation of generators: make one with python "
            "recipes/evaluate_cyclegan.py"
        )
    with explained_damage(config.evaluation):
        translator = load_translator(Path(found["run"]), str(found["weights"]))
        if strength := found.get("strength"):
            chosen = {name: float(strength[name]) for name in CLASS_NAMES}
            translator = replace(translator, strength=chosen)
        store = FaceStore.open(Path(found["faces"]))
        held_out = choose_faces(translator, store, str(found["split"]), seed=config.seed)
    genders = {name: store.genders[i].tolist() for name, i in held_out.indices.items()}
    questions = draw_questions(translator, held_out, genders, config)
    digest = hashlib.sha256()
    for question in questions:
        digest.update(f"{question.kind}{question.right}".encode())
        for picture in question.pictures:
            digest.update(picture.tobytes())
    return BlindTest(digest.hexdigest()[:16], questions)


def require_no_other(key: Path, name: str) -> None:
    """Refuse to replace the right answers of another test: it may have been handed out.

    Raises:
        UserError: the file `key` is not of the test `name`, or is damaged.
    """
    if key.exists():
        found = read_json(key)
        with explained_damage(key):
            if found["test"] != name:
                raise UserError(
                    f"{key} holds the right answers of another test, without which its answers "
                    "cannot be scored: choose another --out"
                )


def draw_questions(
    translator: Translator, held_out: HeldOut, genders: dict[str, list], config: BlindTestConfig
) -> list[Question]:
    """The questions in random order, as many as fit; how many that is, and why, is said if fewer.

    Raises:
        UserError: there are too few faces, or too few of other people, for one of each kind.
    """
    rng = np.random.default_rng(config.seed)
    drawn, lack = draw_faces(plan_questions(config.questions, rng), held_out, genders)
    if len(drawn) < len(KINDS):
        raise UserError(f"{config.evaluation} gives no blind test: {lack}")
    if lack:
        print(f"note: {len(drawn):,} of {config.questions:,} questions are made: {lack}")
    questions = [make_question(translator, held_out, *one) for one in drawn]
    return [questions[i] for i in rng.permutation(len(questions))]


def draw_faces(
    planned: list[Planned], held_out: HeldOut, genders: dict[str, list]
) -> tuple[list[tuple[Planned, int, int]], str]:
    """Draw the faces of the questions planned, until they are used up: none is in two questions.

    Strangers are other persons of `held_out`, of one gender where `genders`, by class, are known.

    Returns:
        Of each question that fits its plan, the number of the face that is translated, and that of
        the real face beside it; and what is lacking for the next one, "" if all fit.
    """
    unused = {name: list(range(len(faces))) for name, faces in held_out.faces.items()}

    def take(name: str, unlike: int | None = None) -> int:
        fit = (i for i in unused[name] if unlike is None or is_stranger(name, unlike, i))
        found = next(fit, None)
        if found is None:
            whose = "" if unlike is None else " of a stranger"
            raise LookupError(f"no face is shown twice, and no {name} one{whose} is left to show")
        unused[name].remove(found)
        return found

    def is_stranger(name: str, shown: int, other: int) -> bool:
        persons, gender = held_out.persons[name], genders[name][shown]
        return persons[other] != persons[shown] and gender in ("", genders[name][other])

    drawn: list[tuple[Planned, int, int]] = []
    for plan in planned:
        kind, (source, to), right = plan
        try:
            face = beside = take(source)
            if kind == "photograph":
                beside = take(to)
            elif kind == "same" and right:  # the made one's source is not shown
                beside = take(source, unlike=face)
        except LookupError as lack:
            return drawn, str(lack)
        drawn.append((plan, face, beside))
    return drawn, ""


def make_question(
    translator: Translator, held_out: HeldOut, plan: Planned, face: int, beside: int
) -> Question:
    """Translate a face, and put the real one on its side: see `draw_faces`."""
    kind, (source, to), right = plan
    made = translator.translate(held_out.faces[source][face][None], to)[0]
    real = held_out.faces[to if kind == "photograph" else source][beside]
    if kind == "same":
        return Question(kind, to, pictures_of(real, made), right)
    made_is_sought = kind == "older" and to == CLASS_NAMES[1]
    shown = (made, real) if made_is_sought == (right == 0) else (real, made)
    return Question(kind, to, pictures_of(*shown), right)


def plan_questions(n: int, rng: np.random.Generator) -> list[Planned]:
    """Kind, direction and right answer of n questions.

    The directions of a kind, its right answers, and those in each of its directions are half and
    half, or one more of either: no habit, such as to say "yes" always, is right more often.
    """
    cycle = len(KINDS) * len(DIRECTIONS)  # 3 × 2: each kind once in each direction
    first = rng.integers(2, size=len(KINDS))
    planned = []
    for i in range(n):
        kind, direction = i % len(KINDS), i % len(DIRECTIONS)
        # directions begin with opposite answers, which the next cycle changes
        right = (first[kind] + direction + i // cycle) % 2
        planned.append((KINDS[kind], DIRECTIONS[direction], int(right)))
    return planned


def pictures_of(first: Tensor, second: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Float (3, h, w) in [−1, 1] → uint8 (h, w, 3), twice."""
    left, right = (to_uint8(face[None])[0].cpu().numpy() for face in (first, second))
    return left, right
