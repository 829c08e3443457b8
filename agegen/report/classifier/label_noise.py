"""Which labels may be wrong? Faces that classifiers trained without them contradict."""

from functools import partial
from pathlib import Path

import numpy as np

from agegen.faces.records import CLASS_NAMES
from agegen.report.classifier.groups import picture_by_age
from agegen.report.parts.examples import make_gallery, read_faces
from agegen.report.parts.section import Section, Table
from agegen.report.parts.style import CLASS_COLOURS, Figure, Picture, picture
from agegen.report.parts.wording import is_clear, of_how_many, share_intervals, show, signed
from agegen.run.files import read_json


def answer(folder: Path, evaluation: dict) -> Section:
    """Answer the question after wrong labels, from analysis/label_noise.json and its files."""
    content = read_json(folder / "label_noise.json")
    pixels = read_faces(folder / "label_noise_suspects.npz")
    with_age = sum(group["n"] for group in content["by_age"].values())
    return Section(
        "label-noise",
        "Which labels may be wrong?",
        "Quelles étiquettes sont peut-être fausses ?",
        [
            count_suspects(content),
            *describe_ages(content),
            describe_errors(content),
            "The judges are as good as that: held-out balanced accuracy "
            f"{show(content['balanced_accuracy'])}, AUC {show(content['roc_auc'])}, ECE "
            f"{show(content['expected_calibration_error'])}. What they get wrong for want of "
            "training looks like a suspect too.",
            f"All {content['n']:,} faces, the most suspicious first: "
            f"{folder / 'label_noise_faces.csv'}.",
        ],
        tables=[tabulate(content)],
        pictures=[
            picture_confidence(content),
            *picture_by_age(
                "Suspects by age", f"all splits, n = {with_age:,} with known age",
                content["by_age"], content["suspects"]["share"]["value"],
                "share of labels that are suspects", "Share at age",
            ),
        ],
        galleries=[
            make_gallery(
                f"labelled {name}: "
                + (f"the {len(faces)} most suspicious" if faces else "no suspects"),
                faces, pixels, lambda face: f"{face['split']} split",
            )
            for name, faces in content["galleries"].items()
        ],
        details=[
            f"All faces are divided into {content['folds']} parts, persons and near-duplicates "
            "together; for each part a network of this run's kind, with stages of "
            f"{'–'.join(map(str, content['widths']))} channels, is trained for {content['epochs']} "
            "epochs on the others (a tenth of which selects the epoch and calibrates). Each face "
            "is then judged by the one network that never saw it: its self-confidence is the "
            "calibrated p of its own label.",
            "Confident learning (Northcutt et al., 2021): a class's threshold is the mean "
            "self-confidence of the faces with its label. A label is a suspect if the other "
            "class's p reaches that class's threshold and is the higher one.",
            f"Intervals: {content['resamples']:,} bootstrap resamples of persons (of faces where "
            "no identity is known); the trainings are not repeated, so that their luck is not in "
            "them. No label was changed, and no face left out, for any other figure of this page."
            + share_intervals(content),
        ],
        command=f"python recipes/analyze_classifier.py --run {folder.parent} "
        "--chapters label_noise --again",
    )  # fmt: skip


def count_suspects(content: dict) -> str:
    """Say how many labels are suspect, by class."""
    suspects = content["suspects"]
    each = ", ".join(
        f"{of_how_many(content['by_class'][name])} labelled {name} "
        f"({show(content['by_class'][name]['share'])})"
        for name in CLASS_NAMES
    )
    return (
        f"{of_how_many(suspects)} labels of the whole data set are suspects (share "
        f"{show(suspects['share'])}): {each}. A suspect is not a proven mistake: a face that looks "
        "younger or older than it is contradicts its label just as much. The galleries are there "
        "to be judged by eye."
    )


def describe_ages(content: dict) -> list[str]:
    """Name the ages with clearly more suspects than all faces; nothing where ages are unknown."""
    ages, overall = content["by_age"], content["suspects"]["share"]["value"]
    if not ages:
        return []
    shares = {age: group["share"] for age, group in ages.items()}
    more = [a for a, share in shares.items() if share["low"] is not None and share["low"] > overall]
    if not more:
        return ["At no age is the share of suspects clearly above that of all faces."]
    listed = ", ".join(
        f"{age} ({of_how_many(ages[age])}, {show(ages[age]['share'])})" for age in more
    )
    return [
        f"The share of suspects is clearly above that of all faces at age {listed}; by chance "
        f"alone about {len(ages) / 40:.1f} of {len(ages)} ages would be."
    ]


def describe_errors(content: dict) -> str:
    """Say how many of the run's errors on its test faces are suspects."""
    among = content["among_test_faces"]
    wrong, right = among["of_errors"], among["of_right"]
    if not wrong["n"]:
        return f"This run classifies all {among['n']:,} test faces right: no error is a suspect."
    sentence = (
        f"Of this run's errors on the test faces, {of_how_many(wrong)} are suspects (share "
        f"{show(wrong['share'])}); of its right answers {of_how_many(right)} "
        f"({show(right['share'])})."
    )
    difference = signed(among["difference"])
    if not is_clear(among["difference"]):
        return f"{sentence} That is no clear difference ({difference})."
    if among["difference"]["value"] < 0:
        return f"{sentence} Errors are less often suspects (difference {difference})."
    meaning = (
        "; most errors are faces that other networks, trained without them, get wrong too."
        if wrong["share"]["value"] > 0.5
        else ", yet most errors are not: another training gets them right or is unsure of them."
    )
    return f"{sentence} Errors are more often suspects (difference {difference}){meaning}"


def tabulate(content: dict) -> Table:
    """Threshold and suspects of each class."""
    rows = [
        [
            name, f"{group['n']:,}", f"{group['threshold']:.3f}", f"{group['count']:.0f}",
            show(group["share"]),
        ]
        for name, group in content["by_class"].items()
    ]  # fmt: skip
    header = ("label", "faces", "threshold", "suspects", "share")
    return Table(
        "Suspects by label, with 95 % intervals; a face is one if p of the other class is above "
        "0.5 and reaches that class's threshold",
        header,
        rows,
    )


def picture_confidence(content: dict) -> Picture:
    """Distribution of the self-confidence of both classes."""
    each = "; ".join(
        f"{name}, from 0 to 1: {', '.join(map(str, group['histogram']))}"
        for name, group in content["by_class"].items()
    )
    return picture(
        "Self-confidence of the labels", f"all splits, n = {content['n']:,}",
        partial(draw_confidence, by_class=content["by_class"]), f"Faces by bin; {each}.",
        "p of each face's own label, by classifiers that were not trained on it. Dashed: left of "
        "it a label of that class is a suspect.",
    )  # fmt: skip


def draw_confidence(figure: Figure, by_class: dict) -> None:
    """Histogram of the self-confidence of both classes, on a logarithmic axis of faces."""
    axes = figure.subplots()
    highest = max(max(group["histogram"]) for group in by_class.values())
    for name, colour, other in zip(CLASS_NAMES, CLASS_COLOURS, CLASS_NAMES[::-1], strict=True):
        counts = np.array(by_class[name]["histogram"])
        edges = np.linspace(0, 1, len(counts) + 1)
        axes.stairs(counts, edges, color=colour, label=f"labelled {name}", linewidth=1.5)
        bound = min(1 - by_class[other]["threshold"], 0.5)
        axes.axvline(bound, color=colour, linestyle="--", linewidth=1)
    axes.set_yscale("symlog", linthresh=1)
    axes.set(xlabel="p of the own label", ylabel="faces", xlim=(0, 1), ylim=(0, 2 * highest))
    figure.legend(loc="outside lower center", ncols=2)
