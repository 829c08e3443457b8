"""How the CycleGAN was trained: networks, faces, course, time and speed."""

import numpy as np

from agegen.report.cyclegan.run import SavedCycleGAN
from agegen.report.parts.section import Section, Table
from agegen.report.parts.wording import by_class, count, duration, in_words

Rows = list[tuple[str, str]]


def answer(saved: SavedCycleGAN) -> Section:
    """Answer the question after the training itself."""
    config, environment = saved.config, saved.environment
    precision = environment.get("precision", "unknown precision")
    machine = environment["gpus"] or environment["processor"]
    return Section(
        "training",
        "How was it trained, and how long did it take?",
        "Comment a-t-il été entraîné, et en combien de temps ?",
        [
            f"{describe_end(saved)} Batches of {config['batch_size']} faces of each age, "
            f"{config['size']} pixels, Adam with a learning rate of {config['learning_rate']:g}; "
            f"λ = {config['cycle_weight']:g} for the cycle loss and "
            f"{config['cycle_weight'] * config['identity_weight']:g} for the identity loss.",
            f"It took {duration(seconds(saved).sum())} in steps on {in_words(machine)} "
            f"({precision}, {count(environment.get('processes', 1), 'process', 'es')}), "
            f"{speed(saved):,.1f} pairs/s.",
        ],
        tables=[Table("", ("", ""), [*describe_subject(saved), *describe_time(saved)])],
        details=["Every setting is listed at the end of the page."],
    )


def describe_end(saved: SavedCycleGAN) -> str:
    """Say whether the training reached its end."""
    share = saved.pairs / saved.total_pairs
    if share >= 1:
        return f"Trained to the end, {saved.pairs:,} pairs."
    return f"So far {saved.pairs:,} of {saved.total_pairs:,} pairs ({100 * share:.1f} %)."


def describe_subject(saved: SavedCycleGAN) -> Rows:
    """The networks, the loss and the faces."""
    counts, config = saved.data["counts"], saved.config
    loss = config["gan_loss"]
    rounds = [f"{saved.pairs / n:.1f} of the {name} faces" for name, n in counts["train"].items()]

    def lazy(kind: str) -> str:
        every = config.get(f"{kind}_every", 1)
        return f", in one step of {every}, {every} times as strong" if every > 1 else ""

    return [
        ("generators", ", ".join(f"{k} {in_words(v)}" for k, v in config["generator"].items())),
        (
            "discriminators",
            ", ".join(f"{k} {in_words(v)}" for k, v in config["discriminator"].items()),
        ),
        ("adversarial loss", loss if ":" in loss else loss.replace("_", " ")),  # or a user's own
        ("cycle loss", f"λ = {config['cycle_weight']:g}{lazy('cycle')}"),
        ("identity loss", f"{config['identity_weight']:g} of λ{lazy('identity')}"),
        ("replay pool", f"{config['pool_size']:,} faces of each age"),
        ("training faces", by_class(counts["train"])),
        ("rounds", ", ".join(rounds)),
    ]


def describe_time(saved: SavedCycleGAN) -> Rows:
    """How long it took, in what, and how evenly."""
    slow, fast = np.quantile(saved.steps["pairs_per_second"], [0.1, 0.9])
    rest = {"looks": saved.looks, "saves": saved.saves}  # older runs did not log all of them
    parts = {
        "steps": float(seconds(saved).sum()),
        **{k: float(np.nansum(v["seconds"])) for k, v in rest.items() if "seconds" in v},
    }
    total = sum(parts.values())
    return [
        ("steps", f"{len(saved.steps['step']):,}, {seconds(saved).mean():.3f} s each"),
        *(
            (f"time in {name}", f"{duration(part)}, {100 * part / total:.1f} %")
            for name, part in parts.items()
        ),
        ("speed", f"{speed(saved):,.1f} pairs/s; {slow:,.1f} to {fast:,.1f} in the middle 80 %"),
    ]


def seconds(saved: SavedCycleGAN) -> np.ndarray:
    """Time of every step, float (steps,)."""
    return saved.config["batch_size"] / saved.steps["pairs_per_second"]


def speed(saved: SavedCycleGAN) -> float:
    """Pairs a second over all steps."""
    return len(saved.steps["step"]) * saved.config["batch_size"] / float(seconds(saved).sum())
