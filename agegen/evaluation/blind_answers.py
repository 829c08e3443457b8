"""Answers to a blind test beside the right ones: shares with exact intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from agegen.evaluation.text import show
from agegen.faces.records import CLASS_NAMES
from agegen.metrics import share_as_json
from agegen.run.errors import UserError
from agegen.run.files import explained_damage, read_json

ASKED = {
    "photograph": "which is the photograph",
    "older": "which is older",
    "same": "is it the same person",
}


@dataclass(frozen=True)
class ScoreConfig:
    """Whose answers to score."""

    key: Path
    """key.json, which blind_test.py wrote beside the page."""
    answers: tuple[Path, ...]
    """JSON files that visitors saved from the page."""

    def __post_init__(self) -> None:
        if not self.answers:
            raise UserError("--answers needs a file")


def score(config: ScoreConfig) -> dict[str, dict]:
    """Score what visitors answered; half of it is right by chance.

    Returns:
        By kind of question, and by kind and class aimed at ("older, old"): ``n`` answers,
        ``visitors``, and ``right``, a share with its exact interval, in which answers of one
        visitor count for fewer where several have answered that kind.

    Raises:
        UserError: a file is missing, damaged or given twice, or answers another test.
    """
    key = read_json(config.key)
    with explained_damage(config.key):
        name, questions = str(key["test"]), [dict(q) for q in key["questions"]]
        truth = np.array([int(q["right"]) for q in questions])
        kinds = [str(q["kind"]) for q in questions]
        both = [f"{q['kind']}, made {q['to']}" for q in questions]
    given = [read_answers(path, name, len(truth)) for path in config.answers]
    require_no_copy(config.answers, given)
    answers = np.array([visitor.answers for visitor in given])
    known, correct = answers >= 0, answers == truth
    visitors = np.arange(len(answers))[:, None].repeat(len(truth), 1)
    found = {}
    wholes = [[kind, *(f"{kind}, made {name}" for name in CLASS_NAMES)] for kind in ASKED]
    for group in chain.from_iterable(wholes):
        here = known & np.array([group in of for of in zip(kinds, both, strict=True)])
        if here.any():
            who = visitors[here]
            number = len(np.unique(who))
            found[group] = {
                "n": len(who),
                "visitors": number,
                # of one visitor nothing is said of others: his answers count one by one
                "right": share_as_json(correct[here], who if number > 1 else None),
            }
    return found


class Visitor(NamedTuple):
    """What a visitor answered: n times 0, 1, or −1 for no answer; and in which seconds."""

    answers: list[int]
    seconds: Any


def require_no_copy(paths: Sequence[Path], given: Sequence[Visitor]) -> None:
    """Refuse one visitor's answers in two files: they would count twice.

    Raises:
        UserError: two files have the same answers in the same seconds.
    """
    for number, visitor in enumerate(given):
        first = given.index(visitor)
        if first < number:
            raise UserError(f"{paths[number]} holds the same answers as {paths[first]}: give one")


def read_answers(path: Path, name: str, n: int) -> Visitor:
    """Read n answers to the test of that name.

    Raises:
        UserError: the file is missing or damaged, or answers another test.
    """
    said = read_json(path)
    with explained_damage(path):
        if said["test"] != name:
            raise UserError(f"{path} answers another test, {said['test']}: this one is {name}")
        answers = [-1 if a is None else int(a) for a in said["answers"]]
        if len(answers) != n or not set(answers) <= {-1, 0, 1}:
            raise ValueError("as many answers as questions, each 0, 1 or null")
        return Visitor(answers, said.get("seconds"))


def describe_scores(found: dict[str, dict]) -> list[str]:
    """A line for each kind of question, and each direction of it."""
    lines = []
    for group, of in found.items():
        kind, _, to = group.partition(", ")
        low, high = of["right"]["low"], of["right"]["high"]
        said = "no better than chance can be told" if low <= 0.5 <= high else ""
        said = said or ("worse than chance" if high < 0.5 else "better than chance")
        lines.append(
            f"{ASKED[kind]}{f', {to}' if to else ''}: right {show(of['right'])} of {of['n']} "
            f"answers by {of['visitors']} visitor{'s' if of['visitors'] > 1 else ''}, {said}"
        )
    return lines
