"""The machine in words, and a GPU that torch does not see."""

import pytest

from agegen.machine import environment
from agegen.machine.environment import describe_machine, unseen_gpu


def test_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "driver_version", lambda: "")
    part = describe_machine()
    assert part.problems == []
    assert part.figures["computes_on_gpu"] is False
    assert part.figures["cores"] >= 1
    assert any(line.startswith("--precision auto is ") for line in part.lines)


@pytest.mark.parametrize(
    ("cuda", "gpus", "driver", "said"),
    [
        (None, [], "", ""),
        ("13.0", [], "", ""),
        ("13.0", ["Tesla T4"], "580.1", ""),
        (None, [], "580.1", "built without CUDA"),
        ("13.0", [], "535.2", "is the driver 535.2 too old"),
    ],
)
def test_a_gpu_that_torch_does_not_see(
    cuda: str | None, gpus: list[str], driver: str, said: str
) -> None:
    problems = unseen_gpu({"cuda": cuda, "gpus": gpus, "driver": driver})
    assert len(problems) == bool(said)
    assert said in "".join(problems)
