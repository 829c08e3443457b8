"""Where does the network look? Attribution maps, their regions, and a check that they mean it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from agegen.faces.records import CLASS_NAMES
from agegen.report.parts.section import Section, Table
from agegen.report.parts.style import (
    CLASS_COLOURS,
    GREY,
    Figure,
    Picture,
    draw_rows,
    embed_png,
    picture,
)
from agegen.report.parts.wording import by_class, percent, sample, show
from agegen.run.files import read_json

ALIKE, UNLIKE = 0.5, 0.25
"""Rank correlations above and below which two maps are called alike and unlike."""
COLOURS = "Orange speaks for old, blue for young."


def answer(folder: Path, evaluation: dict) -> Section:
    """Answer the question after where the network looks, from analysis/attributions.json."""
    content = read_json(folder / "attributions.json")
    median, worst = (percent(content["missing"][key]) for key in ("median", "worst_tenth"))
    alike = content["untrained"]
    return Section(
        "attributions",
        "Where does the network look?",
        "Où le réseau regarde-t-il ?",
        [
            describe_regions(content),
            "Check (Adebayo et al., 2018): the maps of an untrained network of the same kind have "
            f"a rank correlation of {show(alike['signed'])} with these, and of "
            f"{show(alike['magnitude'])} without their signs (1: the same, 0: unrelated). "
            f"{judge_check(alike['magnitude'])}",
            "The attributions of a face should add up to the difference between its log-odds and "
            f"those of a grey picture; with {content['steps']} steps of the integral {median} of "
            f"it are missing in the median, and more than {worst} for a tenth of the faces.",
        ],
        tables=[tabulate(content)],
        pictures=[
            Picture(
                "Single faces",
                embed_png(folder / "attributions_faces.png"),
                "Test faces, and below each its attribution map, painted over the grey face.",
                f"Rows of up to {content['shown']} faces: most wrong young and old, most right "
                f"young and old. Below each, its map. {COLOURS} Every map has its own scale.",
                wide=True,
            ),
            Picture(
                "Means of the classes",
                embed_png(folder / "attributions_classes.png"),
                "Mean face and mean attribution map of each class.",
                f"Mean face and mean map of {by_class(content['n_by_class'])} test faces, on one "
                f"scale. {COLOURS}",
                wide=True,
            ),
            picture_regions(content),
        ],
        details=[
            "Integrated gradients (Sundararajan et al., 2017; computed by captum): the gradient of "
            "log p(old) − log p(young) is averaged along the straight way from a mid-grey picture "
            "to the face, and multiplied with their difference, pixel by pixel. Colours are added "
            f"up; a Gaussian of {content['blur']:g} pixels makes the maps readable. The centre "
            "crop is attributed, whatever the evaluation averages.",
            f"Regions and check: up to {max(content['n_by_class'].values())} test faces of each "
            "class, drawn at random; thirds of the height of the view, which follow the face as "
            f"far as faces are aligned. Intervals: {content['resamples']:,} bootstrap resamples of "
            "persons (of faces where no identity is known). The untrained network is one draw of "
            "initial weights; the check is Spearman's correlation of a face's two maps, pixel by "
            "pixel.",
            "A map says which pixels moved the answer away from that for grey, not why, and a grey "
            "picture is only one of many to compare with.",
        ],
        command=f"python recipes/analyze_classifier.py --run {folder.parent} "
        "--chapters attributions --again",
    )


def describe_regions(content: dict) -> str:
    """Say which regions have more and less than their even share of the attributions."""
    more = list_regions(content, lambda share, even: share["low"] > even)
    less = list_regions(content, lambda share, even: share["high"] < even)
    parts = [f"more than an even share in the {more}"] if more else []
    parts += [f"less in the {less}"] if less else []
    if not parts:
        return (
            "The attributions are spread evenly: no region's share differs from its share of the "
            "area by more than the uncertainty."
        )
    return f"The attributions (their magnitudes) have {'; '.join(parts)}."


def list_regions(content: dict, chosen: Callable[[dict, float], bool]) -> str:
    """List the regions whose share compares with the even one as asked."""
    return " and the ".join(
        f"{name} ({show(region['share'])}; even: {region['even']:.3f})"
        for name, region in content["regions"].items()
        if region["share"]["low"] is not None and chosen(region["share"], region["even"])
    )


def judge_check(alike: dict) -> str:
    """What the correlation of the magnitudes means."""
    if alike["high"] is not None and alike["high"] < UNLIKE:
        return "The maps therefore show what was learned, not just the picture."
    if alike["low"] is not None and alike["low"] > ALIKE:
        return (
            "That is much: the maps follow the picture more than the training, and say little "
            "about what was learned."
        )
    return (
        "They have something in common, as the picture itself enters both: single maps are to be "
        "read with care, and colours (for old, for young) rather than outlines."
    )


def tabulate(content: dict) -> Table:
    """Share of every region over all faces and by class."""
    rows = [
        [
            name, f"{region['even']:.3f}", show(region["share"]),
            *(show(region["by_class"][k]) for k in classes_of(content)),
        ]
        for name, region in content["regions"].items()
    ]  # fmt: skip
    return Table(
        f"Share of the attributions' magnitude, n = {content['n']:,}: "
        f"{by_class(content['n_by_class'])}; 95 % intervals",
        ("region of the view", "even", "all", *(f"{k} faces" for k in classes_of(content))),
        rows,
    )


def classes_of(content: dict) -> list[str]:
    """The classes that occur in the sample."""
    return [name for name in CLASS_NAMES if content["n_by_class"][name]]


def picture_regions(content: dict) -> Picture:
    """Share of every region against its share of the area."""
    regions, classes = content["regions"], classes_of(content)
    each = "; ".join(
        f"{name}: even {r['even']:.3f}, "
        + ", ".join(f"{k} {show(r['by_class'][k])}" for k in classes)
        for name, r in regions.items()
    )
    return picture(
        "Regions", sample("test", content["n_by_class"]),
        partial(draw_regions, regions=regions, classes=classes), f"{each}.",
        f"Bars: 95 % intervals. The rim is the outer {100 * content['rim']:.1f} % of each side; "
        "it overlaps the thirds.", height=2.6,
    )  # fmt: skip


def draw_regions(figure: Figure, regions: dict, classes: list[str]) -> None:
    """Share of every region by class, and a line where an even map would be."""
    axes = figure.subplots()
    series = [
        (f"{name} faces", colour, [region["by_class"][name] for region in regions.values()])
        for name, colour in zip(CLASS_NAMES, CLASS_COLOURS, strict=True)
        if name in classes
    ]
    draw_rows(axes, [*regions], series, xlabel="share of the attributions' magnitude")
    even, places = [region["even"] for region in regions.values()], np.arange(len(regions))
    axes.vlines(even, places - 0.35, places + 0.35, color=GREY, linestyle="--", label="even")
    axes.set(xlim=(0, None))
    figure.legend(loc="outside lower center", ncols=3)
