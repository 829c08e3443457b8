"""Networks of ONNX files: any layout, range, answer and batch; mistakes in a sentence."""

from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, save
from torch import Tensor

from agegen.evaluation.identity import SHOWN
from agegen.evaluation.onnx_judge import (
    OnnxJudge,
    OnnxMatcher,
    OnnxNetwork,
    OnnxView,
    cut,
)
from agegen.faces.geometry import SQUARE
from agegen.run.errors import UserError


def write(
    file: Path, shape: list, nodes: list, outputs: dict[str, list], kind: int = TensorProto.FLOAT
) -> Path:
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()],
    )  # fmt: skip
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), file)
    return file


def mean_of(file: Path, shape: list, kind: int = TensorProto.FLOAT) -> Path:
    """A network that answers with the mean of its picture, (n, 1)."""
    nodes = [
        helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["f"], ["m"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["m", "one"], ["years"]),
    ]
    one = helper.make_node(
        "Constant", [], ["one"], value=helper.make_tensor("v", TensorProto.INT64, [1], [1])
    )
    return write(file, shape, [one, *nodes], {"years": ["n", 1]}, kind)


def grey(levels: list[float]) -> Tensor:
    return torch.tensor(levels)[:, None, None, None].expand(-1, 3, 64, 64).clone()


@pytest.mark.parametrize(
    "shape", [["n", 3, 40, 40], [1, 3, 24, 32], ["n", 48, 48, 3], ["n", 3, "h", "w"]]
)
@pytest.mark.parametrize(
    ("pixels", "expected"), [("bytes", 127.5), ("unit", 0.5), ("signed", 0.0), ("imagenet", 0.226)]
)
def test_a_network_sees_the_numbers_it_wants(
    tmp_path: Path, shape: list, pixels: str, expected: float
) -> None:
    network = OnnxNetwork(mean_of(tmp_path / "m.onnx", shape), "", OnnxView(pixels=pixels))
    said = network(grey([0.0, 0.0, 0.0]))
    assert said.shape == (3, 1)
    assert np.allclose(said, expected, atol=0.01)


def test_bytes_are_whole_numbers(tmp_path: Path) -> None:
    file = mean_of(tmp_path / "m.onnx", ["n", 3, 8, 8], TensorProto.UINT8)
    said = OnnxNetwork(file, "", OnnxView(pixels="bytes"))(grey([-1.0, 0.2, 1.0]))
    assert said[:, 0].tolist() == [0, 153, 255]


@pytest.mark.parametrize("margin", [-0.3, 0.0, 0.1, 0.5])
def test_the_margin_is_around_the_detectors_square(margin: float) -> None:
    share = (1 + 2 * margin) / (SQUARE * SHOWN)
    x = torch.rand(2, 3, 100, 100, generator=torch.Generator().manual_seed(0))
    shown = cut(x, share)
    assert abs(shown.shape[-1] - 100 * share) <= 1.01
    edge = round((share - 1) / 2 * 100)
    inside = shown[..., edge:-edge, edge:-edge] if edge > 0 else shown
    assert torch.equal(inside, x[..., -edge : 100 + edge, -edge : 100 + edge] if edge < 0 else x)


def test_years_or_how_likely_each_is(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(3, 101)).astype(np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], axes=[2, 3], keepdims=0),
        helper.make_node(
            "Constant", [], ["w"],
            value=helper.make_tensor("w", TensorProto.FLOAT, weights.shape, weights.ravel()),
        ),
        helper.make_node("MatMul", ["m", "w"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["likely"], axis=1),
    ]  # fmt: skip
    shapes = {"logits": ["n", 101], "likely": ["n", 101]}
    file = write(tmp_path / "d.onnx", ["n", 3, 16, 16], nodes, shapes)
    faces = torch.rand(5, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    years = [
        OnnxJudge(OnnxNetwork(file, output, OnnxView())).scores(faces)["years"]
        for output in ("logits", "likely", "")
    ]
    assert torch.allclose(years[0], years[1], atol=1e-3)
    assert torch.equal(years[0], years[2])
    assert ((years[0] > 0) & (years[0] < 100)).all()
    vectors = OnnxMatcher(OnnxNetwork(file, "", OnnxView())).embed(faces, faces)
    assert vectors.shape == (5, 101)
    assert torch.allclose(vectors.norm(dim=1), torch.ones(5).double())


def test_mistakes_are_one_sentence(tmp_path: Path) -> None:
    good = mean_of(tmp_path / "good.onnx", ["n", 3, 8, 8])
    with pytest.raises(UserError, match="no output 'age': it has years"):
        OnnxNetwork(good, "age", OnnxView())
    with pytest.raises(UserError, match="vector for each face"):
        OnnxMatcher(OnnxNetwork(good, "", OnnxView())).embed(grey([0.0]), grey([0.0]))
    with pytest.raises(UserError, match="cannot be read"):
        OnnxNetwork(tmp_path / "none.onnx", "", OnnxView())
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(UserError, match="no ONNX file"):
        OnnxNetwork(tmp_path / "text.onnx", "", OnnxView())
    flat = write(
        tmp_path / "flat.onnx", ["n", 7], [helper.make_node("Identity", ["x"], ["y"])],
        {"y": ["n", 7]},
    )  # fmt: skip
    with pytest.raises(UserError, match="takes no pictures"):
        OnnxNetwork(flat, "", OnnxView())
