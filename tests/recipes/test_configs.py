"""Every shipped config file is one that its recipe takes; the file's name says which recipe."""

import runpy
import tomllib
from pathlib import Path

import pytest
import tyro

from agegen.run import cli
from agegen.run.commands import to_flags

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "recipes" / "configs"
CONFIGS = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.json"))


def config_type(name: str, monkeypatch: pytest.MonkeyPatch) -> type:
    """The dataclass of the one recipe that a config is for: train_classifier or train_cyclegan."""
    (kind,) = (kind for kind in ("classifier", "cyclegan") if kind in Path(name).stem)
    found: list[type] = []
    monkeypatch.setattr(cli, "run_recipe", lambda settings, *_: found.append(settings))
    runpy.run_path(str(ROOT / "recipes" / f"train_{kind}.py"), run_name="__main__")
    return found[0]


@pytest.mark.parametrize("name", CONFIGS)
def test_the_recipe_takes_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = config_type(name, monkeypatch)
    preset, rest = cli.split_preset(["--config", str(FOLDER / name), "--faces", "a", "--out", "b"])
    given = [flag for key, value in preset.items() for flag in to_flags(key, value)]
    config = tyro.cli(settings, args=given + rest, console_outputs=False)
    assert config != settings(Path("a"), Path("b"))  # it sets something


def test_every_config_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["agegen.recipes"]
    shipped = {path for p in patterns for path in (ROOT / "recipes").glob(p)}
    assert {FOLDER / name for name in CONFIGS} - shipped == set()
