"""The page on photos that `recipes/classify_photos.py` has classified, from its files only."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from agegen.faces.records import CLASS_NAMES
from agegen.report.parts.examples import as_jpeg
from agegen.report.parts.style import embed_png
from agegen.report.parts.templates import render
from agegen.report.parts.wording import count
from agegen.run.errors import UserError
from agegen.run.files import read_json

SHOWN_SIDE = 1100  # pixels of a photo on the page; the file beside it has more
MOST_SHOWN = 60  # photos with faces: about 15 MB of page
NEEDED = {"run", "photos", "ages", "views", "temperature", "cropping", "familiarity"}


class ShownPhoto(NamedTuple):
    """A photo with faces: title, data URI, description, and its faces as (data URI, alt, text)."""

    title: str
    src: str
    alt: str
    faces: list[tuple[str, str, str]]


def make_page(folder: Path) -> str:
    """Make the page of a folder that classify_photos has written.

    Args:
        folder: with photos.json and the pictures that it names.

    Returns:
        HTML that refers to nothing outside itself.

    Raises:
        UserError: a file is missing or damaged.
    """
    content = read_json(folder / "photos.json")
    if not isinstance(content, dict) or not content.keys() >= NEEDED:
        raise UserError(f"{folder}/photos.json is of another version: classify the photos again")
    photos = content["photos"]
    with_faces = [photo for photo in photos if photo["faces"]]
    return render(
        "photos/page.html",
        run=content["run"],
        tiles=make_tiles(photos),
        shown=[show_photo(folder, photo) for photo in with_faces[:MOST_SHOWN]],
        left_out=max(len(with_faces) - MOST_SHOWN, 0),
        problems=[(photo["path"], photo["problem"]) for photo in photos if photo["problem"]],
        method=describe_method(content),
    )


def make_tiles(photos: list[dict]) -> list[tuple[str, str, str]]:
    """The counts: name, number, remark."""
    faces = [face for photo in photos for face in photo["faces"]]
    said = Counter(face["verdict"] for face in faces)
    probably = {name: said[f"probably {name}"] for name in CLASS_NAMES}
    without = sum(not photo["faces"] for photo in photos)
    unlike = sum(face["unlikeness"] > 1 for face in faces)
    return [
        ("files", f"{len(photos):,}", f"{without:,} without a result"),
        ("faces", f"{len(faces):,}", f"in {count(len(photos) - without, 'photo')}"),
        *(
            (name, f"{said[name] + number:,}", f"{number:,} of them probably")
            for name, number in probably.items()
        ),
        ("undecided", f"{said['undecided']:,}", "p(class) below 0.7"),
        ("unlike the training faces", f"{unlike:,}", "not to be relied on"),
    ]


def describe_ages(margin: float | None) -> list[str]:
    """Say where ages come from, if the network says them."""
    if margin is None:
        return []
    return [
        "About 34 (28–41) means: the expected age is 34 years. The ranges are as wide as it takes "
        "for the ages of 4 of 5 validation faces to lie within what is said of them; on photos "
        "from elsewhere it may be fewer. Where a range meets neither class, the face is of neither "
        "class's age.",
    ]


def show_photo(folder: Path, photo: dict) -> ShownPhoto:
    """Embed one annotated photo and its faces."""
    faces, title = photo["faces"], Path(photo["path"]).name
    said = "; ".join(f"{f['number']} {f['verdict']}" for f in faces)
    path = folder / photo["picture"]
    try:
        with Image.open(path) as image:
            src = as_jpeg(image, SHOWN_SIDE, quality=85)
    except OSError:
        raise UserError(f"{path} is missing or damaged: classify the photos again") from None
    return ShownPhoto(
        title=title,
        src=src,
        alt=f"{title} with {count(len(faces), 'face')} marked: {said}",
        faces=[show_face(folder, face) for face in faces],
    )


def show_face(folder: Path, face: dict) -> tuple[str, str, str]:
    """One face as the network saw it: data URI, what it is, what was said."""
    age = f"\n{face['age']['words']}" if face.get("age") else ""
    caption = f"{face['number']}: {face['verdict']}{age}\np(old) {face['p_old']:.2f}"
    remarks = "".join(f"\n{remark}" for remark in face["remarks"])
    path = folder / face["image"]
    if not path.exists():
        raise UserError(f"{path} is missing: classify the photos again")
    return embed_png(path), f"face {face['number']} as the network saw it", caption + remarks


def describe_method(content: dict) -> list[str]:
    """Say how it was done, with the figures of this run."""
    ages = content["ages"]
    young, old = (f"{ages[name][0]} to {ages[name][1]}" for name in CLASS_NAMES)
    familiarity = content["familiarity"]
    cropping = content["cropping"]
    return [
        f"The classifier tells two kinds of face apart: young is {young} years, old is {old}. A "
        "face of any other age gets one of the two answers, too.",
        *describe_ages(content.get("age_margin")),
        f"p(old) comes from the mean log-odds over {content['views']} views (five crops and their "
        f"mirror images), divided by the temperature {content['temperature']:.3f}, which was "
        "fitted to the same views of validation faces. A face is undecided where neither class "
        "reaches 0.7, and only probably of its class below 0.9.",
        f"Cropping: {cropping}."
        if cropping
        else "No faces were looked for: each photo's centred square was taken as a face.",
        "A face is unlike the training faces if the network's features lie further from the nearer "
        f"class's {familiarity['training']:,} training faces (Mahalanobis distance) than those of "
        f"{familiarity['quantile']:.0%} of {familiarity['validation']:,} validation faces.",
        "Everything was computed on this machine; no photo was sent anywhere.",
    ]
