"""The recipes as where the extra `photos` is not installed."""

import subprocess
import sys

from photos import REPOSITORY, environment

CODE = (
    "import runpy, sys; sys.modules['dlib'] = None; sys.argv = sys.argv[1:]; "
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)


def recipe_without_extra(name: str, *arguments: object) -> subprocess.CompletedProcess:
    """Run a recipe in a process that cannot import dlib."""
    file = REPOSITORY / "recipes" / f"{name}.py"
    return subprocess.run(
        [sys.executable, "-c", CODE, str(file), *map(str, arguments)],
        cwd=REPOSITORY,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=120,
    )
