"""Weights that were handed on, with the package or by the Hub: a folder each, with a model card."""

from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from agegen.run.errors import UserError
from agegen.run.files import read_json
from agegen.run.hub import as_typed, download, is_address, read_address

Kind = Literal["classifier", "cyclegan"]
IN_WORDS: dict[Kind, str] = {"classifier": "a classifier", "cyclegan": "a CycleGAN"}

PRETRAINED = Path("pretrained")
"""The run that comes with the package, unless a folder of that name holds one.

As the folder of a training's FaceStore it says that the faces are not handed on.
"""


def find_run(run: Path, kind: Kind) -> Path:
    """The folder that a run's name means.

    For `PRETRAINED` that of this kind within the package, for hf://user/name what is downloaded.
    Results go to `results_of` the name: never into the package or the cache.

    Raises:
        UserError: what lies at an address cannot be had, or is of the other kind.
    """
    if is_address(run):
        address = read_address(run)
        found = download(address)
        if kind_of(found / "config.json") != kind:
            raise UserError(f"{address} is not {IN_WORDS[kind]}")
        return found
    if run == PRETRAINED and not (run / "config.json").exists():
        return Path(__file__).parents[1] / "pretrained" / kind
    return run


def results_of(run: Path) -> Path:
    """Where a run's results go: into it; for hf://user/name a folder ``name``, here."""
    return Path(read_address(run).repository.split("/")[1]) if is_address(run) else run


def require_run(run: Path, kind: Kind) -> Path:
    """The same, of a folder that does hold a run of this kind.

    Raises:
        UserError: it holds none, and what may be meant; or one of the other kind.
    """
    found = find_run(run, kind)
    if not (found / "config.json").exists():
        meant = guess_run(run, kind)
        remedy = f"; {meant} is one" if meant else ""
        lack = "no config.json" if run.is_dir() else "it does not exist"
        raise UserError(f"{run} is not a run folder ({lack}){remedy}")
    if kind_of(found / "config.json") not in (kind, None):  # None: loading it says what is damaged
        raise UserError(f"{as_typed(run)} is not the run of {IN_WORDS[kind]}")
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
        return "cyclegan" if "generator" in read_json(config)["config"] else "classifier"
    except (UserError, KeyError, TypeError):
        return None


def require_record(run: Path, kind: Kind) -> None:
    """Refuse what was handed on where the record of a training is needed.

    So is a folder that holds no run where another is likely to be meant.
    """
    if guess_run(run, kind):
        require_run(run, kind)
    if is_address(run) or find_run(run, kind) != run:
        raise UserError(
            f"--run {as_typed(run)}: weights that were handed on have no record of their training: "
            "name a run of your own"
        )
