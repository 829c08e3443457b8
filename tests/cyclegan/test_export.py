"""The exported file gives the bytes that PyTorch gives, at any size."""

import shutil
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from photos import picture
from torch import Tensor, nn

from agegen.cyclegan import export
from agegen.cyclegan.delta import DeltaGenerator
from agegen.cyclegan.export import ByteGenerator, ExportConfig, export_generator
from agegen.cyclegan.model import ResnetGenerator
from agegen.cyclegan.translate import load_translator
from agegen.faces.views import to_float, to_uint8
from agegen.run.errors import UserError


class OwnGenerator(nn.Module):
    """A generator of the user's own: a 1 × 1 convolution."""

    def __init__(self, width: int, blocks: int, upsampling: str) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x).tanh()


@pytest.fixture(scope="module")
def exported(cyclegan_run, tmp_path_factory):
    """The file of the generator to old."""
    out = tmp_path_factory.mktemp("exported") / "old.onnx"
    export_generator(ExportConfig(cyclegan_run, "old", out))
    return out


@pytest.mark.parametrize("shape", [(1, 44, 44), (3, 50, 44), (2, 33, 61)])
def test_the_file_gives_pytorchs_bytes(exported, cyclegan_run, shape):
    n, height, width = shape
    images = np.stack([picture(seed, 64)[:height, :width] for seed in range(n)])
    (found,) = onnxruntime.InferenceSession(exported).run(None, {"faces": images})
    translator = load_translator(cyclegan_run, device="cpu")
    faces = to_float(torch.from_numpy(images))
    expected = to_uint8(translator.translate(faces, "old")).numpy()
    assert found.dtype == np.uint8
    assert found.shape == images.shape
    assert np.abs(found.astype(int) - expected).max() <= 1
    other = to_uint8(translator.translate(faces, "young")).numpy()
    assert np.abs(found.astype(int) - other).max() > 1


@pytest.mark.parametrize("strength", [0.0, 0.7, 1.3])
def test_a_change_of_any_strength_is_exported(delta_run, tmp_path, strength):
    export_generator(ExportConfig(delta_run, "young", tmp_path / "young.onnx", strength=strength))
    images = np.stack([picture(seed, 64)[:50, :41] for seed in range(2)])
    session = onnxruntime.InferenceSession(tmp_path / "young.onnx")
    (found,) = session.run(None, {"faces": images})
    translator = load_translator(delta_run, device="cpu", strength=strength)
    expected = to_uint8(translator.translate(to_float(torch.from_numpy(images)), "young")).numpy()
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert np.array_equal(found, images) == (not strength)


def test_the_file_is_whole_and_names_its_axes(exported):
    model = onnx.load(exported)
    onnx.checker.check_model(model)
    for value, name in ((model.graph.input[0], "faces"), (model.graph.output[0], "translated")):
        assert value.name == name
        assert value.type.tensor_type.elem_type == onnx.TensorProto.UINT8
        axes = value.type.tensor_type.shape.dim
        assert [axis.dim_param or axis.dim_value for axis in axes] == ["n", "h", "w", 3]
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert about["translates_to"] == "old"
    assert about["trained_size"] == "44"
    assert sorted(path.name for path in exported.parent.iterdir()) == [".agegen", "old.onnx"]


@pytest.mark.parametrize("side", [32, 33, 34, 35, 39, 41])
@pytest.mark.parametrize("kind", [ResnetGenerator, DeltaGenerator])
def test_bytes_are_padded_as_the_generator_pads(kind, side):
    network = kind(8, 1).eval()
    images = torch.from_numpy(picture(1, 64)[None, :side, :40])
    expected = to_uint8(network(to_float(images)))
    assert torch.equal(ByteGenerator(network, 1.0, network.multiple)(images), expected)


def test_an_own_generator_is_exported_at_its_size_only(cyclegan_run, tmp_path, monkeypatch, capsys):
    translator = load_translator(cyclegan_run, device="cpu")
    translator.generators.to_young = OwnGenerator(8, 1, "nearest")
    monkeypatch.setattr(export, "load_translator", lambda *_: translator)
    out = tmp_path / "young.onnx"
    export_generator(ExportConfig(cyclegan_run, "young", out))
    assert "(n, 44, 44, 3), that size only" in capsys.readouterr().out
    axes = onnx.load(out).graph.input[0].type.tensor_type.shape.dim
    assert [axis.dim_param or axis.dim_value for axis in axes] == ["n", 44, 44, 3]


def test_a_file_that_differs_is_not_kept(cyclegan_run, exported, tmp_path, monkeypatch):
    class Program:
        """Saves the file of the other generator."""

        model = None

        def save(self, path, external_data):
            shutil.copy(exported, path)

    monkeypatch.setattr(export, "to_onnx", lambda *_: Program())
    monkeypatch.setattr(export, "describe_model", lambda *_: None)
    with pytest.raises(UserError, match=r"would differ from PyTorch by up to \d+ of 255 levels"):
        export_generator(ExportConfig(cyclegan_run, "young", tmp_path / "young.onnx"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", ["onnx", "onnxruntime", "onnxscript"])
def test_without_the_extra_one_sentence_names_it(cyclegan_run, tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=r"pip install 'agegen\[export\]'"):
        export_generator(ExportConfig(cyclegan_run, "old", tmp_path / "x.onnx"))


def test_what_pytorch_cannot_export_is_one_sentence():
    class Branching(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum().item() > 0 else -x

    with pytest.raises(UserError, match="PyTorch cannot export this generator") as caught:
        export.to_onnx(ByteGenerator(Branching(), 1.0, 0), 44, False)
    assert "\n" not in str(caught.value)
