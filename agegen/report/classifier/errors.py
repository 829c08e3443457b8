"""Which faces are most wrong and most right, and what do the errors have in common?"""

from pathlib import Path

from agegen.faces.records import CLASS_NAMES
from agegen.report.classifier.groups import picture_by_age
from agegen.report.parts.examples import Gallery, make_gallery, read_faces
from agegen.report.parts.section import Section, Table
from agegen.report.parts.style import Picture, embed_png
from agegen.report.parts.wording import (
    FEWEST_ERRORS,
    is_clear,
    of_how_many,
    sample_of,
    share_intervals,
    show,
    signed,
)
from agegen.run.files import read_json

GENDERS = ("of_female", "of_male")
OTHER = dict(zip(CLASS_NAMES, reversed(CLASS_NAMES), strict=True))


def answer(folder: Path, evaluation: dict) -> Section:
    """Answer the question after errors and successes, from analysis/errors.json and its files."""
    content = read_json(folder / "errors.json")
    near, each, dimensions = (
        content[key] for key in ("neighbours", "sheet_rows", "feature_dimensions")
    )
    used = "" if dimensions is None else f" (whose effective dimension is {dimensions:.1f})"
    return Section(
        "errors",
        "Which faces does the network get most wrong and most right, and what do errors share?",
        "Sur quels visages le réseau se trompe-t-il le plus, lesquels réussit-il le mieux, et "
        "qu'ont en commun les erreurs ?",
        [
            count_errors(content),
            describe_sure(content),
            describe_ages(content),
            *describe_genders(content),
            describe_neighbours(content),
            f"All {content['n']:,} faces, the most wrong first, with their {near} nearest training "
            f"faces: {folder / 'errors.csv'}.",
        ],
        tables=[tabulate(content)],
        pictures=[
            *picture_by_age(
                "Errors by age", sample_of(evaluation), content["by_age"],
                content["errors"]["share"]["value"], "share of faces that are wrong",
                "Share wrong at age",
            ),
            Picture(
                "Nearest training faces",
                embed_png(folder / "errors_nearest.png"),
                f"Test faces in the first column, then their {near} nearest training faces, with "
                "true age, p(old) and cosine.",
                f"First column: the most wrong young and old faces (at most {each} each), then the "
                f"{each} most right ones of both. Behind them, the {near} training faces with the "
                "most similar features. Frame and caption give the true class: blue young, orange "
                "old.",
                wide=True,
            ),
        ],
        galleries=make_galleries(folder, content),
        details=[
            "Procedure: classify all test faces; sort them by the margin p(label) − p(other), with "
            "calibrated p; the first are the most wrong, the last the most right. Look at both "
            "ends; count what the errors share; compare with the training faces that the network "
            "itself finds most alike.",
            "Nearest: by the cosine of the features that the last layer reads of the centre crops"
            f"{used}; they are whitened by the training faces, as otherwise the direction of the "
            "answer would drown all others (median cosine of the neighbours: "
            f"{content['median_cosine']:.2f}). Below each face of a gallery: how many of its "
            "neighbours are old.",
            f"{describe_intervals(content)} An error is not always the network's: see the section "
            "on label noise.",
        ],
        command=f"python recipes/analyze_classifier.py --run {folder.parent} "
        "--chapters errors --again",
    )  # fmt: skip


def count_errors(content: dict) -> str:
    """Say how many faces are wrong, and which way."""
    each = ", ".join(
        f"{of_how_many(group)} {name} faces taken for {OTHER[name]} ({show(group['share'])})"
        for name, group in in_order(content["by_class"])
    )
    return f"{of_how_many(content['errors'])} faces are classified wrongly: {each}."


def in_order(by_class: dict) -> list[tuple[str, dict]]:
    """The classes that occur, young first."""
    return [(name, by_class[name]) for name in CLASS_NAMES if name in by_class]


def describe_sure(content: dict) -> str:
    """Say how many errors are sure ones."""
    sure = content["sure_errors"]
    if not sure["n"]:
        return "There are no errors to look into."
    return (
        f"{of_how_many(sure)} errors are sure ones, with p above {content['sure']:g} for the wrong "
        f"class (share {show(sure['share'])})."
    )


def describe_ages(content: dict) -> str:
    """Say whether errors lie near the ages that divide the classes."""
    near = content["near_bound"]
    if not near["of_errors"]["n"] or not near["of_right"]["n"]:
        return "Ages are unknown, or known of no error: their part in the errors cannot be told."
    return (
        f"Within {near['years']} years of the age where the other class is nearest lie a share of "
        f"{show(near['of_errors']['share'])} of the errors and {show(near['of_right']['share'])} "
        f"of the right faces: "
        + judge(near["of_errors"]["n"], near["difference"], "errors", "there")
    )


def describe_genders(content: dict) -> list[str]:
    """Compare the errors of both genders within each class, as far as they are known."""
    return [
        f"Among {name} faces, a share of {show(of['of_female']['share'])} of the women and "
        f"{show(of['of_male']['share'])} of the men are wrong: "
        + judge(sum(of[k]["count"] for k in GENDERS), of["difference"], "errors", "among women")
        for name, of in content["by_gender"].items()
    ]


def judge(errors: float, difference: dict, what: str, where: str) -> str:
    """Say whether a share is higher among so many errors, with the difference."""
    if errors < FEWEST_ERRORS:
        return "too few errors to compare."
    if not is_clear(difference):
        return f"no clear difference ({signed(difference)})."
    more = "more" if difference["value"] > 0 else "less"
    return f"{what} are {more} frequent {where} (difference {signed(difference)})."


def describe_neighbours(content: dict) -> str:
    """Say whether the network finds the errors like the other class."""
    other = content["other_class_neighbours"]
    parts = [
        f"{show(other[key]['share'])} for {name} faces"
        for key, name in (("of_errors", "wrong"), ("of_right", "right"))
        if other[key]["n"]
    ]
    sentence = (
        f"Of the {content['neighbours']} training faces nearest in feature space, the share of the "
        f"other class is {' and '.join(parts)}"
    )
    if len(parts) < 2:
        return f"{sentence}."
    n, share = other["of_errors"]["n"], other["of_errors"]["share"]
    verdict = judge(n, other["difference"], "neighbours of the other class", "around errors")
    if n < FEWEST_ERRORS:
        return f"{sentence}: {verdict}"
    meaning = "Whether most wrong faces lie among the other class cannot be told from these."
    if share["low"] is not None and share["low"] > 0.5:
        meaning = (
            "The features of most wrong faces lie among the other class: the network does see them "
            "as such, not merely its last layer."
        )
    elif share["high"] is not None and share["high"] < 0.5:
        meaning = (
            "The features of most wrong faces lie among their own class: it is the boundary that "
            "misses them."
        )
    return f"{sentence}: {verdict} {meaning}"


def tabulate(content: dict) -> Table:
    """Errors of every group with its interval."""
    groups = [("all", content["errors"]), *in_order(content["by_class"])]
    for name, of in content["by_gender"].items():
        groups += [(f"{name} {gender.removeprefix('of_')}", of[gender]) for gender in GENDERS]
    rows = [
        [name, f"{group['n']:,}", f"{group['count']:.0f}", show(group["share"])]
        for name, group in groups
    ]
    header = ("faces", "n", "wrong", "share wrong")
    by = "class and gender" if content["by_gender"] else "class"
    return Table(f"Errors by {by}, with 95 % intervals", header, rows)


def make_galleries(folder: Path, content: dict) -> list[Gallery]:
    """Most wrong and most right faces of each class."""
    pixels, of = read_faces(folder / "errors_faces.npz"), content["neighbours"]
    galleries = []
    for name, faces in content["galleries"].items():
        kind, label = name.split()
        title = f"{label}: the {len(faces)} most {kind}" if faces else f"{label}: none {kind}"
        galleries.append(
            make_gallery(title, faces, pixels, lambda f: f"{f['nearest_old']} of {of} near: old")
        )
    return galleries


def describe_intervals(content: dict) -> str:
    """How the shares and their differences got their intervals; older analyses resampled them."""
    if "share_intervals" not in content:
        return (
            f"Intervals: {content['resamples']:,} bootstrap resamples of persons (of faces where "
            "no identity is known), those by age Clopper and Pearson's (1934)."
        )
    return (
        f"{share_intervals(content).strip()} Those of differences follow from the two shares' "
        "(MOVER, Zou and Donner, 2008)."
    )
