"""A generator as one ONNX file that takes 8-bit images and gives 8-bit images.

Normalisation is inside, so that whoever runs the file needs to know nothing about the training:
``faces``, uint8 n h w c RGB → ``translated``, uint8 n h w c. After the export, ONNX Runtime and
PyTorch translate the same images, and have to agree to one 8-bit level.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from agegen.cyclegan.delta import DeltaGenerator
from agegen.cyclegan.model import ResnetGenerator
from agegen.cyclegan.translate import (
    Translator,
    load_translator,
    require_strength,
)
from agegen.evaluation.selection import strengthened
from agegen.faces.views import to_float, to_uint8
from agegen.run.errors import UserError
from agegen.run.files import written_whole

INPUT, OUTPUT = "faces", "translated"
STEP = 8  # sides are padded to multiples of 4 or 8; an example of another one is traced
SMALLEST = 32  # pixels
LARGEST_DIFFERENCE = 1  # 8-bit level between PyTorch and ONNX Runtime: how a half is rounded
MISSING = "exporting needs the extra export: pip install 'agegen[export]'"


@dataclass(frozen=True)
class ExportConfig:
    """Which generator to export."""

    run: Path
    """Folder of the CycleGAN's training."""
    to: Literal["young", "old"]
    """The age that the exported generator translates to."""
    out: Path
    """The ONNX file."""
    weights: Literal["best", "generators"] | None = None
    """best (chosen by a judge) or generators (the last ones); by default the best if there are."""
    strength: float | None = None
    """Of the change, 0 to 1.5, fixed in the file; what choose_strength has chosen, else 1."""

    def __post_init__(self) -> None:
        require_strength(self.strength)


class ByteGenerator(nn.Module):
    """A generator on 8-bit images.

    Attributes:
        generator: float n c h w in [−1, 1] → the same.
        strength: of the change.
        multiple: to which the sides are padded, as ours do themselves, but by indices instead of a
            branch, whose outcome an export would fix for ever; 0: they take one size only.
    """

    def __init__(self, generator: nn.Module, strength: float, multiple: int) -> None:
        super().__init__()
        self.generator, self.strength, self.multiple = generator, strength, multiple

    def forward(self, faces: Tensor) -> Tensor:
        """uint8 (n, h, w, 3) → the same shape."""
        height, width = faces.shape[1:3]
        x = to_float(faces)
        if self.multiple:
            x = padded(padded(x, 2, self.multiple), 3, self.multiple)
        made = strengthened(x, self.generator(x), self.strength)
        return to_uint8(made[:, :, :height, :width])


def padded(x: Tensor, dim: int, multiple: int) -> Tensor:
    """Continue an axis by its mirror image to the next multiple of so many."""
    length = x.shape[dim]
    at = torch.arange((length + multiple - 1) // multiple * multiple, device=x.device)
    return x.index_select(dim, torch.where(at < length, at, 2 * length - 2 - at))


def export_generator(config: ExportConfig) -> None:
    """Export, compare with PyTorch, print what the file takes and how well they agree.

    Nothing is left at `config.out` if they do not agree.

    Raises:
        UserError: a package of the extra ``export`` is missing, the run is missing or damaged, the
            generator cannot be exported, or the results differ by more than one level.
    """
    require_extra()
    translator = load_translator(config.run, config.weights, "cpu", config.strength)
    generator = getattr(translator.generators, f"to_{config.to}")
    any_size = isinstance(generator, ResnetGenerator | DeltaGenerator)
    multiple = generator.multiple if any_size else 0
    network = ByteGenerator(generator, translator.strength[config.to], multiple).eval()
    program = to_onnx(network, translator.config.size, any_size)
    describe_model(program.model, translator, config.to, any_size)
    with written_whole(config.out) as temporary:
        program.save(temporary, external_data=False)
        difference = largest_difference(temporary, translator, config.to, any_size)
        if difference > LARGEST_DIFFERENCE:
            raise UserError(
                f"{config.out} would differ from PyTorch by up to {difference} of 255 levels: "
                "it was not kept"
            )
    print(
        f"saved to {config.out}: {INPUT} uint8 {shape_in_words(translator, any_size)} → "
        f"{OUTPUT}, the same shape; trained at {translator.config.size} pixels\n"
        f"ONNX Runtime and PyTorch differ by at most {difference} of 255 levels"
    )


def require_extra() -> None:
    """Refuse to begin without the packages.

    Raises:
        UserError: naming the extra.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError:
        raise UserError(MISSING) from None


def to_onnx(network: nn.Module, size: int, any_size: bool) -> Any:
    """Trace a network of bytes: n is free, and with `any_size` h and w from 32 pixels up.

    Returns:
        torch.onnx.ONNXProgram.

    Raises:
        UserError: PyTorch cannot export it.
    """
    from torch.export import Dim

    free = {0: Dim("n", min=1, max=2**16)}
    if any_size:
        free |= {d: Dim(name, min=SMALLEST, max=2**15) for d, name in ((1, "h"), (2, "w"))}
    height, width = (size, size + STEP) if any_size else (size, size)
    example = torch.zeros(2, height, width, 3, dtype=torch.uint8)
    try:
        with warnings.catch_warnings(action="ignore"):  # the exporter's, about its own insides
            return torch.onnx.export(
                network,
                (example,),
                dynamo=True,
                dynamic_shapes=(free,),
                input_names=[INPUT],
                output_names=[OUTPUT],
                verbose=False,
            )
    except Exception as error:  # whatever an own class makes it raise
        raise UserError(f"PyTorch cannot export this generator ({reason_of(error)})") from error


def reason_of(error: Exception) -> str:
    """What an error's cause says first, without the pages that the exporter adds."""
    return str(error.__cause__ or error).strip().partition("\n")[0]


def describe_model(model: Any, translator: Translator, to: str, any_size: bool) -> None:
    """Name the output's axes as the input's, and write down what the file is."""
    (faces,), (translated,) = model.graph.inputs, model.graph.outputs
    translated.shape = faces.shape
    model.metadata_props.update(
        {
            "translates_to": to,
            "trained_size": str(translator.config.size),
            "strength": str(translator.strength[to]),
            "input": f"uint8 RGB {shape_in_words(translator, any_size)}",
        }
    )


def shape_in_words(translator: Translator, any_size: bool) -> str:
    """The shape of what the file takes."""
    size = translator.config.size
    if any_size:
        return f"(n, h, w, 3), h and w from {SMALLEST} up"
    return f"(n, {size}, {size}, 3), that size only"


def largest_difference(file: Path, translator: Translator, to: str, any_size: bool) -> int:
    """How far ONNX Runtime and PyTorch are apart on images of several sizes, in 8-bit levels."""
    import onnxruntime

    session = onnxruntime.InferenceSession(file.read_bytes(), providers=["CPUExecutionProvider"])
    size = translator.config.size
    shapes = [(1, size, size), (3, size, size)]
    if any_size:
        shapes += [(2, size + 1, size + 7), (1, SMALLEST + 3, SMALLEST)]
    differences = []
    for number, shape in enumerate(shapes):
        images = smooth_images(*shape, seed=number)
        expected = to_uint8(translator.translate(to_float(torch.from_numpy(images)), to)).numpy()
        (found,) = session.run(None, {INPUT: images})
        differences.append(int(np.abs(np.asarray(found).astype(int) - expected).max()))
    return max(differences)


def smooth_images(n: int, height: int, width: int, seed: int) -> np.ndarray:
    """Random images with coarse and fine structure, uint8 (n, h, w, 3)."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(n, 3, 6, 6, generator=generator) * 2 - 1
    field = nn.functional.interpolate(coarse, (height, width), mode="bicubic")
    return to_uint8(field + 0.1 * torch.randn(field.shape, generator=generator)).numpy()
