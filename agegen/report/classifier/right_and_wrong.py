"""Right and wrong answers: confusion matrix, ROC curve and precision–recall curve."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from agegen.faces.records import CLASS_NAMES
from agegen.report.parts.saved_run import Scored
from agegen.report.parts.style import BLACK, BLUE, GREY, VERMILLION, Picture, picture
from agegen.report.parts.wording import percent, sample_of, show, span

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_errors(evaluation: dict, scored: Scored, curves: dict | None) -> list[Picture]:
    """Draw all; the curves need both classes, and their bands and the last of them `curves`.

    Args:
        evaluation: of the run.
        scored: the evaluated faces.
        curves: content of analysis/curves.json, if it is there and of these faces.
    """
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
    return picture(
        "Confusion matrix", sample_of(evaluation),
        partial(draw_confusion, counts=counts, shares=shares), f"{right}.",
        "Faces with their 95 % interval; below, the share of the true class with its own.",
    )  # fmt: skip


def remainder(share: dict) -> dict:
    """1 − share, with its interval."""
    swapped = {"value": "value", "low": "high", "high": "low"}
    return {k: None if share[v] is None else 1 - share[v] for k, v in swapped.items()}


def draw_confusion(figure: Figure, counts: list, shares: list) -> None:
    """Two by two counts and shares of the true class, with intervals; the share is the shade.

    Args:
        figure: to draw on.
        counts: true → predicted → {"value", "low", "high"}.
        shares: true → predicted → the same, of the true class.
    """
    axes = figure.subplots()
    shade = [[cell["value"] or 0 for cell in row] for row in shares]
    axes.imshow(shade, cmap="Blues", vmin=0, vmax=2, aspect="auto")
    for t in (0, 1):
        for q in (0, 1):
            n, share = counts[t][q], shares[t][q]
            lines = f"{n['value']:,.0f} faces\n{span(n['low'], n['high'], 1, 0)}\n\n"
            lines += f"{percent(share['value'])}\n{span(share['low'], share['high'], 100, 1)}"
            axes.text(q, t, lines, ha="center", va="center", color=BLACK)
    axes.set_xticks([0, 1], CLASS_NAMES)
    axes.set_yticks([0, 1], CLASS_NAMES, rotation=90, va="center")
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.grid(visible=False)
    axes.tick_params(length=0)


def draw_roc(figure: Figure, y: np.ndarray, p: np.ndarray, roc: dict | None = None) -> None:
    """ROC curve, with the point of the threshold 0.5; ties are one slanted stretch.

    Args:
        figure: to draw on.
        y: int (n,), labels.
        p: float (n,), p(old).
        roc: "young_taken_for_old" and "curve" of curves.json, whose band is drawn.
    """
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
    """Precision against recall as steps, with band, chance and the point of the threshold 0.5.

    Args:
        figure: to draw on.
        y: int (n,), labels.
        p: float (n,), p(old).
        curves: content of curves.json.
    """
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
