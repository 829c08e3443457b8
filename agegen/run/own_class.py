"""A user's own class or object, named in a config as ``package.module:Name``."""

import importlib
import sys
import traceback
from pathlib import Path
from typing import Any

from agegen.run.errors import UserError
from agegen.run.files import sha256


def is_own(name: str) -> bool:
    """Whether a name in a config is ``package.module:Name`` rather than one of ours."""
    return ":" in name


def import_own(name: str, flag: str, otherwise: str) -> Any:
    """Import ``package.module:Name``, looked for in the current folder too.

    Args:
        name: what the user wrote.
        flag: the flag it was written after, without its dashes.
        otherwise: what else the flag takes, in words.

    Raises:
        UserError: there is no such thing, or its file cannot be imported.
    """
    module, _, own = name.partition(":")
    wrong = f"--{flag} {name} is not {otherwise}, nor an importable module:Name"
    if not module or not own or module.startswith("."):
        raise UserError(f"{wrong} (the class Net of my_file.py is my_file:Net)")
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        found = importlib.import_module(module)
    except Exception as error:  # whatever the user's code raises
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing and f"{module}.".startswith(f"{missing}."):  # not what its code looks for
            raise UserError(f"{wrong} ({error}, in {Path.cwd()} neither)") from None
        raise UserError(f"--{flag} {name}: {explain(error)}") from error
    try:
        return getattr(found, own)
    except AttributeError as error:
        raise UserError(f"{wrong} ({error})") from None


def explain(error: BaseException) -> str:
    """Say in one line what a user's code raised, and in which line of which file."""
    lines = str(error).splitlines()
    said = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    theirs = [at for at in traceback.extract_tb(error.__traceback__) if is_theirs(at.filename)]
    return f"{theirs[-1].filename}, line {theirs[-1].lineno}: {said}" if theirs else said


def is_theirs(file: str) -> bool:
    """Whether a file is neither Python's, nor an installed package's, nor one of ours."""
    if file.startswith("<"):
        return False
    path = Path(file)
    inside = [Path(module).parents[1] for module in (importlib.__file__, __file__)]
    return "site-packages" not in path.parts and not any(path.is_relative_to(f) for f in inside)


def checksums(names: list[str]) -> dict[str, str]:
    """SHA-256 of the files that own classes lie in, by what it is of; ours are left out."""
    found = {}
    for name in filter(is_own, names):
        file = getattr(sys.modules.get(name.partition(":")[0]), "__file__", None)
        if file and Path(file).is_file():
            found[f"SHA-256 of the file of {name}"] = sha256(Path(file))
    return found
