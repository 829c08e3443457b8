"""The run whose weights a training starts from, if not from chance; it is only read.

Its weights are read when a training begins. From the first checkpoint on, which a training that
starts so writes before its first step, they are not needed any more.
"""

from dataclasses import fields
from pathlib import Path
from typing import NamedTuple, TypeVar

from agegen.run.commands import to_flags
from agegen.run.errors import UserError
from agegen.run.files import read_json, sha256
from agegen.run.folder import Run
from agegen.run.hub import as_typed
from agegen.run.pretrained import IN_WORDS, Kind, find_run, kind_of, require_run

Network = TypeVar("Network")


class Origin(NamedTuple):
    """Where a training's networks come from."""

    run: Path  # that holds them; the training's own where it goes on from a checkpoint
    named: Path  # what config.json calls the start: a full path, or what was handed on
    under_way: bool  # whether the training goes on from a checkpoint


def find_origin(start_from: Path | None, out: Path, resume: bool, kind: Kind) -> Origin | None:
    """The run that a training starts from; None where it starts, or started, from chance.

    A training that is resumed keeps the start that it was begun with, wherever that is now.

    Raises:
        UserError: the start is no run of this kind, or `out` lies in it.
    """
    begun = start_of(out) if resume and (out / "config.json").exists() else None
    named = begun or start_from
    if named is None:
        return None
    if begun and Run(out).checkpoints():
        return Origin(out, named, True)
    run = find_run(named, kind).resolve()
    if out.resolve().is_relative_to(run):
        raise UserError(f"--out {out} is the run of --start-from, or lies in it: choose another")
    require_run(named, kind)
    if kind_of(run / "config.json") != kind:
        read_json(run / "config.json")  # a damaged one says so
        raise UserError(f"--start-from {as_typed(named)} is not the run of {IN_WORDS[kind]}")
    return Origin(run, run if run == named.resolve() else named, False)


def start_of(out: Path) -> Path | None:
    """What config.json says that a run was started from."""
    saved = read_json(out / "config.json")
    config = saved.get("config") if isinstance(saved, dict) else None
    named = config.get("start_from") if isinstance(config, dict) else None
    return Path(named) if isinstance(named, str) else None


def adopted(asked: Network, default: Network, found: Network, flag: str, origin: Origin) -> Network:
    """The settings of a network that starts from the weights of another: those found there.

    Settings as the flags ask for; the default ones ask for nothing.

    Raises:
        UserError: other settings were asked for; a resumed training is refused elsewhere.
    """
    if asked == default:
        return found
    names = [f.name for f in fields(asked)]  # type: ignore[arg-type]
    differs = [name for name in names if getattr(asked, name) != getattr(found, name)]
    if differs and not origin.under_way:
        flags = [" ".join(to_flags(f"{flag}.{name}", getattr(found, name))) for name in differs]
        raise UserError(
            f"--start-from {as_typed(origin.named)}: the weights are those of {', '.join(flags)}: "
            f"give these, or leave all of --{flag} out"
        )
    return asked


def checksums(*files: Path) -> dict:
    """What config.json keeps of the weights that were started from, by the name of their file."""
    return {"start": {f"SHA-256 of {file.name}": sha256(file) for file in files}}
