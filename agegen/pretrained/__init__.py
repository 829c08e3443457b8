"""Weights that come with the package: a folder each, with a model card."""

from pathlib import Path
from typing import Literal

from agegen.errors import UserError

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
        return Path(__file__).parent / kind
    return run


def require_record(run: Path, kind: Kind) -> None:
    """Refuse what comes with the package where the record of a training is needed.

    Raises:
        UserError: the run is `PRETRAINED`, and no folder of that name holds one.
    """
    if find_run(run, kind) != run:
        raise UserError(
            f"--run {run}: the weights that come with the package have no record of their "
            "training: name a run of your own"
        )
