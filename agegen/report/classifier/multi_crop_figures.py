"""Figures of the multi-crop evaluation: scores and gains against the number of views."""

from collections.abc import Sequence
from functools import partial

from agegen.report.parts.style import (
    BLACK,
    BLUE,
    GREY,
    VERMILLION,
    Axes,
    Figure,
    Picture,
    draw_points,
    picture,
)
from agegen.report.parts.wording import show, signed

SCORES = {"accuracy": "accuracy", "roc_auc": "AUC", "expected_calibration_error": "ECE"}
GAINS = {"accuracy_gain": "accuracy", "roc_auc_gain": "AUC"}
DIGITS = 4  # gains are small
TITLES = {
    "centre": "centre crop", "flip": "centre and mirror image", "five": "5-crop", "ten": "10-crop",
}  # fmt: skip
STYLES = {"logits": (BLUE, "o", 0.98), "probabilities": (VERMILLION, "D", 1.07)}
"""Colour, marker and shift along the logarithmic axis of both averages."""


def name_scheme(scheme: str) -> str:
    """Write "random 8" as "8 random crops", and the fixed schemes by their titles."""
    if scheme in TITLES:
        return TITLES[scheme]
    count = scheme.removeprefix("random ")
    return f"{count} random crop{'' if count == '1' else 's'}"


def find(rows: list[dict], scheme: str) -> dict:
    """Return the figures of a scheme, averaging logits."""
    return next(row for row in rows if (row["scheme"], row["average"]) == (scheme, "logits"))


def of_logits(rows: list[dict]) -> list[dict]:
    """The schemes other than the centre crop, averaging logits."""
    return [row for row in rows if row["average"] == "logits" and row["scheme"] != "centre"]


def is_defined(rows: list[dict], score: str) -> bool:
    """False where a class is missing."""
    return all(row[score]["value"] is not None for row in rows)


def describe_gain(row: dict) -> str:
    """Gains of one scheme in accuracy and AUC, as far as they are defined."""
    known = {name: row[key] for key, name in GAINS.items() if row[key]["value"] is not None}
    return ", ".join(f"{name} {signed(gain, DIGITS)}" for name, gain in known.items())


def picture_score(rows: list[dict], score: str, sample: str) -> Picture:
    """One score against the number of views."""
    each = "; ".join(
        f"{name_scheme(row['scheme'])}, {row['average']}: {show(row[score])}" for row in rows
    )
    return picture(
        f"{SCORES[score]} against the number of views", sample,
        partial(draw_score, rows=rows, score=score), f"{each}.",
        "Bars: 95 % intervals; all points share the faces, so that differences between them are "
        "surer than the bars. Joined: random crops; apart: fixed views (2: centre and mirror "
        "image, 5: centre and corners, 10: those and their mirror images). Dashed: centre crop.",
    )  # fmt: skip


def draw_score(figure: Figure, rows: list[dict], score: str) -> None:
    """One score against the number of views, for both averages; dashed: of the centre crop."""
    axes = figure.subplots()
    for average, style in STYLES.items():
        names = [f"{kind}, mean of {average}" for kind in ("random crops", "fixed views")]
        draw_views(axes, [row for row in rows if row["average"] == average], score, style, names)
    axes.axhline(find(rows, "centre")[score]["value"], color=GREY, linestyle="--", linewidth=1)
    label_views(axes, SCORES[score])
    figure.legend(loc="outside lower center", ncols=2)


def draw_views(axes: Axes, rows: list[dict], key: str, style: tuple, names: Sequence) -> None:
    """Random crops as joined points, fixed views as hollow ones, at their number of views."""
    colour, marker, shift = style
    looks: tuple[dict, ...] = ({}, {"linestyle": "none", "markerfacecolor": "white"})
    for fixed, (aside, look, name) in enumerate(zip((0.94, 1.12), looks, names, strict=True)):
        chosen = [
            row
            for row in rows
            if ("random" not in row["scheme"]) == fixed and row[key]["value"] is not None
        ]
        if chosen:
            draw_points(
                axes, [row["views"] * (shift * aside) for row in chosen],
                [row[key] for row in chosen], rows=False, elinewidth=0.9, color=colour,
                marker=marker, label=name, **look,
            )  # fmt: skip


def label_views(axes: Axes, name: str) -> None:
    """A logarithmic axis of views, and the name of what is shown."""
    axes.set_xscale("log", base=2)
    axes.set_xticks([1, 2, 4, 8, 16, 32], ["1", "2", "4", "8", "16", "32"])
    axes.set(xlabel="views of each face", ylabel=name)


def picture_gains(rows: list[dict], sample: str) -> Picture:
    """Paired gains over the centre crop."""
    each = "; ".join(
        f"{name_scheme(row['scheme'])}: {describe_gain(row)}" for row in of_logits(rows)
    )
    return picture(
        "Gain over the centre crop", sample, partial(draw_gains, rows=of_logits(rows)), f"{each}.",
        "Means of logits; differences on the same faces, with 95 % intervals. Joined: random "
        "crops; hollow: fixed views of 2, 5 and 10.",
    )  # fmt: skip


def draw_gains(figure: Figure, rows: list[dict]) -> None:
    """Gains in accuracy and AUC against the number of views."""
    axes = figure.subplots()
    for (key, name), style in zip(GAINS.items(), STYLES.values(), strict=True):
        draw_views(axes, rows, key, style, (name, None))
    axes.axhline(0, color=BLACK, linewidth=0.8)
    label_views(axes, "difference from the centre crop")
    figure.legend(loc="outside lower center", ncols=2)
