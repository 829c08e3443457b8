"""The model card of a packed run: README.md, whose YAML head the Hugging Face Hub reads."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from agegen.classifier.evaluate import describe as describe_classifier
from agegen.classifier.evaluate_ages import describe_ages
from agegen.cyclegan.translate import BEST, LAST, read_strength
from agegen.evaluation.text import describe as describe_generators
from agegen.run.configs import read_config
from agegen.run.errors import UserError
from agegen.run.files import explained_damage, read_json, read_metrics, sha256
from agegen.run.pretrained import IN_WORDS, Kind, kind_of

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

FILE = "README.md"
TASKS: dict[Kind, str] = {"classifier": "image-classification", "cyclegan": "image-to-image"}
TAGS: dict[Kind, list[str]] = {
    "classifier": ["agegen", "age-classification", "faces"],
    "cyclegan": ["agegen", "face-ageing", "cyclegan", "faces"],
}
METRICS = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "roc_auc": "ROC AUC"}
USE: dict[Kind, str] = {
    "classifier": "agegen classify --run hf://USER/NAME photo.jpg",
    "cyclegan": "agegen translate --run hf://USER/NAME --to old photo.jpg",
}
LIMITS: dict[Kind, str] = {
    "classifier": "It says how old a face looks, as the faces of its training have taught it, with "
    "whatever else differs between their young and old. A face unlike them gets an answer too.",
    "cyclegan": "They show how the old and the young faces of their training differ, in cameras "
    "and make-up too. They do not know how a given person will age.",
}


def make_card(
    run: Path,
    name: str,
    terms: str,
    datasets: tuple[str, ...] = (),
    weights: str | None = None,
) -> str:
    """Say what a run is: its use, training, figures and limits.

    Args:
        run: folder of a training; its evaluation.json is quoted, if it has one.
        name: what the model is called.
        terms: identifier of a licence, as the Hub lists them.
        datasets: what it was trained on, by their names on the Hub.
        weights: which generators are handed on; None takes the best if any were chosen.

    Returns:
        Markdown below a YAML head.

    Raises:
        UserError: a file of the run is missing or damaged, or its figures are not of what is
            handed on.
    """
    from huggingface_hub import ModelCardData

    saved, kind = read_config(run), kind_of(run / "config.json")
    assert kind  # as its config is whole
    found = read_evaluation(run, kind, weights)
    results = measured(found, datasets) if kind == "classifier" else []
    head = ModelCardData(
        license=terms,
        library_name="agegen",
        pipeline_tag=TASKS[kind],
        tags=TAGS[kind],
        datasets=list(datasets) or None,
        metrics=[result.metric_type for result in results] or None,
        model_name=name if results else None,
        eval_results=results or None,
    )
    with explained_damage(run / "config.json"):
        training = describe_training(run, saved, datasets, kind)
    with explained_damage(run / "evaluation.json"):
        figures = describe_figures(found, kind)
    return f"""---
{head.to_yaml()}
---

# {name}

This is {IN_WORDS[kind]} of young and old faces, made with agegen, in half precision.

## Use

```
{USE[kind]}
```

USER/NAME is what this page is called. A copy of the folder can be named as `--run`, too.

## Training

{training} `config.json` has every setting.

## Figures

{figures}

## Limits

{LIMITS[kind]} The figures hold for faces such as they were measured on.

## Intended use

Research and teaching, within the terms of the data that it was trained on. Not for identifying
anybody, verifying ages, deciding about people, or pictures of people who did not agree to it.
"""


def read_evaluation(run: Path, kind: Kind, weights: str | None) -> dict[str, Any]:
    """The figures that a run holds; empty if it was not evaluated.

    Raises:
        UserError: they are damaged, or not of what is handed on.
    """
    path = run / "evaluation.json"
    if not path.exists():
        return {}
    found = read_json(path)
    with explained_damage(path):
        if kind == "cyclegan":
            differs = difference(found, run, weights)
        else:
            fits = found["temperature"] == read_json(run / "best.json")["temperature"]
            differs = "" if fits else "other weights than those handed on"
    if differs:
        raise UserError(f"{path} is of {differs}: evaluate these")
    return found


def difference(found: dict[str, Any], run: Path, weights: str | None) -> str:
    """What figures of generators are of, where that is not what is handed on; else ""."""
    name = weights or (BEST if (run / f"{BEST}.safetensors").exists() else LAST)
    if found["weights"] != name:
        return "other weights than those handed on"
    if not (path := run / f"{name}.safetensors").exists():
        raise UserError(f"{run} has no {path.name}: train it first")
    # an earlier version's evaluation does not know the weights' checksum
    if "generators" in found and found["generators"] != sha256(path):
        return "other weights than those handed on"
    if found["checksum"] != read_config(run)["data"]["checksum"]:
        return "other faces than those of the run"
    if found["strength"] != read_strength(run, name):
        return "other strengths than those handed on"
    return ""


def measured(found: dict[str, Any], datasets: tuple[str, ...]) -> "list[EvalResult]":
    """A classifier's main figures as the Hub shows them beside a model."""
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type=TASKS["classifier"],
            dataset_type=datasets[0] if datasets else "faces",
            dataset_name=", ".join(datasets) or "faces",
            dataset_split=found["split"],
            metric_type=metric,
            metric_name=f"{name}, n = {found['n']:,}, 95 % interval {low:.3f} to {high:.3f}",
            metric_value=round(value, 4),
        )
        for metric, name in METRICS.items()
        for value, low, high in [[found.get(metric, {}).get(k) for k in ("value", "low", "high")]]
        if None not in (value, low, high)
    ]


def describe_training(
    run: Path, saved: dict[str, Any], datasets: tuple[str, ...], kind: Kind
) -> str:
    """On what it was trained, for how long and on what machine."""
    config, faces = saved["config"], saved["data"]["counts"]["train"]
    by_class = ", ".join(f"{n:,} {name}" for name, n in faces.items())
    said = f"On {by_class} faces" + (f" of {', '.join(datasets)}" if datasets else "")
    steps = [record for record in read_metrics(run / "metrics.jsonl") if record["kind"] == "step"]
    batch, pace = config["batch_size"], "pairs_per_second"
    if kind == "classifier":
        batch, pace = min(batch, sum(faces.values())), "images_per_second"
    if steps:
        seconds = sum(batch / record[pace] for record in steps)
        took = f"{seconds / 60:,.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
        said += f"; {len(steps):,} steps of {batch}, {took}"
        machine = read_json(run / "environment.json")
        said += " on " + (", ".join(machine["gpus"]) or f"CPU ({machine['processor']})")
    begun = config.get("start_from")
    return f"{said}.{' It began with the weights of another training.' if begun else ''}"


def describe_figures(found: dict[str, Any], kind: Kind) -> str:
    """The lines that its evaluation prints, with intervals and numbers of faces."""
    if not found:
        return "It was not evaluated."
    if kind == "cyclegan":
        # why something was not measured may name a path of this machine
        notes = {k: v for k, v in found["notes"].items() if not v.startswith("not measured")}
        text = "\n".join(describe_generators({**found, "notes": notes}))
        seen = ""
    else:
        parts = [describe_classifier(found)]
        parts += [describe_ages(found["ages"])] if found.get("ages") else []
        text = "\n".join(parts)
        seen = "" if found["held_out"] else ", which are not all held out"
    return f"On faces of the {found['split']} split{seen}, with 95 % intervals:\n\n```\n{text}\n```"
