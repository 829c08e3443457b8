"""What does the network answer before any training? Fresh initialisations against chance."""

from functools import partial
from pathlib import Path

import numpy as np

from agegen.report.parts.section import Section, Table
from agegen.report.parts.style import (
    BLACK,
    BLUE,
    CLASS_COLOURS,
    GREY,
    Figure,
    Picture,
    draw_histogram,
    draw_points,
    picture,
)
from agegen.report.parts.wording import percent, sample, show
from agegen.run.files import read_json

SCORES = {"roc_auc": "AUC", "balanced_accuracy": "balanced accuracy"}
KINDS = {
    "estimated": "untrained, statistics of training faces",
    "initial": "untrained, initial statistics",
}
SIGNIFICANT = 0.05


def answer(folder: Path, evaluation: dict) -> Section:
    """Answer the question after the untrained network, from analysis/untrained.json."""
    chapter = read_json(folder / "untrained.json")
    return Section(
        "untrained-network",
        "What does the network answer before any training?",
        "Que répond le réseau avant tout apprentissage ?",
        [
            *describe_means(chapter),
            describe_accuracy(chapter),
            *describe_single(chapter),
            *describe_pixels(chapter),
            *describe_trained(chapter),
        ],
        tables=[tabulate_kinds(chapter), tabulate_networks(chapter)],
        pictures=[
            *([picture_scores(chapter)] if is_ranked(chapter) else []),
            picture_distributions(chapter),
        ],
        details=describe_method(chapter),
        command=f"python recipes/analyze_classifier.py --run {folder.parent} --chapters untrained",
    )


def is_ranked(chapter: dict) -> bool:
    """True if both classes are there, so that there is an AUC."""
    return chapter["trained"]["roc_auc"]["value"] is not None


def describe_means(chapter: dict) -> list[str]:
    """Say whether fresh networks are better or worse than chance on average."""
    if not is_ranked(chapter):
        return ["The test faces are of one class alone: an AUC needs both."]
    found = chapter["estimated"]
    means = {name: found["means"][score] for score, name in SCORES.items()}
    tests = "; ".join(
        f"{name} {show(mean)}, t-test against 0.5: p = {mean['p']:.2g}"
        for name, mean in means.items()
    )
    apart = [name for name, mean in means.items() if mean["p"] < SIGNIFICANT]
    verdict = (
        f"In {' and '.join(apart)}, untrained networks differ from chance."
        if apart
        else "An untrained network is not shown to differ from chance."
    )
    return [f"Mean over {len(found['networks'])} fresh initialisations: {tests}. {verdict}"]


def describe_accuracy(chapter: dict) -> str:
    """Say what accuracies come about, and compare them with answers blind to the face."""
    counts, networks = chapter["n_by_class"], chapter["estimated"]["networks"]
    larger = max(counts, key=lambda name: counts[name])
    values = [network["accuracy"]["value"] for network in networks]
    excess = chapter["estimated"]["means"]["excess_accuracy"]
    dependent = sum(network["fisher_p"] < SIGNIFICANT for network in networks)
    return (
        f"Their accuracies lie between {min(values):.3f} and {max(values):.3f}, which alone says "
        f"little: always answering “{larger}” reaches {counts[larger] / chapter['n']:.3f}. Against "
        "an answer that says “old” as often without regard to the face, the mean gain is "
        f"{show(excess)}. Answer and label depend on each other (Fisher's exact test, p < "
        f"{SIGNIFICANT:g}) in {dependent} of {len(networks)} networks; if they were independent, "
        f"about {len(networks) * SIGNIFICANT:.0f} would."
    )


def describe_single(chapter: dict) -> list[str]:
    """Say how far single networks are from chance, and in which direction."""
    apart = chapter["estimated"]["apart"]
    if apart is None:
        return []
    values = [network["roc_auc"]["value"] for network in chapter["estimated"]["networks"]]
    above = sum(value > 0.5 for value in values)
    text = (
        f"A single one is another matter: the AUC goes from {min(values):.3f} to "
        f"{max(values):.3f}, and its interval leaves 0.5 out in {apart['count']} of {len(values)}"
    )
    if apart["p"] >= SIGNIFICANT:
        return [f"{text}, which is no more than faces drawn at random would bring about."]
    return [
        f"{text}, where about {len(values) * SIGNIFICANT:.0f} would by chance. Random features do "
        "vary with the class; but whether that raises p(old) or lowers it is left to chance: the "
        f"AUC is above 0.5 in {above} of {len(values)}."
    ]


def describe_pixels(chapter: dict) -> list[str]:
    """Name the plain properties of the pictures that differ between the classes."""
    seen = {name: auc for name, auc in chapter["pixels"].items() if auc["low"] is not None}
    clear = {name: auc for name, auc in seen.items() if auc["low"] > 0.5 or auc["high"] < 0.5}
    if not clear:
        return []
    each = " and ".join(f"{name} {show(auc)}" for name, auc in clear.items())
    return [f"Plain properties of the pictures differ between the classes too, by AUC: {each}."]


def describe_trained(chapter: dict) -> list[str]:
    """Set the trained network beside the untrained ones."""
    if not is_ranked(chapter):
        return []
    trained = chapter["trained"]["roc_auc"]
    highest = max(n["roc_auc"]["value"] for n in chapter["estimated"]["networks"])
    comparison = (
        f"above the highest of them, {highest:.3f}"
        if trained["low"] is not None and trained["low"] > highest
        else f"not clearly above the highest of them, {highest:.3f}"
    )
    return [f"After training, the AUC on the same faces is {show(trained)}, {comparison}."]


def tabulate_kinds(chapter: dict) -> Table:
    """Untrained networks with both kinds of statistics, and the trained one."""
    found = {name: chapter[kind] for kind, name in KINDS.items() if chapter[kind]}
    scores = {name: of["means"] for name, of in found.items()} | {"trained": chapter["trained"]}
    called = [np.mean([n["called_old"] for n in of["networks"]]) for of in found.values()]
    called.append(chapter["trained"]["called_old"])
    rows = [
        (name, *(show(of[score]) for score in SCORES), percent(old / chapter["n"]))
        for (name, of), old in zip(scores.items(), called, strict=True)
    ]
    count = len(chapter["estimated"]["networks"])
    return Table(
        f"Means over {count} initialisations with their t-intervals; the trained network with its "
        "bootstrap interval",
        ("network", *SCORES.values(), "called old"),
        rows,
    )


def tabulate_networks(chapter: dict) -> Table:
    """Every fresh network."""
    rows = [
        (
            str(number), percent(found["called_old"] / chapter["n"]), show(found["accuracy"]),
            f"{found['blind_accuracy']:.3f}", f"{found['fisher_p']:.2g}",
            show(found["balanced_accuracy"]), show(found["roc_auc"]),
        )
        for number, found in enumerate(chapter["estimated"]["networks"], 1)
    ]  # fmt: skip
    return Table(
        f"Each initialisation ({KINDS['estimated']}); accuracy with its exact binomial interval",
        (
            "no.", "called old", "accuracy", "of a blind answer", "Fisher's p",
            *reversed(SCORES.values()),
        ),
        rows,
    )  # fmt: skip


def describe_method(chapter: dict) -> list[str]:
    """Say what an untrained network is here, and what the intervals are."""
    sentences = []
    if chapter["initial"]:
        sentences.append(
            "Weights are drawn anew as for a training. Batch norm then still holds a mean of 0 and "
            "a variance of 1, which are no property of any faces: taken as they are, nothing is "
            "normalised, as it would be in the first step of a training. So its statistics were "
            f"first computed from {chapter['statistics_faces']:,} training faces, without their "
            "labels and without a change of weights; the table has both ways. Within a class, the "
            f"middle 90 % of p(old) then span {span_of(chapter['estimated']):.2g}, and "
            f"{span_of(chapter['initial']):.2g} with the initial statistics (medians of the "
            "networks)."
        )
    sentences.append(
        "If a network's two outputs are initialised alike, exchanging them gives a network that is "
        "as likely and has 1 − AUC: the AUC expected over initialisations is 0.5 on any faces. The "
        "t-test over initialisations asks whether that holds here; the interval of one network, "
        "whether that one network goes with the label."
    )
    if chapter["persons"] < chapter["n"]:
        sentences.append(
            f"The faces show {chapter['persons']:,} persons, who are resampled as a whole for AUC "
            "and balanced accuracy; Fisher's test takes the faces as independent and is too sure "
            "by that."
        )
    return sentences


def span_of(kind: dict) -> float:
    """Width of the middle 90 % of p(old) within a class, median over networks and classes."""
    quantiles = [q for network in kind["networks"] for q in network["quantiles"].values()]
    return float(np.median([high - low for low, _, high in quantiles]))


def picture_scores(chapter: dict) -> Picture:
    """AUC of every fresh network, and their mean."""
    networks = [network["roc_auc"] for network in chapter["estimated"]["networks"]]
    mean, trained = chapter["estimated"]["means"]["roc_auc"], chapter["trained"]["roc_auc"]
    return picture(
        "AUC of untrained networks", sample("test", chapter["n_by_class"]),
        partial(draw_scores, networks=networks, mean=mean, trained=trained),
        f"Mean of {len(networks)}: {show(mean)}; trained: {show(trained)}.",
        "Each row is one initialisation with its 95 % interval over faces; the mean has its "
        "t-interval over initialisations.",
        height=1.5 + 0.13 * len(networks),
    )  # fmt: skip


def draw_scores(figure: Figure, networks: list[dict], mean: dict, trained: dict) -> None:
    """AUC in rows: the fresh networks in ascending order, their mean, the trained network."""
    axes = figure.subplots()
    ranked = sorted(networks, key=lambda auc: auc["value"])
    last = len(ranked)
    groups = (
        (ranked, range(last), GREY, "o", "one initialisation"),
        ([mean], [last + 0.5], BLACK, "D", "their mean"),
        ([trained], [last + 2], BLUE, "s", "trained"),
    )
    for found, rows, colour, marker, name in groups:
        draw_points(
            axes, rows, found, rows=True, color=colour, marker=marker, linestyle="none",
            elinewidth=1, label=name,
        )  # fmt: skip
    axes.axvline(0.5, color=BLACK, linestyle="--", linewidth=1)
    axes.set_yticks([])
    axes.set(xlabel="AUC (dashed: chance)", xlim=(min(0.3, axes.get_xlim()[0]), 1.02))
    figure.legend(loc="outside lower center", ncols=3)


def picture_distributions(chapter: dict) -> Picture:
    """Histograms of p(old) before and after training."""
    count = len(chapter["estimated"]["networks"])
    histograms = {
        f"untrained (mean of {count})": chapter["estimated"]["histogram"],
        "trained": chapter["trained"]["histogram"],
    }
    centres = (np.array(chapter["edges"][:-1]) + chapter["edges"][1:]) / 2
    middle = "; ".join(
        f"{name}: " + ", ".join(f"{k} mean about {centres @ v:.2f}" for k, v in shares.items())
        for name, shares in histograms.items()
    )
    return picture(
        "p(old) before and after training", sample("test", chapter["n_by_class"]),
        partial(draw_distributions, histograms=histograms, edges=chapter["edges"]), f"{middle}.",
        "Share of the class in each twentieth of p(old), before temperature scaling. Untrained: "
        f"the mean over {count} initialisations, each with p(old) in a place of its own.",
    )  # fmt: skip


def draw_distributions(figure: Figure, histograms: dict[str, dict], edges: list[float]) -> None:
    """Histograms by class, a panel for each title → class → share in each bin."""
    panels = figure.subplots(1, len(histograms), sharey=True)
    for axes, (title, by_name) in zip(panels, histograms.items(), strict=True):
        for (name, shares), colour in zip(by_name.items(), CLASS_COLOURS, strict=False):
            draw_histogram(axes, shares, edges, colour, name)
        axes.set_title(title)
        axes.set(xlabel="p(old)", xlim=(0, 1))
    panels[0].set_ylabel("share of the class")
    panels[-1].legend(loc="upper center")
