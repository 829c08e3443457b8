"""Weights that come with the package: a folder each, with a model card."""

from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from agegen.run.errors import UserError
from agegen.run.files import read_json

Kind = Literal["classifier", "cyclegan"]

PRETRAINED = Path("pretrained")
"""The run that comes with the package, unless a folder of that name holds one.

As the folder of a training's FaceStore it says that the faces are not handed on.
"""


def find_run(run: Path, kind: Kind) -> Path:
    """The folder that a run's name means: for `PRETRAINED`, that of this kind within the package.

    Results go to the name itself, a folder where the command is called: never into the package.
    """
    if run == PRETRAINED and not (run / "config.json").exists():
        return Path(__file__).parents[1] / "pretrained" / kind
    return run


def require_run(run: Path, kind: Kind) -> Path:
    """The same, of a folder that does hold a run; else a UserError names what may be meant."""
    found = find_run(run, kind)
    if not (found / "config.json").exists():
        meant = guess_run(run, kind)
        remedy = f"; {meant} is one" if meant else ""
        lack = "no config.json" if run.is_dir() else "it does not exist"
        raise UserError(f"{run} is not a run folder ({lack}){remedy}")
    return found


def guess_run(run: Path, kind: Kind) -> Path | None:
    """The run of this kind inside a folder, or what is spelt nearly so; None where none is."""
    if (run / kind / "config.json").exists():
        return run / kind
    if get_close_matches(str(run), [str(PRETRAINED)], cutoff=0.85):
        return PRETRAINED
    if run.exists():
        return None
    beside = [at.parent.name for at in run.parent.glob("*/config.json") if kind_of(at) == kind]
    near = get_close_matches(run.name, beside, cutoff=0.75)
    return run.parent / near[0] if near else None


def kind_of(config: Path) -> Kind | None:
    """What a run's config.json is of; None if it is of no run."""
    try:
        saved = read_json(config)["config"]
    except (UserError, KeyError, TypeError):
        return None
    return "cyclegan" if "generator" in saved else "classifier"


def require_record(run: Path, kind: Kind) -> None:
    """Refuse what comes with the package where the record of a training is needed.

    So is a folder that holds no run where another is likely to be meant.
    """
    if guess_run(run, kind):
        require_run(run, kind)
    if find_run(run, kind) != run:
        raise UserError(
            f"--run {run}: the weights that come with the package have no record of their "
            "training: name a run of your own"
        )
