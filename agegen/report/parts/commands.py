"""The commands that make a page again, from the store on."""

import shlex

from agegen.faces.store import FaceStore
from agegen.report.parts.saved_run import SavedRun
from agegen.run.commands import to_flags
from agegen.run.files import flatten

EVALUATION_DEFAULTS = {"resamples": 1000, "seed": 0}


def list_commands(saved: SavedRun, store: FaceStore) -> list[list[str]]:
    """The commands for the store, the run, its evaluation and this page, flag by flag."""
    evaluation = saved.evaluation
    asked = {k: v for k, v in store.info["request"].items() if k not in ("photos", "photos_sha256")}
    trained = {k: v for k, v in saved.config.items() if k not in ("resume", "dry_run")}
    evaluated = {k: evaluation[k] for k in ("run", "faces", "split", "views")}
    evaluated |= {k: evaluation[k] for k, v in EVALUATION_DEFAULTS.items() if evaluation[k] != v}
    wanted = {
        "prepare_faces": asked | {"out": evaluation["faces"]},
        "train_classifier": trained,
        "evaluate_classifier": evaluated,
        "report_classifier": {"run": evaluation["run"]},
    }
    return write_commands(wanted, saved.environment)


def write_commands(wanted: dict[str, dict], environment: dict) -> list[list[str]]:
    """The recipes' commands, each with its config, in parts; what is not set needs no flag."""
    return [
        [
            *start(recipe, environment),
            *(shlex.join(to_flags(k, v)) for k, v in flatten(values).items() if v is not None),
        ]
        for recipe, values in wanted.items()
    ]


def start(recipe: str, environment: dict) -> list[str]:
    """What starts the recipe; a training, in as many processes as it had."""
    processes, file = environment.get("processes", 1), f"recipes/{recipe}.py"
    if not recipe.startswith("train_"):
        return [f"python {file}"]
    if processes == 1:
        return ["accelerate launch", file]
    if environment["gpus"]:
        return ["accelerate launch", "--multi_gpu", f"--num_processes {processes}", file]
    return ["ACCELERATE_USE_CPU=1 torchrun", f"--nproc_per_node {processes}", file]
