"""Values and figures in words, as the page writes them."""

from typing import Any

from agegen.faces.records import CLASS_NAMES

FEWEST_ERRORS = 10
"""Fewer errors than this show nothing: resamples of two errors repeat these two."""

SELECTION_RULES = {
    "auc": "highest validation AUC",
    "balanced_accuracy": "highest validation balanced accuracy",
    "nll": "lowest validation NLL",
    "age_error": "smallest validation error of ages",
}


def in_words(value: Any) -> str:
    """Write a plain value: lists with commas, yes and no, a dash for nothing."""
    if isinstance(value, list):
        return ", ".join(map(in_words, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)


def show(figure: dict | None, digits: int = 3, sign: str = "") -> str:
    """value [low, high]; without an interval, or undefined, where it is so."""
    if figure is None or figure["value"] is None:
        return "undefined"
    value = f"{figure['value']:{sign}.{digits}f}"
    return f"{value} {span(figure['low'], figure['high'], 1, digits)}".strip()


def share_intervals(content: dict) -> str:
    """Say how shares got their intervals; nothing of older files, which resampled these too."""
    kind = content.get("share_intervals")
    return f" Intervals of shares: {kind}." if kind else ""


def signed(figure: dict | None, digits: int = 3) -> str:
    """Value with its sign, and its interval; "undefined" where a loss diverged or a class lacks."""
    return show(figure, digits, "+")


def is_clear(difference: dict | None) -> bool:
    """True if the interval leaves 0 out."""
    if difference is None or difference["low"] is None:
        return False
    return difference["low"] > 0 or difference["high"] < 0


def span(low: float | None, high: float | None, scale: float, digits: int) -> str:
    """Interval in brackets that does not break over lines; empty where it is undefined."""
    if low is None or high is None:
        return ""
    return f"[{scale * low:,.{digits}f},\u00a0{scale * high:,.{digits}f}]"


def percent(share: float | None) -> str:
    """Share in per cent, or a dash where it is undefined."""
    return "–" if share is None else f"{100 * share:.1f} %"


def count(number: int, name: str, plural: str = "s") -> str:
    """1 look, 12 looks."""
    return f"{number:,} {name}{'' if number == 1 else plural}"


def of_how_many(share: dict) -> str:
    """12 of 941."""
    return f"{share['count']:,.0f} of {share['n']:,}"


def by_class(counts: dict) -> str:
    """651 young, 290 old; and 1,713 of other ages, if there are any."""
    said = [f"{counts[name]:,} {name}" for name in CLASS_NAMES if name in counts]
    others = [f"{counts['other']:,} of other ages"] if counts.get("other") else []
    return ", ".join(said + others)


def sample_of(evaluation: dict) -> str:
    """Say which faces a figure of the evaluation shows, and how many."""
    return sample(evaluation["split"], evaluation["n_by_class"])


def sample(split: str, counts: dict) -> str:
    """The faces of a split by class."""
    return f"{split} split, n = {sum(counts.values()):,}: {by_class(counts)}"


def remainder(share: dict, whole: float = 1) -> dict:
    """Whole − share, with its interval."""
    swapped = {"value": "value", "low": "high", "high": "low"}
    return {k: None if share[v] is None else whole - share[v] for k, v in swapped.items()}


def duration(seconds: float) -> str:
    """Write a time with the unit that suits it."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"
