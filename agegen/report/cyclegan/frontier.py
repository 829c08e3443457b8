"""Age shift against identity: what each setting of a CycleGAN pays for how far faces age.

One run's looks are a line through its training; several runs are compared by theirs.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from agegen.faces.records import CLASS_NAMES, DIRECTIONS
from agegen.report.cyclegan.run import SavedCycleGAN, read_cyclegan_run, sample_watched
from agegen.report.cyclegan.training import seconds
from agegen.report.parts.section import Table
from agegen.report.parts.style import BLACK, BLUE, GREEN, GREY, VERMILLION, Figure, Picture, picture
from agegen.run.errors import UserError
from agegen.run.files import flatten

COLOURS = (BLUE, VERMILLION, GREEN, BLACK, "#E69F00", "#CC79A7", "#56B4E9", GREY)
HEIGHT = 5.2  # inches; two panels, one above the other
LEFT_OUT = ("out", "faces", "judge", "threads", "resume", "watch_every", "checkpoint_every")
QUALITY, KEPT = 0.6, 0.9  # share of the gap both ways, and of persons: when are faces good?
HEAD = (
    "setting", "pairs", "share, to old", "verified", "share, to young", "verified",
    f"minutes to {QUALITY:g} of the gap, {KEPT:g} verified",
)  # fmt: skip


def has_identity(saved: SavedCycleGAN) -> bool:
    """True if the looks say whether the person was kept."""
    return f"judge_verified_{CLASS_NAMES[0]}" in saved.looks


def read_runs(runs: Sequence[Path]) -> list[SavedCycleGAN]:
    """Read runs that can be compared.

    Raises:
        UserError: there are none, one is damaged or no CycleGAN's, or was not judged by identity
            too, or they are of different faces or judges.
    """
    if not runs:
        raise UserError("name the folders of the runs that are to be compared")
    found = [read_cyclegan_run(run) for run in runs]
    for saved in found:
        if not has_identity(saved):
            raise UserError(
                f"{saved.folder} has no looks with a classifier's and a matcher's figures: train "
                "it with --judge, and install agegen[photos,judges]"
            )
    if len({saved.data["checksum"] for saved in found}) > 1:
        raise UserError("the runs are of different faces: their figures cannot be compared")
    for name, what in (
        ("judge", "judges"), ("seed", "held-out faces (--seed)"),
        ("verified", "shares of persons that are asked for (--verified)"),
    ):  # fmt: skip
        if len({str(saved.config.get(name)) for saved in found}) > 1:
            raise UserError(f"the runs have different {what}: their figures cannot be compared")
    if len({"judge_strength_old" in saved.looks for saved in found}) > 1:
        raise UserError(
            "some of the runs are of an older version, which looked at whole changes only: their "
            "figures cannot be compared"
        )
    return found


def name_runs(runs: Sequence[SavedCycleGAN]) -> list[str]:
    """Name each run by the settings in which the runs differ, or by its folder."""
    flat = [flatten(saved.config) for saved in runs]
    keys = sorted({key for config in flat for key in config} - set(LEFT_OUT))
    differ = [key for key in keys if len({str(config.get(key)) for config in flat}) > 1]
    names = [
        ", ".join(f"{key.removeprefix('generator.')} {config.get(key)}" for key in differ)
        for config in flat
    ]
    if len(set(names)) < len(names) or not differ:
        return [saved.folder.name for saved in runs]
    return names


def draw_frontier(runs: Sequence[SavedCycleGAN]) -> Picture:
    """Both directions' shares of the gap against the share of verified faces, through training."""
    names = name_runs(runs)
    ends = [
        f"{name}: {describe_look(saved, len(saved.looks['pairs']) - 1)}"
        for name, saved in zip(names, runs, strict=True)
    ]
    return picture(
        "Age shift against identity",
        sample_watched(runs[0]),
        partial(draw, runs=runs, names=names if len(runs) > 1 else None),
        "At the last look: " + "; ".join(ends) + ".",
        "Each dot is a look at the same held-out faces, the large one the last; lines go through "
        "the training. Up is more ageing, right is more faces that are still the same person. "
        "Changes are as strong as the share of persons that was asked for allows.",
        HEIGHT,
    )


def draw(figure: Figure, runs: Sequence[SavedCycleGAN], names: list[str] | None) -> None:
    """Fill the figure; a legend if the runs have names."""
    for axes, (source, to) in zip(figure.subplots(2, 1), DIRECTIONS, strict=True):
        for number, saved in enumerate(runs):
            colour = COLOURS[number % len(COLOURS)]
            x, y = saved.looks[f"judge_verified_{to}"], saved.looks[f"judge_share_{to}"]
            label = names[number] if names else None
            axes.plot(100 * x, y, "o-", color=colour, markersize=2.5, linewidth=0.8, alpha=0.7)
            axes.plot(100 * x[-1:], y[-1:], "o", color=colour, markersize=7, label=label)
        axes.set_title(f"{source} → {to}", loc="left")
        axes.set_ylabel("share of the real gap")
    axes.set_xlabel("verified as the same person, % of the faces")
    if names:
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left", ncols=1)


def describe_look(saved: SavedCycleGAN, row: int) -> str:
    """One look's four figures in words."""
    parts = [
        f"to {to} {saved.looks[f'judge_share_{to}'][row]:.2f} of the gap, "
        f"{100 * saved.looks[f'judge_verified_{to}'][row]:.0f} % verified"
        for _, to in DIRECTIONS
    ]
    return ", ".join(parts)


def compare(runs: Sequence[SavedCycleGAN]) -> Table:
    """The last look of every run, and its best one, if it is another."""
    rows = []
    for name, saved in zip(name_runs(runs), runs, strict=True):
        pairs = saved.looks["pairs"]
        chosen = {len(pairs) - 1: name}
        if saved.best:
            rows_of_best = np.flatnonzero(pairs == saved.best["pairs"])  # none after a rollback
            chosen = {int(r): f"{name} (chosen as the best)" for r in rows_of_best[-1:]} | chosen
        for row, said in sorted(chosen.items()):
            figures = [
                f"{saved.looks[f'judge_{kind}_{to}'][row]:.2f}"
                for _, to in DIRECTIONS
                for kind in ("share", "verified")
            ]
            rows.append((said, f"{int(pairs[row]):,}", *figures, time_to_quality(saved)))
    return Table("Looks at the same held-out validation faces", HEAD, rows)


def time_to_quality(saved: SavedCycleGAN) -> str:
    """Minutes of steps until a look has `QUALITY` and `KEPT` both ways; "–" if none has."""
    good = np.all(
        [
            (saved.looks[f"judge_share_{to}"] >= QUALITY)
            & (saved.looks[f"judge_verified_{to}"] >= KEPT)
            for to in CLASS_NAMES
        ],
        axis=0,
    )
    if not good.any():
        return "–"
    pairs = saved.looks["pairs"][good][0]
    return f"{seconds(saved)[saved.steps['pairs'] <= pairs].sum() / 60:.1f}"
