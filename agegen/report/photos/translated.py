"""The page on photos that `recipes/translate_photos.py` has translated, from its files only."""

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import numpy as np

from agegen.report.cyclegan.page import describe_evaluation
from agegen.report.parts.section import Table
from agegen.report.parts.templates import render
from agegen.report.parts.wording import count
from agegen.run.errors import UserError
from agegen.run.files import explained_damage, read_json
from agegen.run.pretrained import find_run

STEPS = 11  # places of the divider: a finger is as wide as a step on a phone
NEEDED = {"run", "to", "strength", "weights", "cropping", "age_judge", "photos"}


class ShownPhoto(NamedTuple):
    """A photo before and after: title, links, size on the page, and its faces.

    A face is its name among several, a link ("" for none), and what is read in it before and after.
    """

    title: str
    before: str
    after: str
    width: int
    height: int
    faces: list[tuple[str, str, list[str]]]


def make_page(folder: Path) -> str:
    """Make the page of a folder that translate_photos has written.

    Args:
        folder: with translations.json.

    Returns:
        HTML that refers to nothing but pictures in the folder; the same files give the same page.

    Raises:
        UserError: translations.json is missing or damaged.
    """
    path = folder / "translations.json"
    content = read_json(path)
    if not isinstance(content, dict) or not content.keys() >= NEEDED:
        raise UserError(f"{path} is of another version: choose another --out")
    with explained_damage(path):
        photos = content["photos"]
        problems = [(photo["path"], photo["problem"]) for photo in photos if photo["problem"]]
        return render(
            "photos/translated.html",
            run=content["run"],
            to=content["to"],
            steps=STEPS,
            summary=summarise(content, len(problems)),
            shown=[show_photo(photo) for photo in photos if photo["faces"]],
            problems=Table("", ("file", "why"), problems),
            figures=own_figures(content["run"]),
            method=describe_method(content),
        )


def summarise(content: dict, without: int) -> list[str]:
    """Say how many faces were translated, and by how many years to the judge."""
    faces = [face for photo in content["photos"] for face in photo["faces"]]
    photos = len(content["photos"]) - without
    said = f"{count(len(faces), 'face')} in {count(photos, 'photo')} made {content['to']}"
    left = f"; {count(without, 'file')} without a result: see the end" if without else ""
    sentences = [f"{said}{left}."]
    both = [[age["years"] for age in face["ages"]] for face in faces if face["ages"]]
    if both:
        change = float(np.diff(both, axis=1).mean())
        sentences.append(
            f"The age judge reads {abs(change):.1f} years {'more' if change > 0 else 'fewer'} "
            f"{'on average ' if len(both) > 1 else ''}after than before: a network's reading, not "
            "a truth."
        )
    return sentences


def show_photo(photo: dict) -> ShownPhoto:
    """One photo with its faces; links lead to the pictures beside the page."""
    return ShownPhoto(
        Path(photo["path"]).name,
        quote(photo["before"]),
        quote(photo["after"]),
        photo["width"],
        photo["height"],
        [
            (
                f"face {face['number']}" if len(photo["faces"]) > 1 else "",
                quote(face["image"] or ""),
                [age["words"] for age in face["ages"]],
            )
            for face in photo["faces"]
            if face["image"] or face["ages"]
        ],
    )


def own_figures(run: str) -> list[str]:
    """What was measured of a run's generators: their evaluation, else what their card says."""
    folder = find_run(Path(run), "cyclegan")
    found = describe_evaluation(folder / "evaluation.json") or read_card(folder / "README.md")
    return found or [
        f"There are none: {run} has no evaluation.json, which recipes/evaluate_cyclegan.py writes."
    ]


def read_card(path: Path) -> list[str]:
    """The figures of a model card, as plain text: its list items, or its section, of that name.

    The section is what `agegen.photos.card` writes: a line of it is a line here.
    """
    if not path.is_file():
        return []
    card = path.read_text(encoding="utf-8", errors="replace")
    items = re.findall(r"^- (\*\*Figures.*?)(?=^- |\n\n|\Z)", card, re.DOTALL | re.MULTILINE)
    for section in re.findall(r"^## Figures\n(.*?)(?=^## |\Z)", card, re.DOTALL | re.MULTILINE):
        items += section.splitlines()
    plain = [" ".join(re.sub(r"\*\*|`", "", item).split()) for item in items]
    return [item for item in plain if item]


def describe_method(content: dict) -> list[str]:
    """Say how it was done, with the settings of this run."""
    judge, cropping = content["age_judge"], content["cropping"]
    read = (
        f"Years before and after are left out: {judge['why_not']}."
        if judge["why_not"]
        else f"About 34 (28–41) is what the classifier {judge['run']} reads in the same crop of a "
        "face before and after: the expected age, and a range that held the ages of 4 of 5 real "
        "validation faces. Nobody knows how old a translated face is; the reading says how the "
        "change looks to a network."
    )
    which = "the best generators" if content["weights"] == "best" else "the last generators"
    return [
        f"Translated by {which} of {content['run']}, strength {content['strength']:g} of the "
        "change. Only the change was put back into the photo; the source itself is as it was.",
        f"Cropping: {cropping}."
        if cropping
        else "No faces were looked for: each photo was translated as one face.",
        read,
        "Everything was computed on this machine; no photo was sent anywhere.",
    ]
