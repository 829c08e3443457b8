"""Configs: dataclasses as plain JSON, and back."""

import json
from dataclasses import MISSING, asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import dacite

from agegen.run.errors import UserError
from agegen.run.files import explained_damage, read_json

Config = TypeVar("Config")


def to_plain(config: Any) -> dict:
    """Turn a config into plain JSON types."""
    return json.loads(json.dumps(asdict(config), default=str))


def from_plain(config_type: type[Config], content: dict, where: Path) -> Config:
    """Build a config from plain JSON types, refusing unknown names and wrong types.

    Raises:
        UserError: naming the file and the field.
    """
    rules = dacite.Config(cast=[Path, tuple], type_hooks={float: float}, strict=True)
    try:
        return dacite.from_dict(config_type, content, rules)
    except (dacite.DaciteError, TypeError, ValueError) as error:
        raise UserError(f"{where}: {error}") from None


def read_config(run: Path) -> dict:
    """Read a run's config.json: ``config``, and ``data``, the facts of its faces.

    Raises:
        UserError: it is missing or damaged.
    """
    path = run / "config.json"
    saved = read_json(path)
    with explained_damage(path):
        for names in (saved["config"], saved["data"]):
            if not isinstance(names, dict):
                raise TypeError(f"{names!r} where names are expected")
    return saved


def defaults_of(config: Any) -> dict:
    """The defaults of a config's fields, as plain JSON types; fields without one are left out.

    Those of a field that is a config itself are that one's own, as `from_plain` fills them in.
    """
    fresh = {}
    for entry in fields(config):
        if entry.default is not MISSING:
            fresh[entry.name] = entry.default
        elif entry.default_factory is not MISSING:
            made = entry.default_factory()
            nested = is_dataclass(made) and not isinstance(made, type)
            fresh[entry.name] = defaults_of(made) if nested else made
    return json.loads(json.dumps(fresh, default=str))
