"""Networks of ONNX files: any layout, range, answer and batch; mistakes in a sentence."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import NodeProto, TensorProto, TypeProto, helper, load, save
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
    found = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()]
    return save_graph(file, nodes, [helper.make_tensor_value_info("x", kind, shape)], found)


def save_graph(file: Path, nodes: list, inputs: list, outputs: list) -> Path:
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    sets = [helper.make_opsetid("", 13), helper.make_opsetid("ai.onnx.ml", 2)]
    save(helper.make_model(graph, opset_imports=sets, ir_version=8), file)
    return file


def constant(name: str, values: list, kind: int = TensorProto.INT64) -> NodeProto:
    tensor = helper.make_tensor(name, kind, [len(values)], values)
    return helper.make_node("Constant", [], [name], value=tensor)


def mean_of(file: Path, shape: list, kind: int = TensorProto.FLOAT) -> Path:
    """A network that answers with the mean of its picture, (n, 1)."""
    nodes = [
        helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["f"], ["m"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["m", "one"], ["years"]),
    ]
    return write(file, shape, [constant("one", [1]), *nodes], {"years": ["n", 1]}, kind)


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


PIXELS = {
    "bytes": lambda x: 127.5 * (x + 1),
    "unit": lambda x: (x + 1) / 2,
    "signed": lambda x: x,
    "imagenet": lambda x: ((x + 1) / 2 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225],
}
FLOATS = [TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16]


def any_pictures(rng: np.random.Generator) -> tuple[list | None, bool]:
    """A shape of pictures, None if of unknown rank, and whether their channels come first."""
    n, channels = [[1, 3], ["n", 3], [None, 3], ["n", "c"], [None, None]][rng.integers(5)]
    sides = [[None, "h", 24][i] for i in rng.integers(3, size=2)]
    if channels == 3 and rng.random() < 0.5:
        return [n, *sides, 3], False
    return (None if rng.random() < 0.2 else [n, channels, *sides]), True


def first_colour(first: bool, by: list[float], squeezed: bool, kind: int) -> list[NodeProto]:
    """Nodes that answer with multiples of a picture's mean first colour: x → y of type `kind`."""
    return [
        constant("zero", [0]),
        constant("by", by, TensorProto.FLOAT),
        helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["f"], ["m"], axes=[2, 3] if first else [1, 2], keepdims=0),
        helper.make_node("Gather", ["m", "zero"], ["one"], axis=1),
        helper.make_node("Mul", ["one", "by"], ["many"]),
        helper.make_node("Squeeze" if squeezed else "Identity", ["many"], ["some"]),
        helper.make_node("Cast", ["some"], ["y"], to=kind),
    ]


@pytest.mark.parametrize("seed", range(24))
def test_any_network_of_pictures_answers_for_each_face(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape, first = any_pictures(rng)
    kind, kind_said = (int(rng.choice(kinds)) for kinds in ([*FLOATS, TensorProto.UINT8], FLOATS))
    pixels = "bytes" if kind == TensorProto.UINT8 else str(rng.choice(list(PIXELS)))
    by, bgr, squeezed = list(range(1, rng.integers(2, 5))), *(rng.random(2) < 0.5)
    file = save_graph(
        tmp_path / "any.onnx", first_colour(first, by, squeezed, kind_said),
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", kind_said, None)],
    )  # fmt: skip
    network = OnnxNetwork(file, "", OnnxView(pixels=pixels, bgr=bgr))
    for n in (0, 1, int(rng.integers(2, 6))):
        colours = rng.uniform(-0.9, 0.9, (n, 3))
        faces = torch.tensor(colours)[..., None, None].expand(-1, -1, 32, 32)
        seen = PIXELS[pixels](colours)[:, [2 if bgr else 0]]
        said = network(faces)
        assert said.shape == (n, len(by))
        np.testing.assert_allclose(
            said, seen * by, rtol=5e-3, atol=2 if pixels == "bytes" else 0.02
        )
        assert OnnxJudge(network).scores(faces)["years"].shape == (n,)
        if len(by) > 1:
            assert OnnxMatcher(network).embed(faces, faces).shape == (n, len(by))


def sentence_of(file: Path, pixels: str = "imagenet") -> str:
    """What is said of a network that cannot judge."""

    def judge() -> None:
        network = OnnxNetwork(file, "", OnnxView(pixels=pixels))
        OnnxJudge(network).scores(grey([-0.5, 0.0, 0.5]))

    with pytest.raises(UserError) as refused:
        judge()
    assert str(file) in str(refused.value)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("seed", range(8))
def test_inputs_that_are_no_pictures_are_refused(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sides = [[None, "h", 24][i] for i in rng.integers(3, size=2)]
    kinds = ["INT8", "INT32", "INT64", "UINT16", "BOOL", "STRING", "BFLOAT16"]
    n, few = int(rng.integers(2, 9)), int(rng.choice([1, 4]))
    wrong = [
        (str(rng.choice(kinds)), any_pictures(rng)[0]),
        ("FLOAT", ["n", few, *sides]),
        ("FLOAT", ["n", *sides, few]),
        ("FLOAT", [n, 3, *sides]),
        ("FLOAT", ["n", 3, 0, "w"]),
        ("FLOAT", ["n", "c", "h", "w", "d"][: rng.choice([1, 2, 3, 5])]),
    ]
    inputs = [
        [helper.make_tensor_value_info("x", TensorProto.DataType.Value(kind), shape)]
        for kind, shape in wrong
    ]
    two = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3, 8, 8])
        for name in ("x", "z")
    ]
    y = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    for taken in [*inputs, two, []]:
        file = save_graph(
            tmp_path / "wrong.onnx", [constant("y", [1.0], TensorProto.FLOAT)], taken, y
        )
        assert "takes no pictures" in sentence_of(file)


@pytest.mark.parametrize("pixels", ["unit", "signed", "imagenet"])
def test_a_network_of_bytes_is_shown_no_fractions(tmp_path: Path, pixels: str) -> None:
    file = mean_of(tmp_path / "m.onnx", ["n", 3, 8, 8], TensorProto.UINT8)
    assert f"--onnx-pixels is {pixels}: it must be bytes" in sentence_of(file, pixels)


NUMBERS = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
MAPS = helper.make_map_type_proto(TensorProto.INT64, NUMBERS)


@pytest.mark.parametrize("n", [1, "n"])
@pytest.mark.parametrize(
    ("node", "answer", "sentence"),
    [
        (
            helper.make_node(
                "ZipMap", ["v"], ["y"], domain="ai.onnx.ml", classlabels_int64s=[0, 1]
            ),
            helper.make_sequence_type_proto(MAPS),
            "numbers: y is seq",
        ),
        (
            helper.make_node("SplitToSequence", ["v"], ["y"]),
            helper.make_sequence_type_proto(NUMBERS),
            "numbers: y is seq",
        ),
        (
            helper.make_node("Cast", ["v"], ["y"], to=TensorProto.STRING),
            helper.make_tensor_type_proto(TensorProto.STRING, None),
            "numbers: y is tensor",
        ),
        (helper.make_node("Identity", ["v"], ["y"]), None, "no output '': it has none"),
        (helper.make_node("Div", ["v", "nought"], ["y"]), NUMBERS, "NaN or infinite"),
        (helper.make_node("Slice", ["v", "zero", "zero", "axis"], ["y"]), NUMBERS, "each face"),
        (helper.make_node("Concat", ["v", "v"], ["y"], axis=0), NUMBERS, "each face"),
        (
            helper.make_node("NonZero", ["v"], ["y"]),
            helper.make_tensor_type_proto(TensorProto.INT64, None),
            "each face|failed on faces",  # of one each the widths differ
        ),
    ],
)
def test_answers_that_are_no_numbers_for_each_face_are_refused(
    tmp_path: Path, n: int | str, node: NodeProto, answer: TypeProto | None, sentence: str
) -> None:
    *before, _, _ = first_colour(True, [1.0, 2.0], False, TensorProto.FLOAT)
    before[-1].output[0] = "v"
    constants = [constant("axis", [1]), constant("nought", [0.0], TensorProto.FLOAT)]
    file = save_graph(
        tmp_path / "wrong.onnx", [*constants, *before, node],
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [n, 3, 8, 8])],
        [helper.make_value_info("y", answer)] if answer else [],
    )  # fmt: skip
    assert re.search(sentence, sentence_of(file, "signed"))


def test_what_the_network_says_itself_is_kept_to_a_line(tmp_path: Path) -> None:
    need = [constant("by", [1.0, 2.0, 3.0, 4.0, 5.0], TensorProto.FLOAT)]
    add = helper.make_node("Add", ["x", "by"], ["y"])  # of sides that are not 5 or 1
    file = write(tmp_path / "five.onnx", ["n", "c", "h", "w"], [*need, add], {"y": [None]})
    assert "failed on faces: " in sentence_of(file)


def test_weights_may_lie_beside_the_network(tmp_path: Path) -> None:
    file = mean_of(tmp_path / "réseau.onnx", ["n", 3, 8, 8])
    model = load(file)
    by = np.full(400, 2, np.float32)
    weights = helper.make_tensor("by", TensorProto.FLOAT, by.shape, by.tobytes(), raw=True)
    model.graph.initializer.append(weights)
    model.graph.node.append(helper.make_node("Mul", ["years", "by"], ["y"]))
    model.graph.output[0].CopyFrom(helper.make_value_info("y", NUMBERS))
    save(model, file, save_as_external_data=True, location="weights")
    assert OnnxNetwork(file, "", OnnxView(pixels="signed"))(grey([0.5])).mean() == 1
    (tmp_path / "weights").unlink()
    assert "no ONNX file that can be run" in sentence_of(file)
