"""The house's direction of imports, and a light `import agegen`."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "agegen"
ROOMS = [  # each knows itself and those before it
    "run", "metrics", "faces", "drawn", "classifier", "analysis", "evaluation", "cyclegan",
    "photos", "app", "benchmark", "machine",
]  # fmt: skip
OF_EVALUATION = {"agegen.evaluation.alarm_limits", "agegen.evaluation.verdicts"}
MAY_IMPORT = {room: set(ROOMS[: number + 1]) for number, room in enumerate(ROOMS)} | {
    "report": {"evaluation", "faces", "metrics", "report", "run"},
    "__main__": {"__version__", "run"},
    "demo": {"__main__", "run"},
}


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


def test_the_report_knows_of_judging_only_limits_and_verdicts() -> None:
    for path in (PACKAGE / "report").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            module = getattr(node, "module", None) or ""
            if isinstance(node, ast.ImportFrom) and module.startswith("agegen.evaluation"):
                assert module in OF_EVALUATION, path


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("agegen", ["torch", "matplotlib", "PIL", "numpy"]),
        ("agegen.faces.prepare", ["torch", "matplotlib"]),
        ("agegen.drawn.synthetic", ["torch", "matplotlib"]),
        ("agegen.metrics", ["torch", "matplotlib"]),
        ("agegen.classifier.evaluate", ["torch", "matplotlib"]),
        ("agegen.report.classifier.page", ["torch", "matplotlib"]),
        ("agegen.report.cyclegan.page", ["torch", "matplotlib"]),
        ("agegen.report.evaluation.page", ["torch", "matplotlib"]),
        ("agegen.app.serve", ["torch", "gradio"]),
        ("agegen.classifier.train", ["matplotlib", "torchvision"]),
        ("agegen.photos.evaluate_pairs", ["matplotlib", "torchvision", "captum"]),
    ],
)
def test_importing_loads_no_more_than_needed(module: str, forbidden: list[str]) -> None:
    code = f"import sys, {module}; print([m for m in {forbidden} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr


def setuptools_settings() -> dict:
    text = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["tool"]["setuptools"]


def test_users_type_checkers_see_the_hints() -> None:
    assert (PACKAGE / "py.typed").is_file()
    assert "py.typed" in setuptools_settings()["package-data"]["agegen"]


def test_every_folder_of_the_package_is_installed() -> None:
    folders = {path.parent.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("*.py")}
    listed = setuptools_settings()["packages"]
    assert sorted(listed) == sorted([*(".".join(f.parts) for f in folders), "agegen.recipes"])


def test_every_file_that_a_package_reads_is_installed() -> None:
    data = setuptools_settings()["package-data"]
    folders = {"agegen.recipes": PACKAGE.parent / "recipes"}
    installed = {
        path
        for package, patterns in data.items()
        for pattern in patterns
        for path in folders.get(package, PACKAGE.parent / package.replace(".", "/")).glob(pattern)
    }
    found = {p for folder in (PACKAGE, *folders.values()) for p in folder.rglob("*") if p.is_file()}
    assert {p for p in found if p.suffix not in (".py", ".pyc")} <= installed
