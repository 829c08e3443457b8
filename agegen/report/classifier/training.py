"""How the network was trained: data, course, time and speed."""

import numpy as np

from agegen.report.classifier.learning_curves import describe_best
from agegen.report.parts.saved_run import SavedRun
from agegen.report.parts.section import Section, Table
from agegen.report.parts.wording import by_class, duration, in_words

Rows = list[tuple[str, str]]
OPTIMIZERS = {"adamw": "AdamW", "sgd": "SGD (Nesterov momentum)"}


def answer(saved: SavedRun) -> Section:
    """Answer the question after the training itself."""
    config = saved.config
    optimizer = OPTIMIZERS[config.get("optimizer", "adamw")]  # once there was no choice

    return Section(
        "training",
        "How was the network trained?",
        "Comment le réseau a-t-il été entraîné ?",
        [
            f"{config['epochs']} epochs at most, batches of {config['batch_size']} faces, "
            f"{optimizer} with a highest learning rate of {config['learning_rate']:g} and "
            f"weight decay {config['weight_decay']:g}; {config['label_smoothing']:g} of label "
            f"smoothing; the weights evaluated are averaged over the steps (EMA, "
            f"{config['ema_decay']:g} per step)."
        ],
        tables=[
            Table(
                "", ("", ""),
                [*describe_course(saved), *describe_time(saved)],
            )
        ],
        details=["Every setting is listed at the end of the page."],
    )  # fmt: skip


def describe_course(saved: SavedRun) -> Rows:
    """The network and its faces, epochs and steps, and the epoch that was kept."""
    best, steps, per_step = saved.best, len(saved.steps["step"]), saved.faces_per_step
    counts, network = saved.data["counts"], saved.config["model"]
    parameters = "–" if saved.parameters is None else f"{saved.parameters:,}"
    return [
        ("network", ", ".join(f"{k} {in_words(v)}" for k, v in network.items())),
        ("parameters", parameters),
        ("training faces", f"{sum(counts['train'].values()):,} ({by_class(counts['train'])})"),
        ("validation faces", f"{sum(counts['val'].values()):,} ({by_class(counts['val'])})"),
        ("epochs", f"{len(saved.validation['epoch'])} of {saved.config['epochs']}"),
        ("steps", f"{steps:,} of {per_step:.1f} faces; {steps * per_step:,.0f} faces seen"),
        ("best epoch", f"{best['epoch'] + 1} (step {best['step']:,}), by {describe_best(saved)}"),
        ("temperature", f"{best['temperature']:.3f}, fitted on the validation faces"),
    ]


def describe_time(saved: SavedRun) -> Rows:
    """How long it took, how fast it was, and how long it waited for data."""
    seconds = saved.faces_per_step / saved.steps["images_per_second"]
    waiting = (saved.steps["waiting"] * seconds).sum() / seconds.sum()
    speed = len(seconds) * saved.faces_per_step / seconds.sum()
    machine = in_words(saved.environment["gpus"] or saved.environment["processor"])
    time = ("time in steps", f"{duration(seconds.sum())}, without validation and saving")
    if "seconds" in saved.validation:
        # a validation's seconds count from the last start of the run
        passed = saved.validation["seconds"]
        total = float(passed[np.r_[np.diff(passed) < 0, True]].sum())
        time = ("time", f"{duration(total)}, with validation and saving")
    return [
        time,
        ("speed", f"{speed:,.0f} faces/s on {machine}"),
        ("waiting for data", f"{100 * waiting:.2f} % of the time in steps"),
    ]
