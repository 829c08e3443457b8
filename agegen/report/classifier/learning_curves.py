"""How the network learnt: loss, learning rate and validation figures over the training."""

from functools import partial

import numpy as np

from agegen.faces.records import CLASS_NAMES
from agegen.report.parts.saved_run import Columns, SavedRun
from agegen.report.parts.section import Section
from agegen.report.parts.style import BLACK, BLUE, CLASS_COLOURS, Axes, Figure, Picture, picture
from agegen.report.parts.wording import SELECTION_RULES, sample

RANKS = {"auc": "AUC", "balanced_accuracy": "balanced accuracy"}


def answer(saved: SavedRun) -> Section:
    """Answer the question after the learning curve."""
    best, done = saved.best, len(saved.validation["epoch"])
    return Section(
        "learning-curve",
        "How do loss and accuracy develop during training, and when is the network best?",
        "Comment évoluent la perte et la précision pendant l'apprentissage, et quand le réseau "
        "est-il le meilleur ?",
        [
            *describe_unfinished(saved),
            f"Best after epoch {best['epoch'] + 1} of {done} (step {best['step']:,}, "
            f"{best['step'] * saved.faces_per_step:,.0f} faces seen), by {describe_best(saved)}.",
            describe_end(saved),
        ],
        pictures=draw_learning(saved),
        details=[
            "Validation figures are those of the averaged weights (EMA) after each epoch, on faces "
            "that were not trained on; they chose the epoch and are therefore slightly optimistic. "
            "The test split had no part in it.",
        ],
    )


def describe_unfinished(saved: SavedRun) -> list[str]:
    """Say that the training has epochs to go; nothing of one that has ended by itself."""
    done, wanted = len(saved.validation["epoch"]), saved.config["epochs"]
    patience = saved.config.get("patience")
    if done >= wanted or (patience and done - saved.best["epoch"] > patience):
        return []
    return [f"The training is not finished: {done} of {wanted} epochs (--resume goes on)."]


def describe_best(saved: SavedRun) -> str:
    """The rule that chose the best epoch, and what was measured after it."""
    best, rule = saved.best, SELECTION_RULES[saved.config["select_by"]]
    return (
        f"{rule}: AUC {best['auc']:.3f}, balanced accuracy {best['balanced_accuracy']:.3f}, NLL "
        f"{best['nll']:.3f} nats"
    )


def describe_end(saved: SavedRun) -> str:
    """Compare the best epoch with the last one."""
    nll, auc = saved.validation["nll"], saved.validation["auc"]
    lowest, last, best = int(np.argmin(nll)), len(nll) - 1, saved.best["epoch"]
    both = f"; the AUC was {saved.best['auc']:.3f} after the best epoch, {auc[last]:.3f} at the end"
    since = (
        "which was the last one"
        if lowest == last
        else f"and {nll[last] - nll[lowest]:.3f} higher at the end"
    )
    return (
        f"The validation NLL was lowest after epoch {lowest + 1} ({nll[lowest]:.3f} nats), "
        f"{since}{'' if best == last else both}. The first epoch reached an AUC of {auc[0]:.3f}."
    )


def draw_learning(saved: SavedRun) -> list[Picture]:
    """Training loss and learning rate by step; validation NLL, AUC and balanced accuracy."""
    faces, loss = sample("train", saved.data["counts"]["train"]), saved.steps["loss"]
    block = block_length(len(loss))
    smoothed = f"Means of {block} steps; the band holds their middle 80 %."
    if block == 1:
        smoothed = "Every step is shown."
    shrunk = saved.config.get("early_epochs", 0)
    if shrunk:
        smoothed += f" Views are smaller in the first {100 * shrunk:.0f} % of the epochs."
    given = {
        "steps": saved.steps, "per_epoch": saved.steps_per_epoch,
        "per_step": saved.faces_per_step, "best": saved.best["step"],
    }  # fmt: skip
    return [
        picture(
            "Training loss", faces, partial(draw_loss, **given),
            f"From {loss[:block].mean():.3f} to {loss[-block:].mean():.3f}"
            f"{', that of the ages among it' if saved.config['model'].get('ages') else ' nats'}.",
            f"{smoothed} Label smoothing {saved.config['label_smoothing']} is part of this loss.",
        ),
        picture(
            "Learning rate", faces, partial(draw_rate, **given),
            f"The highest is {saved.steps['learning_rate'].max():.2e}.",
            "Linear warm-up, then half a cosine.",
        ),
        *draw_by_epoch(saved),
    ]  # fmt: skip


def draw_by_epoch(saved: SavedRun) -> list[Picture]:
    """Validation NLL, and AUC with balanced accuracy."""
    counts, best = saved.data["counts"]["val"], saved.best
    faces = sample("validation", {name: counts[name] for name in CLASS_NAMES})
    per_epoch = saved.steps_per_epoch * saved.faces_per_step
    given = {"validation": saved.validation, "per_epoch": per_epoch, "best": best["epoch"]}
    return [
        picture(
            "Validation NLL", faces,
            partial(draw_validation, curves={"nll": "NLL (nats)"}, **given),
            f"{best['nll']:.3f} nats at the best epoch.",
            "Negative log-likelihood of the averaged weights after each epoch, before "
            "temperature scaling.",
        ),
        picture(
            "Validation AUC and balanced accuracy", faces,
            partial(draw_validation, curves=RANKS, **given),
            f"AUC {best['auc']:.3f}, balanced accuracy {best['balanced_accuracy']:.3f} at the "
            "best epoch.",
            "Of the same weights. The best epoch has the "
            f"{SELECTION_RULES[saved.config['select_by']]}.",
        ),
    ]  # fmt: skip


def draw_loss(figure: Figure, steps: Columns, per_epoch: int, per_step: float, best: int) -> None:
    """Training loss: means of equal runs of steps, with the band of their middle 80 %."""
    axes = figure.subplots()
    losses = in_blocks(steps["loss"])
    x = np.array([part.mean() for part in in_blocks(steps["step"])])
    low, high = np.array([np.quantile(part, [0.1, 0.9]) for part in losses]).T
    axes.fill_between(x, low, high, color=BLUE, alpha=0.2, linewidth=0)
    axes.plot(x, [part.mean() for part in losses], color=BLUE)
    mark_best(axes, best)
    axes.set(xlabel=f"step ({per_epoch:,} an epoch)", ylabel="training loss (nats)")
    add_images_seen(axes, per_step)


def block_length(steps: int) -> int:
    """How many steps one point of the loss curve averages: at most 100 points."""
    return max(-(-steps // 100), 1)


def in_blocks(values: np.ndarray) -> list[np.ndarray]:
    """One part of the values for each point of a curve."""
    block = block_length(len(values))
    return np.split(values, np.arange(block, len(values), block))


def thin_rate(at: np.ndarray, rate: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    """Some 500 of the learning rates, where they are, and the axis's name with its power of 10."""
    thinned = slice(None, None, max(len(rate) // 500, 1))
    power = int(np.floor(np.log10(rate.max()))) if rate.max() > 0 else 0
    name = rf"learning rate ($\times 10^{{{power}}}$)"
    return at[thinned], rate[thinned] / 10.0**power, name


def draw_rate(figure: Figure, steps: Columns, per_epoch: int, per_step: float, best: int) -> None:
    """Learning rate by step; arguments as in `draw_loss`."""
    axes = figure.subplots()
    x, rate, unit = thin_rate(steps["step"], steps["learning_rate"])
    axes.plot(x, rate, color=BLUE)
    mark_best(axes, best)
    axes.set(xlabel=f"step ({per_epoch:,} an epoch)", ylabel=unit, ylim=(0, None))
    add_images_seen(axes, per_step)


def draw_validation(
    figure: Figure, validation: Columns, curves: dict[str, str], per_epoch: float, best: int
) -> None:
    """Validation figures by epoch, the best epoch marked."""
    axes = figure.subplots()
    epochs = validation["epoch"] + 1
    for (column, name), colour in zip(curves.items(), CLASS_COLOURS, strict=False):
        axes.plot(epochs, validation[column], "o-", color=colour, label=name, markersize=3)
    mark_best(axes, best + 1, low=len(curves) > 1)  # where these curves are not, as they rise
    axes.locator_params(axis="x", integer=True)
    axes.set(xlabel="epoch", ylabel=", ".join(curves.values()), xlim=(0, epochs.max() * 1.03))
    if len(curves) > 1:
        figure.legend(loc="outside lower center", ncols=2)
        axes.set_ylabel("score (chance: 0.5)")
    add_images_seen(axes, per_epoch)


def mark_best(axes: Axes, x: float, low: bool = False) -> None:
    """Mark the epoch whose weights were kept by a dotted line, named at its top or low end."""
    axes.margins(x=0.04)
    axes.axvline(x, color=BLACK, linestyle=":", linewidth=1)
    axes.annotate(
        "best epoch", (x, 0 if low else 1), xycoords=("data", "axes fraction"),
        xytext=(-3, 3 if low else -3), textcoords="offset points", rotation=90,
        ha="right", va="bottom" if low else "top", fontsize=8,
    )  # fmt: skip


def add_images_seen(axes: Axes, per_unit: float) -> None:
    """Add a second horizontal axis on top: training faces seen, in thousands."""
    scale = per_unit / 1000
    top = axes.secondary_xaxis(
        "top", functions=(lambda x: np.multiply(x, scale), lambda x: np.divide(x, scale))
    )
    top.set_xlabel("training faces seen (thousands)", fontsize=8)
