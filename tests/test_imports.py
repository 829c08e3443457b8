"""The house's direction of imports, and a light `import agegen`."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "agegen"
MAY_IMPORT = {
    "__main__": {"__version__", "commands"},
    "demo": {"__main__", "errors"},
    "pretrained": {"errors", "files"},
    "errors": set(),
    "alarm_limits": set(),
    "verdicts": set(),
    "files": {"errors", "outputs"},
    "outputs": {"errors"},
    "progress": set(),
    "allocator": set(),
    "metrics": set(),
    "commands": set(),
    "cli": {"commands", "errors", "files", "terminal"},
    "terminal": set(),
    "configs": {"errors", "files"},
    "tensor_files": {"errors", "files"},
    "runs": {"configs", "errors", "files", "outputs", "tensor_files", "trackers"},
    "trackers": {"configs", "errors", "files"},
    "faces": {"devices", "distributed", "errors", "files", "outputs", "progress", "faces"},
    "start_run": {"errors", "files", "pretrained", "runs"},
    "distributed": {"errors", "runs"},
    "own_class": {"errors", "files"},
    "devices": {"errors"},
    "averaging": set(),
    "schedule": {"distributed"},
    "classifier": {
        "allocator", "averaging", "classifier", "configs", "devices", "distributed", "errors",
        "faces", "files", "metrics", "outputs", "own_class", "pretrained", "progress", "runs",
        "schedule", "start_run", "tensor_files", "terminal", "trackers",
    },
    "analysis": {
        "analysis", "classifier", "distributed", "errors", "faces", "files", "metrics",
        "pretrained", "progress", "runs", "tensor_files", "configs", "devices",
    },
    "cyclegan": {
        "alarm_limits", "allocator", "averaging", "configs", "cyclegan", "devices", "distributed",
        "errors", "faces", "files", "judges", "metrics", "own_class", "perceptual", "pretrained",
        "progress", "runs", "schedule", "start_run", "tensor_files", "terminal", "trackers",
        "verdicts",
    },
    "perceptual": {"errors", "tensor_files"},
    "benchmark": {
        "benchmark", "classifier", "configs", "cyclegan", "devices", "errors", "faces", "files",
        "runs",
    },
    "machine": {
        "benchmark", "classifier", "configs", "cyclegan", "devices", "errors", "faces", "files",
        "machine", "outputs", "runs",
    },
    "judges": {
        "analysis", "classifier", "devices", "errors", "faces", "judges", "metrics", "perceptual",
    },
    "report": {
        "alarm_limits", "cli", "configs", "errors", "faces", "files", "metrics", "pretrained",
        "report", "verdicts",
    },
}  # fmt: skip


def rooms_imported(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "agegen":
            rooms |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("agegen."):
            rooms.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            rooms |= {a.name.split(".")[1] for a in node.names if a.name.startswith("agegen.")}
    return rooms


def modules() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if p.parent != PACKAGE or p.stem != "__init__")


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_in_one_direction(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert rooms_imported(path) <= MAY_IMPORT[room]


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("agegen", ["torch", "matplotlib", "PIL", "numpy"]),
        ("agegen.faces.prepare", ["torch", "matplotlib"]),
        ("agegen.faces.synthetic", ["torch", "matplotlib"]),
        ("agegen.metrics", ["torch", "matplotlib"]),
        ("agegen.classifier.evaluate", ["torch", "matplotlib"]),
        ("agegen.report.classifier_page", ["torch", "matplotlib"]),
        ("agegen.report.cyclegan_page", ["torch", "matplotlib"]),
        ("agegen.report.evaluation_page", ["torch", "matplotlib"]),
        ("agegen.classifier.train", ["matplotlib", "torchvision"]),
    ],
)
def test_importing_loads_no_more_than_needed(module: str, forbidden: list[str]) -> None:
    code = f"import sys, {module}; print([m for m in {forbidden} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr


def test_users_type_checkers_see_the_hints() -> None:
    assert (PACKAGE / "py.typed").is_file()
    settings = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    assert "py.typed" in settings["tool"]["setuptools"]["package-data"]["agegen"]
