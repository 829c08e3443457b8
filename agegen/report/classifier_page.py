"""The report of a classifier's run: one static HTML page, made from saved files only."""

import base64
import csv
import json
import shlex
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image
from safetensors import safe_open

from agegen import metrics
from agegen.errors import UserError
from agegen.faces.catalog import CLASS_NAMES
from agegen.faces.store import UNKNOWN_AGE, FaceStore
from agegen.files import read_json
from agegen.report import figures
from agegen.report.figures import Columns

MOST_EXAMPLES = 12
EXAMPLE_PIXELS = 128  # larger faces are scaled down to this, so that the page stays small
BUFFERS = ("running_mean", "running_var", "num_batches_tracked")
FIGURE_NAMES = {
    "balanced_accuracy": "balanced accuracy",
    "roc_auc": "AUC",
    "accuracy": "accuracy",
    "negative_log_likelihood": "NLL (nats)",
    "brier_score": "Brier score",
    "expected_calibration_error": "ECE",
}
SELECTION_RULES = {
    "auc": "highest validation AUC",
    "balanced_accuracy": "highest validation balanced accuracy",
    "nll": "lowest validation NLL",
}


class Saved(NamedTuple):
    """What the run's files say; `parameters` is None where the weights are not there."""

    folder: Path
    config: dict
    data: dict
    environment: dict
    best: dict
    evaluation: dict
    steps: Columns
    validation: Columns
    parameters: int | None


class Scored(NamedTuple):
    """The evaluated faces, one entry per face; `weights` are bootstrap resamples by person."""

    store: FaceStore
    indices: np.ndarray
    y: np.ndarray
    uncalibrated: np.ndarray
    p: np.ndarray
    weights: np.ndarray


class Picture(NamedTuple):
    """A figure with its name, what it shows, and the same in words for those who cannot see it."""

    name: str
    src: str
    alt: str
    caption: str


class Gallery(NamedTuple):
    """Example faces: (data URI, what it is, caption)."""

    name: str
    faces: list[tuple[str, str, str]]


def make_page(run: Path, faces: Path | None = None, examples: int = MOST_EXAMPLES) -> str:
    """Make the page of a run.

    Args:
        run: folder of a trained and evaluated classifier.
        faces: folder of the evaluated FaceStore; None takes the one that the evaluation names.
        examples: most faces in a gallery; 0 leaves the galleries out.

    Returns:
        HTML that refers to nothing outside itself; the same files give the same page.

    Raises:
        UserError: a file is missing (it says what makes it), damaged, or not of this evaluation.
    """
    saved = read_run(run)
    scored = read_scores(saved, faces)
    page = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page.filters["in_words"] = in_words
    return page.get_template("page.html").render(
        title=saved.folder.resolve().name,
        saved=saved,
        evaluation=saved.evaluation,
        summary=summarise(saved, scored),
        tiles=make_tiles(saved.evaluation),
        rows=score_rows(saved.evaluation),
        training=describe_training(saved),
        sections=draw_sections(saved, scored),
        galleries=make_galleries(scored, examples) if examples else [],
        config=flatten(saved.config),
        environment=flatten(saved.environment),
        data=flatten(saved.data),
        commands=commands(saved, scored.store),
    )


def read_run(run: Path) -> Saved:
    """Read the run's files, or say which command makes the missing one."""
    train = f"train it with recipes/train_classifier.py --out {run}"
    trained = ("config.json", "environment.json", "metrics.jsonl", "best.json")
    needed = dict.fromkeys(trained, train)
    needed["evaluation.json"] = needed["predictions.csv"] = (
        f"make it with python recipes/evaluate_classifier.py --run {run}"
    )
    for name, remedy in needed.items():
        if not (run / name).exists():
            raise UserError(f"{run} has no {name}: {remedy}")
    config = read_json(run / "config.json")
    records = read_records(run / "metrics.jsonl")
    return Saved(
        folder=run,
        config=config["config"],
        data=config["data"],
        environment=read_json(run / "environment.json"),
        best=read_json(run / "best.json"),
        evaluation=read_json(run / "evaluation.json"),
        steps=columns(records, "step"),
        validation=columns(records, "validation"),
        parameters=count_parameters(run / "best.safetensors"),
    )


def read_records(path: Path) -> list[dict]:
    """Read metrics.jsonl; a last line cut short by a kill is left out."""
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return records


def columns(records: list[dict], kind: str) -> Columns:
    """Turn the records of one kind into arrays."""
    chosen = [record for record in records if record["kind"] == kind]
    if not chosen:
        raise UserError(f"metrics.jsonl has no {kind} yet: train the classifier to the end")
    names = [name for name in chosen[0] if name != "kind"]
    return {name: np.array([record[name] for record in chosen]) for name in names}


def count_parameters(path: Path) -> int | None:
    """Count the trained numbers in a weights file by its header, without batch norm's averages."""
    if not path.exists():
        return None
    with safe_open(str(path), "numpy") as file:
        names = [name for name in file.keys() if not name.endswith(BUFFERS)]  # noqa: SIM118
        return sum(int(np.prod(file.get_slice(name).get_shape())) for name in names)


def read_scores(saved: Saved, faces: Path | None) -> Scored:
    """Read predictions.csv and check that it is of this evaluation and of this store."""
    path, evaluation = saved.folder / "predictions.csv", saved.evaluation
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    y = np.array([int(row["label"]) for row in rows])
    logit = np.array([float(row["logit"]) for row in rows])
    uncalibrated = metrics.sigmoid(logit)
    nll = evaluation["before_scaling"]["negative_log_likelihood"]["value"]
    found = metrics.negative_log_likelihood(y, uncalibrated)
    if len(rows) != evaluation["n"] or not np.isclose(found, nll, atol=1e-4):
        raise UserError(
            f"{path} is of another evaluation than evaluation.json: "
            f"run python recipes/evaluate_classifier.py --run {saved.folder} again"
        )
    store = FaceStore.open(faces or evaluation["faces"])
    indices = np.array([int(row["index"]) for row in rows])
    paths = [row["path"] for row in rows]
    if indices.max() >= len(store) or store.paths[indices].tolist() != paths:
        raise UserError(
            f"{path} is of other faces than those of {store.folder}: give their --faces"
        )
    people = store.identities[indices]
    alone = np.array([f"face {i}" for i in indices])
    weights = metrics.bootstrap_weights(len(y), np.where(people == "", alone, people))
    p = metrics.sigmoid(logit / evaluation["temperature"])
    return Scored(store, indices, y, uncalibrated, p, weights)


def flatten(content: dict, prefix: str = "") -> dict[str, Any]:
    """Turn nested dictionaries into one with dotted names."""
    flat = {}
    for name, value in content.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def in_words(value: Any) -> str:
    """Write a plain value: lists with commas, yes and no, a dash for nothing."""
    if isinstance(value, list):
        return ", ".join(map(in_words, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)


def show(figure: dict, digits: int = 3) -> str:
    """value [low, high]; without an interval, or undefined, where it is so."""
    if figure["value"] is None:
        return "undefined"
    value = f"{figure['value']:.{digits}f}"
    return f"{value} {figures.span(figure['low'], figure['high'], 1, digits)}".strip()


def by_class(counts: dict) -> str:
    """651 young, 290 old."""
    return ", ".join(f"{counts[name]:,} {name}" for name in CLASS_NAMES)


def sample_of(evaluation: dict) -> str:
    """Say which faces a figure of the evaluation shows, and how many."""
    classes = by_class(evaluation["n_by_class"])
    return f"{evaluation['split']} split, n = {evaluation['n']:,}: {classes}"


def summarise(saved: Saved, scored: Scored) -> list[str]:
    """Say in sentences what was measured, and what a trivial answer would reach."""
    e, n = saved.evaluation, saved.evaluation["n_by_class"]
    same = Path(saved.config["faces"]).resolve() == Path(e["faces"]).resolve()
    source = "the store it was trained on" if same else "another store than it was trained on"
    known = (scored.store.identities[scored.indices] != "").any()
    people = "persons" if known else "faces, as no identities are known"
    larger = max(n, key=lambda name: n[name])
    return [
        f"Measured on {e['n']:,} faces ({by_class(n)}): the {e['split']} split of {e['faces']}, "
        f"{source}; {'' if e['held_out'] else 'not '}held out.",
        f"Always answering “{larger}” has an accuracy of {n[larger] / e['n']:.3f} "
        "and a balanced accuracy of 0.500 here.",
        f"Brackets hold 95 % bootstrap intervals over {people}.",
    ]


def make_tiles(evaluation: dict) -> list[tuple[str, str, str]]:
    """The headline figures: name, value, interval."""
    chosen = {
        "balanced accuracy": evaluation["balanced_accuracy"],
        "AUC": evaluation["roc_auc"],
        "ECE before scaling": evaluation["before_scaling"]["expected_calibration_error"],
        "ECE after scaling": evaluation["expected_calibration_error"],
    }
    return [(name, *(show(e) + " ").split(" ", 1)) for name, e in chosen.items()]


def score_rows(evaluation: dict) -> list[tuple[str, str, str]]:
    """Every figure after and before temperature scaling; a dash where scaling changes nothing."""
    before = evaluation["before_scaling"]
    return [
        (title, show(evaluation[name]), show(before[name]) if name in before else "the same")
        for name, title in FIGURE_NAMES.items()
    ]


def training_pace(saved: Saved) -> tuple[int, float]:
    """Return steps per epoch, and the mean number of training faces in a step."""
    faces = sum(saved.data["counts"]["train"].values())
    steps = -(-faces // saved.config["batch_size"])
    return steps, faces / steps


def describe_training(saved: Saved) -> list[tuple[str, str]]:
    """How the classifier was trained: name and text."""
    config, best, counts = saved.config, saved.best, saved.data["counts"]
    _, per_step = training_pace(saved)
    steps = len(saved.steps["step"])
    seconds = per_step / saved.steps["images_per_second"]
    waiting = (saved.steps["waiting"] * seconds).sum() / seconds.sum()
    rule = SELECTION_RULES[config["select_by"]]
    parameters = "–" if saved.parameters is None else f"{saved.parameters:,}"
    machine = in_words(saved.environment["gpus"] or saved.environment["processor"])
    return [
        ("network", ", ".join(f"{k} {in_words(v)}" for k, v in config["model"].items())),
        ("parameters", parameters),
        ("training faces", f"{sum(counts['train'].values()):,} ({by_class(counts['train'])})"),
        ("validation faces", f"{sum(counts['val'].values()):,} ({by_class(counts['val'])})"),
        ("epochs", f"{len(saved.validation['epoch'])} of {config['epochs']}"),
        ("steps", f"{steps:,} of {per_step:.1f} faces; {steps * per_step:,.0f} faces seen"),
        (
            "best epoch",
            f"{best['epoch'] + 1} (step {best['step']:,}), by {rule}: "
            f"AUC {best['auc']:.3f}, balanced accuracy {best['balanced_accuracy']:.3f}, "
            f"NLL {best['nll']:.3f} nats",
        ),
        ("temperature", f"{best['temperature']:.3f}, fitted on the validation faces"),
        ("time in steps", f"{duration(seconds.sum())}, without validation and saving"),
        ("speed", f"{steps * per_step / seconds.sum():,.0f} faces/s on {machine}"),
        ("waiting for data", f"{100 * waiting:.2f} % of the time in steps"),
    ]


def duration(seconds: float) -> str:
    """Write a time with the unit that suits it."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"


def picture(
    name: str, sample: str, draw: Callable, alt: str, caption: str, height: float = figures.HEIGHT
) -> Picture:
    """Draw one figure; `sample` says which faces it shows and stands on it."""
    return Picture(name, figures.as_svg(draw, sample, height), f"{name} ({sample}). {alt}", caption)


def draw_sections(saved: Saved, scored: Scored) -> dict[str, list[Picture]]:
    """Draw all figures by section."""
    return {
        "Learning curves": draw_learning(saved),
        "Right and wrong": draw_errors(saved.evaluation, scored),
        "Probabilities": draw_probabilities(saved.evaluation, scored),
        "Groups of faces": draw_group_figures(saved.evaluation),
    }


def draw_learning(saved: Saved) -> list[Picture]:
    """Loss, learning rate and validation figures over the training."""
    per_epoch, per_step = training_pace(saved)
    counts, best = saved.data["counts"], saved.best
    train = f"train split, n = {sum(counts['train'].values()):,}: {by_class(counts['train'])}"
    val = f"validation split, n = {sum(counts['val'].values()):,}: {by_class(counts['val'])}"
    by_step = {
        "steps": saved.steps, "per_epoch": per_epoch, "per_step": per_step, "best": best["step"]
    }  # fmt: skip
    by_epoch = {
        "validation": saved.validation, "per_epoch": per_epoch * per_step, "best": best["epoch"]
    }  # fmt: skip
    block, loss = figures.block_length(len(saved.steps["step"])), saved.steps["loss"]
    smoothed = f"Means of {block} steps; the band holds their middle 80 %."
    if block == 1:
        smoothed = "Every step is shown."
    ranks = {"auc": "AUC", "balanced_accuracy": "balanced accuracy"}
    return [
        picture(
            "Training loss", train, partial(figures.draw_loss, **by_step),
            f"From {loss[:block].mean():.3f} to {loss[-block:].mean():.3f} nats.",
            f"{smoothed} Label smoothing {saved.config['label_smoothing']} is part of this loss.",
        ),
        picture(
            "Learning rate", train, partial(figures.draw_rate, **by_step),
            f"The highest is {saved.steps['learning_rate'].max():.2e}.",
            "Linear warm-up, then half a cosine.",
        ),
        picture(
            "Validation NLL", val,
            partial(figures.draw_validation, curves={"nll": "NLL (nats)"}, **by_epoch),
            f"{best['nll']:.3f} nats at the best epoch.",
            "Negative log-likelihood of the averaged weights after each epoch, before "
            "temperature scaling.",
        ),
        picture(
            "Validation AUC and balanced accuracy", val,
            partial(figures.draw_validation, curves=ranks, **by_epoch),
            f"AUC {best['auc']:.3f}, balanced accuracy {best['balanced_accuracy']:.3f} at the "
            "best epoch.",
            f"Of the same weights. The best epoch has the "
            f"{SELECTION_RULES[saved.config['select_by']]}.",
        ),
    ]  # fmt: skip


def draw_errors(evaluation: dict, scored: Scored) -> list[Picture]:
    """Confusion matrix and, with both classes present, the ROC curve."""
    y, p, sample = scored.y, scored.p, sample_of(evaluation)
    matrix, area = evaluation["confusion_matrix"], evaluation["roc_auc"]
    counts = [[matrix[f"true_{t}"][f"predicted_{q}"] for q in CLASS_NAMES] for t in CLASS_NAMES]
    shares = [
        [metrics.estimate(partial(share_predicted, y, p, t, q), scored.weights) for q in (0, 1)]
        for t in (0, 1)
    ]
    right = "; ".join(
        f"{counts[t][t]['value']:.0f} {name} faces right and {counts[t][1 - t]['value']:.0f} wrong"
        for t, name in enumerate(CLASS_NAMES)
    )
    pictures = [
        picture(
            "Confusion matrix", sample,
            partial(figures.draw_confusion, counts=counts, shares=shares), f"{right}.",
            "Faces with their 95 % interval; below, the share of the true class with its own.",
        )
    ]  # fmt: skip
    if area["value"] is not None:
        text = f"Area under the curve: {show(area)}."
        draw = partial(figures.draw_roc, y=y, p=p)
        caption = f"{text} Temperature scaling does not change the curve."
        pictures.append(picture("ROC curve", sample, draw, text, caption))
    return pictures


def share_predicted(
    y: np.ndarray, p: np.ndarray, true: int, predicted: int, weights: metrics.Weights = None
) -> np.ndarray:
    """Share of the faces of class `true` that are classified as `predicted`."""
    recall = metrics.recall(y, p, true, weights)
    return recall if true == predicted else 1 - recall


def draw_probabilities(evaluation: dict, scored: Scored) -> list[Picture]:
    """Margins by class, and reliability before and after temperature scaling."""
    y, sample, ece = scored.y, sample_of(evaluation), "expected_calibration_error"
    before, after = (
        figures.reliability_bins(y, p, scored.weights) for p in (scored.uncalibrated, scored.p)
    )
    then, now = show(evaluation["before_scaling"][ece]), show(evaluation[ece])
    means = "; ".join(
        f"{name}: mean {show(m['mean'])}, variance {show(m['variance'])}"
        for name, m in evaluation["margin"].items()
    )
    return [
        picture(
            "Margins", sample,
            partial(figures.draw_margins, y=y, margins=metrics.margin(y, scored.p)), f"{means}.",
            "p(label) − p(other) after scaling: 1 is sure and right, −1 sure and wrong. "
            f"Dashed, the means. {means[0].upper()}{means[1:]}.",
        ),
        picture(
            "Reliability", sample,
            partial(figures.draw_reliability, before=before, after=after),
            f"ECE {then} before and {now} after scaling.",
            f"Temperature {evaluation['temperature']:.3f}. ECE {then} before, {now} after "
            "scaling: the mean gap between accuracy and confidence over these bins, weighted by "
            "their faces. It is biased upwards on few faces.",
        ),
    ]  # fmt: skip


def draw_group_figures(evaluation: dict) -> list[Picture]:
    """Accuracy by age band and by gender, where they are known."""
    pictures = []
    for key, name in (("by_age", "Accuracy by age (years)"), ("by_gender", "Accuracy by gender")):
        groups = dict(sorted(evaluation[key].items(), key=lambda item: first_number(item[0])))
        if not groups:
            continue
        known = sum(group["n"] for group in groups.values())
        draw = partial(figures.draw_groups, groups=groups, overall=evaluation["accuracy"]["value"])
        in_groups = "; ".join(
            f"{k}: {show(g['accuracy'])}, n = {g['n']}" for k, g in groups.items()
        )
        caption = "95 % intervals. Balanced accuracy where a group has both classes."
        sample = f"{evaluation['split']} split, n = {known:,} with known {key.removeprefix('by_')}"
        height = 1.5 + 0.3 * len(groups)
        pictures.append(picture(name, sample, draw, in_groups + ".", caption, height))
    return pictures


def first_number(band: str) -> int:
    """Lower age of a band such as 24–26; 0 for other names, which keep their order."""
    head = band.partition("–")[0]
    return int(head) if head.isdigit() else 0


def make_galleries(scored: Scored, most: int) -> list[Gallery]:
    """The most confident right and wrong, and the least certain faces of each class."""
    margin = metrics.margin(scored.y, scored.p)
    right = (scored.p > 0.5) == scored.y
    kinds = {
        "most confident of {:,} right": (-margin, right),
        "most confident of {:,} wrong": (margin, ~right),
        "least certain of all {:,}": (np.abs(margin), np.ones_like(right)),
    }
    galleries = []
    for kind, (key, wanted) in kinds.items():
        order = np.argsort(key, kind="stable")
        for label, name in enumerate(CLASS_NAMES):
            rows = order[(wanted & (scored.y == label))[order]]
            title = f"{name}: {min(most, len(rows))} {kind.format(len(rows))}"
            galleries.append(Gallery(title, [show_face(scored, row) for row in rows[:most]]))
    return galleries


def show_face(scored: Scored, row: int) -> tuple[str, str, str]:
    """One face: data URI, what it is in words, caption."""
    number = int(scored.indices[row])
    pixels = Image.fromarray(np.asarray(scored.store.images[number]))
    pixels.thumbnail((EXAMPLE_PIXELS, EXAMPLE_PIXELS))
    buffer = BytesIO()
    pixels.save(buffer, "JPEG", quality=92, subsampling=0)
    age = scored.store.ages[number]
    years = "age unknown" if age == UNKNOWN_AGE else f"age {age}"
    p = f"p(old) {scored.p[row]:.3f}"
    what = f"{CLASS_NAMES[scored.y[row]]} face {number} of the store, {years}, {p}"
    uri = "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
    return uri, what, f"{p}\n{years}"


def commands(saved: Saved, store: FaceStore) -> list[list[str]]:
    """The commands that make the store, the run, its evaluation and this page, flag by flag."""
    evaluation = saved.evaluation
    asked = {k: v for k, v in store.info["request"].items() if k not in ("photos", "photos_sha256")}
    trained = {k: v for k, v in saved.config.items() if k not in ("resume", "dry_run")}
    wanted = {
        "prepare_faces": asked | {"out": evaluation["faces"]},
        "train_classifier": trained,
        "evaluate_classifier": {k: evaluation[k] for k in ("run", "faces", "split", "views")},
        "report_classifier": {"run": evaluation["run"]},
    }
    return [[f"python recipes/{name}.py", *quoted_flags(values)] for name, values in wanted.items()]


def quoted_flags(values: dict) -> list[str]:
    """Write each entry of a config as its flag with its values; what is not set needs none."""
    return [shlex.join(flag(k, v)) for k, v in flatten(values).items() if v is not None]


def flag(name: str, value: Any) -> list[str]:
    """``--name value``, ``--name a b`` or ``--no-name``; a dotted name negates its last part."""
    head, dot, last = name.replace("_", "-").rpartition(".")
    if isinstance(value, bool):
        return [f"--{head}{dot}{'' if value else 'no-'}{last}"]
    values = value if isinstance(value, list) else [value]
    return [f"--{head}{dot}{last}", *map(str, values)]
