"""How the losses of a CycleGAN develop: figures over pairs seen, and what they say."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from agegen.evaluation.alarm_limits import LIMITS
from agegen.faces.pixels import GREY_LEVELS
from agegen.faces.records import CLASS_NAMES
from agegen.report.classifier.learning_curves import block_length, in_blocks, thin_rate
from agegen.report.cyclegan.run import SavedCycleGAN, last_part, sample_trained, sample_watched
from agegen.report.parts.section import Section
from agegen.report.parts.style import BLACK, BLUE, CLASS_COLOURS, Figure, Picture, picture
from agegen.report.parts.wording import count

Curve = tuple[str, np.ndarray, np.ndarray, str]
"""Name, pairs seen, values, colour."""
UNDECIDED = {"least_squares": (0.25, 0.25), "vanilla": (np.log(2), np.log(2)), "hinge": (0.0, 1.0)}
"""Losses of generator and discriminator where the discriminator's answer is always the middle one:
they follow from the formulas in Zhu et al. (2017), Goodfellow et al. (2014), Lim and Ye (2017)."""


def answer(saved: SavedCycleGAN) -> Section:
    """Answer the question after the losses."""
    smoothed = block_length(len(saved.steps["pairs"]))
    return Section(
        "losses",
        "How do the losses of generators and discriminators develop?",
        "Comment évoluent les fonctions de coût des générateurs et des discriminateurs ?",
        [describe_cycle(saved), *describe_identity(saved), *describe_game(saved)],
        pictures=draw_all(saved),
        details=[
            "Figures of the training faces, before weighting. “First” and “last” are means over "
            "the first and the last tenth of the steps; a point of a curve is the mean of "
            f"{count(smoothed, 'step')}. Values of faces lie in [−1, 1]; one unit is "
            f"{GREY_LEVELS:g} of 255 grey levels.",
            "Low adversarial losses alone do not mean good faces: generators and discriminators "
            "are measured against each other, and both may get better while the losses stay.",
        ],
    )


def describe_cycle(saved: SavedCycleGAN) -> str:
    """Say how the cycle losses developed."""
    parts = [
        f"of {name} faces {develop(saved, f'generator_cycle_{name}', saved.due('cycle'))}"
        for name in CLASS_NAMES
    ]
    return (
        f"The cycle loss {', that '.join(parts)}: translated and back, a face differed from "
        f"itself by {saved.cycle_loss() * GREY_LEVELS:.1f} of 255 grey levels at the end, on "
        "average."
    )


def describe_identity(saved: SavedCycleGAN) -> list[str]:
    """Say how the identity losses developed, if there were any."""
    if not saved.config["identity_weight"]:
        return ["The identity loss was left out (--identity-weight 0)."]
    due = saved.due("identity")
    parts = [
        f"of {name} faces {develop(saved, f'generator_identity_{name}', due)}"
        for name in CLASS_NAMES
    ]
    return [f"The identity loss {', that '.join(parts)}."]


def describe_game(saved: SavedCycleGAN) -> list[str]:
    """Say how generators and discriminators stand against each other."""
    accuracy = {
        name: last_part(saved.steps[f"discriminator_accuracy_{name}"]).mean()
        for name in CLASS_NAMES
    }
    games = [
        f"The generators' adversarial loss towards {name} {develop(saved, f'generator_gan_{name}')}"
        f" and that of its discriminator {develop(saved, f'discriminator_{name}')}."
        for name in CLASS_NAMES
    ]
    shares = ", ".join(f"{100 * share:.1f} % ({name})" for name, share in accuracy.items())
    return [
        *games,
        f"In the last tenth of the steps the discriminators judged {shares} of the patches "
        f"rightly; 50 % is guessing, and above {100 * LIMITS['discriminator_accuracy']:g} % "
        "between two looks is an alarm.",
    ]


def develop(saved: SavedCycleGAN, name: str, rows: np.ndarray | None = None) -> str:
    """Put the development of a loss into words; `rows` chooses steps."""
    values = saved.steps[name] if rows is None else saved.steps[name][rows]
    tenth = len(last_part(values))
    first, last = values[:tenth].mean(), values[-tenth:].mean()
    a, b = f"{first:.3f}", f"{last:.3f}"
    if a == b:
        return f"was {a} at both ends"
    return f"{'fell' if last < first else 'rose'} from {a} to {b}"


def draw_all(saved: SavedCycleGAN) -> list[Picture]:
    """Draw all curves."""
    everything = np.ones(len(saved.steps["step"]), dtype=bool)
    undecided = UNDECIDED.get(saved.config["gan_loss"], (None, None))
    known = undecided[0] is not None
    own = f"As {saved.config['gan_loss']} gives it: where answers are the middle one is not known."
    shown = [
        ("Cycle loss", "generator_cycle_{}", saved.due("cycle"), None,
         "Mean absolute difference between a face and itself translated and back."),
        ("Adversarial loss of the generators", "generator_gan_{}", everything, undecided[0],
         "Dotted: where the discriminator's answer is the middle one for every patch."
         if known else own),
        ("Loss of the discriminators", "discriminator_{}", everything, undecided[1],
         "Dotted: the same." if known else own),
        ("Accuracy of the discriminators", "discriminator_accuracy_{}", everything,
         LIMITS["discriminator_accuracy"],
         "Share of patches judged rightly, real and generated ones in equal parts. Dotted: the "
         "limit beyond which the mean between two looks is an alarm."),
    ]  # fmt: skip
    if saved.config["identity_weight"]:
        shown.insert(1, (
            "Identity loss", "generator_identity_{}", saved.due("identity"), None,
            "Mean absolute difference between a face and its translation to its own age.",
        ))  # fmt: skip
    pictures = [
        draw_losses(saved, name, pattern, rows, line, caption)
        for name, pattern, rows, line, caption in shown
    ]
    return [*pictures, draw_rate(saved)]


def draw_losses(
    saved: SavedCycleGAN,
    name: str,
    pattern: str,
    rows: np.ndarray,
    line: float | None,
    caption: str,
) -> Picture:
    """One figure with a curve for each class; `rows` chooses steps."""
    ends = np.array([part[-1] for part in in_blocks(saved.steps["pairs"][rows])])
    curves = [
        (
            label,
            ends,
            np.array([x.mean() for x in in_blocks(saved.steps[pattern.format(label)][rows])]),
            colour,
        )
        for label, colour in zip(CLASS_NAMES, CLASS_COLOURS, strict=True)
    ]
    draw = partial(draw_curves, curves=curves, ylabel=name.lower(), line=line)
    return picture(name, sample_trained(saved), draw, describe_ends(curves), caption)


def describe_ends(curves: Sequence[Curve]) -> str:
    """First and last value of every curve."""
    ends = [f"{name}: {y[0]:.3f} at first, {y[-1]:.3f} at last" for name, _, y, _ in curves]
    return f"{'; '.join(ends)}."


def draw_rate(saved: SavedCycleGAN) -> Picture:
    """The learning rate by pairs."""
    rate = saved.steps["learning_rate"]
    x, y, unit = thin_rate(saved.steps["pairs"], rate)
    draw = partial(draw_curves, curves=[("", x, y, BLUE)], ylabel=unit, line=None, low=0.0)
    return picture(
        "Learning rate", sample_trained(saved), draw,
        f"From {rate[0]:.2e} to {rate[-1]:.2e}.",
        f"Constant for {saved.config['constant_pairs']:,} pairs, then linear to 0 over "
        f"{saved.config['decay_pairs']:,}.",
    )  # fmt: skip


def draw_looks(
    saved: SavedCycleGAN,
    name: str,
    title: str,
    ylabel: str,
    line: float,
    words: Callable[[Sequence[Curve]], str],
    caption: str,
) -> Picture:
    """A figure of the looks for both directions: columns `name`_young and `name`_old."""
    curves = [
        (f"made {to}", saved.looks["pairs"], saved.looks[f"{name}_{to}"], colour)
        for to, colour in zip(CLASS_NAMES, CLASS_COLOURS, strict=True)
    ]
    mark = saved.best.get("pairs") if name.startswith("judge_") else None
    draw = partial(draw_curves, curves=curves, ylabel=ylabel, line=line, mark=mark)
    return picture(title, sample_watched(saved), draw, words(curves), caption)


def draw_curves(
    figure: Figure,
    curves: Sequence[Curve],
    ylabel: str,
    line: float | None,
    low: float | None = None,
    mark: float | None = None,
) -> None:
    """Curves over pairs seen: a dotted line at `line`, a dashed one at `mark`, the best look."""
    axes = figure.subplots()
    for name, x, y, colour in curves:
        marker = "o" if len(x) < 15 else ""
        axes.plot(x, y, marker=marker, markersize=3, color=colour, label=name)
    if line is not None:
        axes.axhline(line, color=BLACK, linestyle=":", linewidth=1)
    if mark is not None:
        axes.axvline(mark, color=BLACK, linestyle="--", linewidth=0.8)
        axes.annotate(
            "best", (mark, 1), xycoords=("data", "axes fraction"), xytext=(3, -3),
            textcoords="offset points", va="top", fontsize=8,
        )  # fmt: skip
    axes.set(xlabel="pairs seen", ylabel=ylabel, ylim=(low, None))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.locator_params(axis="x", nbins=5)
    if len(curves) > 1:
        figure.legend(loc="outside lower center", ncols=2)
