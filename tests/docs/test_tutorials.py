"""The code of every tutorial is run on drawn faces, in the order of its page."""

import ast
import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import pytest

from agegen.classifier.evaluate_run import evaluate_run
from agegen.demo import CYCLEGAN, FACES_VARIABLE

ROOT = Path(__file__).parents[2]
TUTORIALS = ROOT / "docs" / "tutorials"
NOTEBOOKS = sorted(TUTORIALS.glob("*/*.ipynb"))  # translations: test_french
LARGEST = 300_000  # bytes
OWN_FILE = re.compile(r"# (my_\w+\.py)\n")  # the first line of a file that the reader writes
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def demo(
    trained_run: Path,
    cyclegan_run: Path,
    drawn_store,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A folder with what `make demo` leaves in runs/demo, only smaller."""
    folder = tmp_path_factory.mktemp("tutorials")
    shutil.copytree(trained_run, folder / "runs" / "demo" / "classifier")
    shutil.copytree(cyclegan_run, folder / "runs" / "demo" / "cyclegan")
    (folder / "runs" / "demo" / CYCLEGAN.ends_with).touch()  # the training has ended
    shutil.copytree(drawn_store.folder, folder / "runs" / "demo" / "faces")
    evaluate_run(folder / "runs" / "demo" / "classifier")
    return folder


@pytest.fixture(autouse=True)
def figures_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def code_cells(notebook: dict) -> list[dict]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def run_cell(source: str, name: str, names: dict) -> None:
    """Run a cell, and let its last value show itself as a notebook would."""
    tree = ast.parse(source, name)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), names)
    if last is not None:
        value = eval(compile(ast.Expression(last.value), name, "eval"), names)
        if hasattr(value, "_repr_mimebundle_"):
            data, _ = value._repr_mimebundle_()
            assert any(kind.startswith("image/") for kind in data)


def ids(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def test_there_is_a_chapter_for_every_question_of_the_course() -> None:
    numbers = [path.name[:2] for path in (TUTORIALS / "classifier").glob("*.ipynb")]
    assert sorted(numbers) == [f"{number:02}" for number in range(1, 13) if number != 11]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=ids)
def test_its_code_runs(path: Path, demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(demo)
    names: dict = {"__name__": "__main__"}
    for number, cell in enumerate(code_cells(read(path)), 1):
        run_cell("".join(cell["source"]), f"{path.name}, code cell {number}", names)


def test_extending_runs(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(demo)
    monkeypatch.syspath_prepend(str(demo))
    names: dict = {"__name__": "tutorial"}
    page = ROOT / "docs" / "extending.md"
    for number, block in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")), 1):
        if own := OWN_FILE.match(block):
            assert len(block.splitlines()) < 40
            Path(own[1]).write_text(block, encoding="utf-8")
            continue
        exec(compile(block, f"{page.name}, block {number}", "exec"), names)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=ids)
def test_its_outputs_are_those_of_its_code(path: Path) -> None:
    notebook = read(path)
    cells = code_cells(notebook)
    code = "\0".join("".join(cell["source"]) for cell in cells)
    executed = hashlib.sha256(code.encode()).hexdigest()[:16]
    assert notebook["metadata"]["agegen"]["executed"] == executed, "make notebooks"
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=ids)
def test_what_is_stored_is_small_and_says_nothing_of_this_machine(path: Path) -> None:
    notebook, text = read(path), path.read_text(encoding="utf-8")
    assert len(text.encode()) <= LARGEST
    assert notebook["metadata"].keys() == {"agegen", "kernelspec", "language_info"}
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert notebook["metadata"]["language_info"] == {"name": "python"}
    assert all(cell["metadata"] == {} for cell in notebook["cells"])
    outputs = [output for cell in code_cells(notebook) for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} <= {
        "stream", "display_data", "execute_result",
    }  # fmt: skip
    figures = [kind for o in outputs for kind in o.get("data", {}) if kind.startswith("image/")]
    assert figures
    printed = "".join("".join(o["text"]) for o in outputs if o["output_type"] == "stream")
    assert not re.search(r"/(tmp|home|root|work|Users)/|\x1b|\r", printed)


def test_all_begin_with_the_same_cell() -> None:
    first = {"".join(code_cells(read(path))[0]["source"]) for path in NOTEBOOKS}
    assert len(first) == 1
    assert "make_demo()" in first.pop()


@pytest.mark.parametrize("wheel", ["agegen-0.2.0-py3-none-any.whl", ""])
@pytest.mark.parametrize("address", ["git+https://example.org/a.git", ""])
def test_the_first_cell_takes_a_wheel_or_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wheel: str, address: str
) -> None:
    cell = "".join(code_cells(read(NOTEBOOKS[0]))[0]["source"]).split("from agegen.demo")[0]
    if address:
        cell = re.sub("^AGEGEN = .*$", f"AGEGEN = {address!r}", cell, flags=re.M)
    if wheel:
        (tmp_path / wheel).touch()
    calls: list[list[str]] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr("subprocess.run", lambda call, check: calls.append(call))
    if not (address or wheel):
        with pytest.raises(SystemExit, match="make wheel"):
            exec(cell, {})
        return
    exec(cell, {})
    assert [call[-1] for call in calls] == [address or wheel]


@pytest.mark.slow
def test_a_notebook_makes_its_demo_in_an_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbformat = pytest.importorskip("nbformat", reason="the extra docs is not installed")
    nbclient = pytest.importorskip("nbclient")
    monkeypatch.setenv(FACES_VARIABLE, "200")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(TUTORIALS / "classifier" / "03_learning_curve.ipynb", as_version=4)
    for cell in code_cells(notebook):
        cell.outputs = []
    at = {"metadata": {"path": tmp_path}}
    nbclient.NotebookClient(notebook, timeout=900, resources=at).execute()
    assert (tmp_path / "runs/demo/classifier/evaluation.json").exists()
    assert all("image/png" in cell.outputs[0].data for cell in code_cells(notebook)[-3:])
