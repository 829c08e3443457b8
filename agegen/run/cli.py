"""What every recipe does around its one function call: parse a config, report mistakes plainly."""

import io
import os
import sys
from argparse import ArgumentError, ArgumentParser
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TypeVar

import tyro

from agegen.run.commands import as_commands, called, to_flags
from agegen.run.errors import UserError
from agegen.run.files import read_json
from agegen.run.terminal import Terminated, readable_streams, stopped_by_sigterm

Config = TypeVar("Config")
Result = TypeVar("Result")


def run_recipe(
    config_type: type[Config], function: Callable[[Config], Result], description: str | None = None
) -> Result:
    """Build a config from the command line and call `function` with it.

    The help text is the recipe's docstring, followed by every field's. ``--config FILE`` names a
    JSON file with the values that differ from the defaults; flags still override it. A `UserError`
    ends the process with status 2 and its one sentence, without a traceback; Ctrl-C with 130 and
    SIGTERM with 143, and with what goes on where it stopped: the config's `goes_on`, or its flag
    --resume. Nothing that is printed has control characters.
    Run as ``agegen COMMAND``, help and sentences name commands where they name recipes.
    """
    command = called.get()
    say = as_commands if command else str
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name the terminal cannot show stops nothing
            stream.reconfigure(errors="backslashreplace")
    with readable_streams(), stopped_by_sigterm():
        try:
            return function(parse(config_type, say, f"{description}", command))
        except UserError as error:
            print(f"error: {' '.join(say(str(error)).splitlines())}", file=sys.stderr)
            sys.exit(2)
        except KeyboardInterrupt as error:
            remedy = "go on with --resume" if hasattr(config_type, "resume") else ""
            remedy = getattr(config_type, "goes_on", remedy)
            print(f"stopped: {remedy}" if remedy else "stopped", file=sys.stderr)
            sys.exit(143 if isinstance(error, Terminated) else 130)
        except BrokenPipeError:  # the reader of our output has left (`| head`)
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)


def parse(
    config_type: type[Config], say: Callable[[str], str], description: str, command: str | None
) -> Config:
    """Build a config from the command line and from the file of ``--config``."""
    preset, arguments = split_preset(sys.argv[1:])
    require_known(preset, config_type)
    given = [flag for name, value in preset.items() for flag in to_flags(name, value)]
    require_filled(given + arguments)
    hint = "--config FILE reads settings from a JSON file; flags override it."
    prog = f"agegen {command}" if command else None
    description = say(f"{description}\n{hint}")
    return tyro.cli(config_type, prog=prog, args=given + arguments, description=description)


def split_preset(arguments: list[str]) -> tuple[dict, list[str]]:
    """Take ``--config FILE`` out of the arguments and read the file."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--config", type=Path)
    try:
        found, rest = parser.parse_known_args(arguments)
    except ArgumentError:
        raise UserError("--config needs a JSON file") from None
    preset = read_json(found.config) if found.config else {}
    if not isinstance(preset, dict):
        raise UserError(f"--config {found.config} holds no settings: expected {{name: value}}")
    return preset, rest


def require_known(preset: dict, config_type: type) -> None:
    """Refuse a preset that was made for another recipe."""
    known = {field.name for field in fields(config_type)} | {"lr"}  # --lr, of both trainings
    names = {name: name.replace("-", "_").split(".")[0].removeprefix("no_") for name in preset}
    unknown = [name for name, field in names.items() if field not in known]
    if unknown:
        lacks = f"settings that this recipe lacks: {', '.join(unknown)}"
        raise UserError(f"the file of --config has {lacks}")


def require_filled(arguments: list[str]) -> None:
    """Refuse empty values, as ``--out "$OUT"`` has where OUT is not set: as a path it is here."""
    for flag, argument in zip(["", *arguments], arguments, strict=False):
        name, equals, value = argument.partition("=")
        if not argument.strip() or (name.startswith("--") and equals and not value.strip()):
            named = (name if equals else flag) or "an argument"
            raise UserError(f"{named} is empty: is a variable of the shell not set?")
