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


@dataclass(frozen=True)
class BlindTestConfig:
    """Of which evaluation to make a test, and how long a one."""

    evaluation: Path
    """JSON file of evaluate_cyclegan: its generators, at its strengths, on its split."""
    out: Path
    """Folder of the page, index.html, and of the right answers, key.json."""
    questions: int = 40
    """How many."""
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
    """The questions in random order; no face is in two of them.

    Strangers are other persons of `held_out`, of one gender where `genders`, by class, are known.

    Raises:
        UserError: there are too few faces, or too few of other people.
    """
    rng = np.random.default_rng(config.seed)
    unused = {name: list(range(len(faces))) for name, faces in held_out.faces.items()}

    def take(name: str, unlike: int | None = None) -> int:
        fit = (i for i in unused[name] if unlike is None or is_stranger(name, unlike, i))
        found = next(fit, None)
        if found is None:
            whose = "" if unlike is None else " of other people"
            raise UserError(
                f"the split has too few {name} faces{whose} for {config.questions} questions: ask "
                "for less by --questions"
            )
        unused[name].remove(found)
        return found

    def is_stranger(name: str, shown: int, other: int) -> bool:
        persons, gender = held_out.persons[name], genders[name][shown]
        return persons[other] != persons[shown] and gender in ("", genders[name][other])

    questions = []
    for kind, (source, to), side in plan_questions(config.questions, rng):
        number = take(source)
        face = held_out.faces[source][number]
        made = translator.translate(face[None], to)[0]
        if kind == "same":
            if side:  # the made one's source is not shown
                face = held_out.faces[source][take(source, unlike=number)]
            questions.append(Question(kind, to, pictures_of(face, made), side))
            continue
        sought, other = made, face
        if kind == "photograph":
            sought, other = held_out.faces[to][take(to)], made
        if kind == "older" and to == CLASS_NAMES[0]:
            sought, other = other, sought
        shown = (other, sought) if side else (sought, other)
        questions.append(Question(kind, to, pictures_of(*shown), side))
    return [questions[i] for i in rng.permutation(len(questions))]


def plan_questions(n: int, rng: np.random.Generator) -> list[tuple[Kind, tuple[str, str], int]]:
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
