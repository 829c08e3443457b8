"""--compile: few graphs, no breaks, the same bits, weights under their own names.

Graphs are traced by Dynamo and run as they are (backend "eager"), so that no compiler is needed.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from run_tensors import are_same, tensors_of
from small_cyclegans import small_config
from torch import nn
from torch._dynamo.testing import CompileCounter
from torch._dynamo.utils import counters

from agegen.classifier.config import TrainConfig
from agegen.classifier.model import ModelConfig
from agegen.classifier.train import train as train_classifier
from agegen.cyclegan.train import train as train_cyclegan
from agegen.faces.store import FaceStore


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> Iterator[CompileCounter]:
    """Counts what is traced; a second size must not make the graphs of any size."""
    counter, real = CompileCounter(), nn.Module.compile

    def compile_(network: nn.Module, dynamic: bool) -> None:
        assert not dynamic
        real(network, backend=counter, dynamic=dynamic)

    monkeypatch.setattr(nn.Module, "compile", compile_)
    torch._dynamo.reset()
    counters.clear()
    yield counter
    torch._dynamo.reset()


def cyclegan(store: FaceStore, out: Path, **options: object) -> None:
    """Three steps: with identities, without, with them again."""
    short = {"constant_pairs": 12, "decay_pairs": 0, "identity_every": 2, "discriminator_batch": 8}
    train_cyclegan(small_config(store, out, **short, **options))


def classifier(store: FaceStore, out: Path, **options: object) -> None:
    """An epoch of batches of 73 and 74 faces."""
    plain = TrainConfig(store.folder, out, ModelConfig(widths=(4, 8)), epochs=1, batch_size=74)
    train_classifier(replace(plain, threads=1, precision="float32", **options))


@pytest.mark.parametrize(("train", "most"), [(cyclegan, 5), (classifier, 2)])
def test_few_graphs_compute_the_same_bits(
    drawn_store: FaceStore, tmp_path: Path, graphs: CompileCounter, train: Callable, most: int
) -> None:
    train(drawn_store, tmp_path / "plain")
    assert graphs.frame_count == 0
    train(drawn_store, tmp_path / "compiled", compile=True)
    assert 1 < graphs.frame_count <= most
    assert not counters["graph_break"]
    assert not counters["unimplemented"]
    assert are_same(tmp_path / "plain", tmp_path / "compiled")
    assert not [name for name in tensors_of(tmp_path / "compiled") if "_orig_mod" in name]
