"""Warnings of waits become file:line and how often, and those between steps are left out."""

import warnings
from pathlib import Path

from agegen.machine.waits import MESSAGE, PACKAGE, waits_noted

WARNING = f"called a {MESSAGE} (Triggered internally at CUDAFunctions.cpp:147.)"
SOURCE = """
def loop(steps):
    for step in range(steps):
        draw()
        if step % 2:
            flush()

def draw():
    library()

def flush():
    library()

def set_up():
    library()
"""


def fake_training() -> dict:
    """Functions that lie in agegen/cyclegan/pretended.py, and wait inside a library."""

    def library() -> None:
        warnings.warn(WARNING, stacklevel=1)
        warnings.warn("something else", stacklevel=1)

    names: dict = {"library": library}
    exec(compile(SOURCE, str(PACKAGE / "cyclegan" / "pretended.py"), "exec"), names)
    return names


def test_waits_are_counted_where_they_come_from() -> None:
    training = fake_training()
    with waits_noted() as found:
        training["set_up"]()
        training["loop"](4)
    place = str(Path("agegen", "cyclegan", "pretended.py"))
    assert found == {f"{place}:9": 4}


def test_afterwards_warnings_are_as_before() -> None:
    before = warnings.showwarning
    with waits_noted():
        assert warnings.showwarning is not before
    assert warnings.showwarning is before
