"""Right and wrong answers, and what their probabilities are worth: matrix, curves, margins."""

from functools import partial
from itertools import product

import numpy as np

from agegen import metrics
from agegen.faces.records import CLASS_NAMES
from agegen.report.parts.saved_run import Scored
from agegen.report.parts.style import (
    BLACK,
    BLUE,
    CLASS_COLOURS,
    GREY,
    VERMILLION,
    Figure,
    Picture,
    draw_histogram,
    draw_points,
    picture,
)
from agegen.report.parts.wording import percent, remainder, sample_of, show, span


def draw_errors(evaluation: dict, scored: Scored, curves: dict | None) -> list[Picture]:
    """Draw all; the curves need both classes, and their bands and the last of them `curves`."""
    pictures = [picture_confusion(evaluation)]
    if evaluation["roc_auc"]["value"] is None:
        return pictures
    pictures.append(picture_roc(evaluation, scored, curves["roc"] if curves else None))
    return pictures + ([picture_precision(evaluation, scored, curves)] if curves else [])


def picture_roc(evaluation: dict, scored: Scored, roc: dict | None) -> Picture:
    """The ROC curve, with its band where there is one."""
    area = f"Area under the curve: {show(evaluation['roc_auc'])}."
    band = f" Band: pointwise 95 % interval. {describe_roc(roc)}" if roc else ""
    return picture(
        "ROC curve", sample_of(evaluation), partial(draw_roc, y=scored.y, p=scored.p, roc=roc),
        f"{area}{f' {describe_roc(roc)}' if roc else ''}",
        f"{area} Temperature scaling does not change the curve.{band}",
    )  # fmt: skip


def describe_roc(roc: dict) -> str:
    """Read the curve where a tenth of the young is taken for old."""
    at = int(np.argmin(np.abs(np.array(roc["young_taken_for_old"]) - 0.1)))
    found = {name: values[at] for name, values in roc["curve"].items()}
    return f"Where 10 % of the young are taken for old, the share of old found is {show(found)}."


def picture_precision(evaluation: dict, scored: Scored, curves: dict) -> Picture:
    """The precision–recall curve of the class old, with its band and its level by chance."""
    average = curves["average_precision"]
    text = (
        f"Average precision: {show(average)}; by chance {average['chance']:.3f}, the share of old."
    )
    return picture(
        "Precision and recall of old", sample_of(evaluation),
        partial(draw_precision, y=scored.y, p=scored.p, curves=curves), text,
        f"{text} Band: pointwise 95 % interval. Unlike the ROC curve, this one depends on how many "
        "of the faces are old.",
    )  # fmt: skip


def picture_confusion(evaluation: dict) -> Picture:
    """The confusion matrix, with the shares of each true class."""
    matrix, recall = evaluation["confusion_matrix"], evaluation["recall"]
    counts = [[matrix[f"true_{t}"][f"predicted_{q}"] for q in CLASS_NAMES] for t in CLASS_NAMES]
    young, old = (recall[name] for name in CLASS_NAMES)
    shares = [[young, remainder(young)], [remainder(old), old]]
    right = "; ".join(
        f"{counts[t][t]['value']:.0f} {name} faces right and {counts[t][1 - t]['value']:.0f} wrong"
        for t, name in enumerate(CLASS_NAMES)
    )

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        shade = [[cell["value"] or 0 for cell in row] for row in shares]
        axes.imshow(shade, cmap="Blues", vmin=0, vmax=2, aspect="auto")
        for t, q in product((0, 1), repeat=2):
            n, share = counts[t][q], shares[t][q]
            lines = f"{n['value']:,.0f} faces\n{span(n['low'], n['high'], 1, 0)}\n\n"
            lines += f"{percent(share['value'])}\n{span(share['low'], share['high'], 100, 1)}"
            axes.text(q, t, lines, ha="center", va="center", color=BLACK)
        axes.set_xticks([0, 1], CLASS_NAMES)
        axes.set_yticks([0, 1], CLASS_NAMES, rotation=90, va="center")
        axes.set(xlabel="predicted class", ylabel="true class")
        axes.grid(visible=False)
        axes.tick_params(length=0)

    return picture(
        "Confusion matrix", sample_of(evaluation), draw, f"{right}.",
        "Faces with their 95 % interval; below, the share of the true class with its own.",
    )  # fmt: skip


def draw_roc(figure: Figure, y: np.ndarray, p: np.ndarray, roc: dict | None = None) -> None:
    """ROC curve, with the point of the threshold 0.5; ties are one slanted stretch."""
    axes = figure.subplots()
    old, young = called_old(y, p)
    if roc:
        x, curve = roc["young_taken_for_old"], roc["curve"]
        axes.fill_between(x, curve["low"], curve["high"], color=BLUE, alpha=0.2, linewidth=0)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="chance")
    axes.plot(young / young[-1], old / old[-1], color=BLUE, label="classifier")
    at = (p[y == 0] > 0.5).mean(), (p[y == 1] > 0.5).mean()
    axes.plot(*at, "o", color=VERMILLION, label="threshold p(old) = 0.5")
    axes.set(xlabel="young taken for old (share)", ylabel="old found (share)")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.legend(loc="lower right")


def called_old(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of old and of young faces called old, from none to all; equal p come together."""
    order = np.argsort(-p, kind="stable")
    last = np.r_[np.diff(p[order]) != 0, True]
    old, young = (np.r_[0, np.cumsum(y[order] == label)[last]] for label in (1, 0))
    return old, young


def draw_precision(figure: Figure, y: np.ndarray, p: np.ndarray, curves: dict) -> None:
    """Precision against recall as steps, with band, chance and the point of the threshold 0.5."""
    axes = figure.subplots()
    old, young = (counts[1:] for counts in called_old(y, p))
    x, curve = curves["precision_recall"]["recall"], curves["precision_recall"]["curve"]
    axes.fill_between(
        x, curve["low"], curve["high"], color=BLUE, alpha=0.2, linewidth=0, step="pre"
    )
    chance = curves["average_precision"]["chance"]
    axes.axhline(chance, color=GREY, linestyle="--", linewidth=1, label="chance")
    axes.plot(
        old / old[-1], old / (old + young), color=BLUE, drawstyle="steps-pre", label="classifier"
    )
    called = p > 0.5
    if called.any():
        at = called[y == 1].mean(), (y[called] == 1).mean()
        axes.plot(*at, "o", color=VERMILLION, label="threshold p(old) = 0.5")
    axes.set(xlabel="recall: old found (share)", ylabel="precision: old among those called old")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.legend(loc="lower left")


def picture_margins(evaluation: dict, scored: Scored) -> Picture:
    """Histograms of the margins, with their means and variances in words."""
    means = "; ".join(
        f"{name}: mean {show(m['mean'])}, variance {show(m['variance'])}"
        for name, m in evaluation["margin"].items()
    )
    margins, edges = metrics.margin(scored.y, scored.p), np.linspace(-1, 1, 21)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for label, (name, colour) in enumerate(zip(CLASS_NAMES, CLASS_COLOURS, strict=True)):
            of = margins[scored.y == label]
            if len(of):
                shares = np.histogram(of, edges)[0] / len(of)
                draw_histogram(axes, shares, edges, colour, f"{name}, n = {len(of):,}")
                axes.axvline(of.mean(), color=colour, linestyle="--", linewidth=1)
        axes.axvline(0, color=BLACK, linewidth=0.8)
        axes.set(xlabel="p(label) − p(other)", ylabel="share of the class", xlim=(-1, 1))
        axes.legend(loc="upper left")

    return picture(
        "Margins", sample_of(evaluation), draw, f"{means}.",
        "p(label) − p(other) after scaling: 1 is sure and right, −1 sure and wrong. "
        f"Dashed, the means. {means[0].upper()}{means[1:]}.",
    )  # fmt: skip


def picture_reliability(evaluation: dict) -> Picture:
    """Accuracy against confidence, before and after scaling."""
    before, ece = evaluation["before_scaling"], "expected_calibration_error"
    then, now = show(before[ece]), show(evaluation[ece])
    styles = (
        ("before scaling", before["calibration_bins"], GREY, "s", -0.004),
        ("after scaling", evaluation["calibration_bins"], BLUE, "o", 0.004),
    )

    def draw(figure: Figure) -> None:
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        top.plot([0.5, 1], [0.5, 1], color=GREY, linestyle="--", linewidth=1, label="calibrated")
        for name, bins, colour, marker, shift in styles:
            x = np.array([b["confidence"] for b in bins])
            draw_points(
                top, x, [b["accuracy"] for b in bins], rows=False, color=colour, marker=marker,
                elinewidth=0.8, linewidth=1, label=name,
            )  # fmt: skip
            bottom.bar(x + shift, [b["n"] for b in bins], 0.008, color=colour)
        top.set(ylabel="accuracy", ylim=(-0.03, 1.03))
        top.legend(loc="lower right")
        bottom.set(xlabel="confidence: p of the predicted class", ylabel="faces", xlim=(0.48, 1.02))
        figure.align_ylabels()

    return picture(
        "Reliability", sample_of(evaluation), draw, f"ECE {then} before and {now} after scaling.",
        f"Temperature {evaluation['temperature']:.3f}. ECE {then} before, {now} after "
        "scaling: the mean gap between accuracy and confidence over these bins, weighted by "
        "their faces. It is biased upwards on few faces.",
    )  # fmt: skip
