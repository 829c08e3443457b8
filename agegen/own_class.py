"""A user's own class or object, named in a config as ``package.module:Name``."""

import importlib
import sys
from pathlib import Path
from typing import Any

from agegen.errors import UserError


def import_own(name: str, flag: str, otherwise: str) -> Any:
    """Import ``package.module:Name``, looked for in the current folder too.

    Args:
        name: what the user wrote.
        flag: the flag it was written after, without its dashes.
        otherwise: what else the flag takes, in words.

    Raises:
        UserError: there is no such thing.
    """
    module, _, own = name.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        return getattr(importlib.import_module(module), own)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(
            f"--{flag} {name} is not {otherwise}, nor an importable module:Name ({error})"
        ) from None
