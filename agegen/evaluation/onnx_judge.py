"""A user's own networks as judges, from ONNX files: age estimators and embedders of faces."""

import re
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from agegen.evaluation.identity import SHOWN
from agegen.faces.geometry import SQUARE
from agegen.faces.pixels import GREY_LEVELS
from agegen.run.errors import UserError

Pixels = Literal["bytes", "unit", "signed", "imagenet"]
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's pixels in [0, 1]
ANY_SIDE = 224  # pixels, of networks that take any size
BYTES = "tensor(uint8)"
TYPES: dict[str, type[np.number]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    BYTES: np.uint8,
}
NUMBERS = re.compile(r"tensor\((float|float16|double|u?int\d+)\)")  # what answers may be
NO_COLOURS = (1, 4)  # channels of grey pictures, and of those with transparency


class OnnxView(NamedTuple):
    """How a network wants to see faces.

    Attributes:
        margin: what is shown around the detector's square, as a share of its side, on each side.
        pixels: "bytes" 0 to 255, "unit" 0 to 1, "signed" −1 to 1, "imagenet" by its mean and
            deviation.
        bgr: blue comes first.
    """

    margin: float = 0.0
    pixels: Pixels = "imagenet"
    bgr: bool = False


class OnnxNetwork:
    """A network of a file: float (n, 3, h, w) in [−1, 1] → finite float64 (n, k), k at least 1.

    Args:
        file: ONNX, with one input, pictures n c h w or n h w c, of type float, float16, double or
            uint8; any number at a time, or one. Where no dimension is 3 it is taken for n c h w.
        output: which of its outputs; the first if "".
        view: how it wants to see faces; what takes uint8 wants "bytes".
        shown: share of a stored face's side that the faces show.

    Raises:
        UserError: the file is missing, no ONNX, or takes no such pictures, it has no such output,
            which must be a tensor of numbers, or onnxruntime is not installed.
    """

    def __init__(self, file: Path, output: str, view: OnnxView, shown: float = SHOWN) -> None:
        self.file, self.view, self.shown = file, view, shown
        self.session = open_session(file)
        self.output = self.find_output(output)
        inputs = self.session.get_inputs()
        shape = [] if len(inputs) != 1 else list(inputs[0].shape) or [None] * 4  # of unknown rank
        axis = find_channels(shape)
        if axis is None or inputs[0].type not in TYPES:
            said = "; ".join(f"{i.name} {i.type} {i.shape}" for i in inputs)
            raise UserError(
                f"{file} takes no pictures n c h w or n h w c alone, any number at a time or one, "
                f"as float, float16, double or uint8: it takes {said or 'nothing'}"
            )
        self.input, self.type = inputs[0].name, inputs[0].type
        if self.type == BYTES and view.pixels != "bytes":
            raise UserError(
                f"{file} takes whole numbers from 0 to 255, and --onnx-pixels is {view.pixels}: "
                "it must be bytes"
            )
        self.channels_first = axis == 1
        sides = shape[2:] if self.channels_first else shape[1:3]
        self.side = tuple(s if isinstance(s, int) else ANY_SIDE for s in sides)
        self.one_by_one = shape[0] == 1

    def find_output(self, name: str) -> str:
        """The name of the output asked for, or of the first."""
        types = {o.name: o.type for o in self.session.get_outputs()}
        name = name or next(iter(types), "")
        if name not in types:
            has = ", ".join(types) or "none"
            raise UserError(f"{self.file} has no output {name!r}: it has {has}")
        if not NUMBERS.fullmatch(types[name]):
            raise UserError(
                f"{self.file} must answer with a tensor of numbers: {name} is {types[name]}"
            )
        return name

    def __call__(self, faces: Tensor) -> np.ndarray:
        """Ask it.

        Raises:
            UserError: it fails, or what it answers is no finite numbers for each face.
        """
        if not len(faces):  # it sees one all the same, for the width of its answer
            return self(faces.new_zeros(1, *faces.shape[1:]))[:0]
        seen = self.see(faces)
        try:
            parts = map(self.ask, np.split(seen, len(seen)) if self.one_by_one else [seen])
            said = np.concatenate(list(parts)).astype(np.float64)
        except Exception as error:  # of onnxruntime's own kinds, which it does not publish
            raise UserError(f"{self.file} failed on faces: {in_a_line(error)}") from None
        if len(said) != len(faces) or not said.size:
            raise UserError(
                f"{self.file} must answer with numbers for each face: "
                f"{self.output} of {len(faces)} faces has the shape {said.shape}"
            )
        if not np.isfinite(said).all():
            raise UserError(f"{self.file} answers with NaN or infinite numbers in {self.output}")
        return said.reshape(len(said), -1)

    def ask(self, seen: np.ndarray) -> np.ndarray:
        """Its answer to faces as it wants them; for one face it may have dropped the axis n."""
        (said,) = self.session.run([self.output], {self.input: seen})
        return said.reshape(1, -1) if len(seen) == 1 and said.ndim < 2 else np.atleast_1d(said)

    def see(self, faces: Tensor) -> np.ndarray:
        """Faces as the network wants them."""
        x = cut(faces.float().cpu(), (1 + 2 * self.view.margin) / (SQUARE * self.shown))
        x = F.interpolate(x, self.side, mode="bicubic", antialias=True, align_corners=False)
        x = (x.clamp(-1, 1) + 1) / 2
        match self.view.pixels:
            case "bytes":
                x = x * 2 * GREY_LEVELS
            case "signed":
                x = 2 * x - 1
            case "imagenet":
                mean, deviation = (torch.tensor(v)[:, None, None] for v in (MEAN, DEVIATION))
                x = (x - mean) / deviation
        x = x.flip(1) if self.view.bgr else x
        x = x if self.channels_first else x.permute(0, 2, 3, 1)
        seen = x.contiguous().numpy()
        return (np.rint(seen) if self.type == BYTES else seen).astype(TYPES[self.type])


class OnnxJudge:
    """An age estimator of a file, in years.

    It answers with a number, (n,) or (n, 1), or with how likely each age from 0 is, (n, k), of
    which the expected age is taken; these may be logits.
    """

    name = "onnx_judge"
    steps = (10, 15, 20)

    def __init__(self, network: OnnxNetwork) -> None:
        self.network = network

    def scores(self, faces: Tensor) -> dict[str, Tensor]:
        """Return "years", float64 (n,).

        Raises:
            UserError: it fails, or what it answers is no finite numbers for each face.
        """
        said = self.network(faces)
        if said.shape[1] == 1:
            return {"years": torch.from_numpy(said[:, 0])}
        likely = torch.from_numpy(said)
        if (likely < 0).any() or not torch.allclose(likely.sum(1), likely.new_ones(()), atol=1e-3):
            likely = likely.softmax(dim=1)
        return {"years": likely @ torch.arange(said.shape[1], dtype=torch.float64)}


class OnnxMatcher:
    """An embedder of a file: its vectors, of length 1."""

    name = "onnx_embedder"

    def __init__(self, network: OnnxNetwork) -> None:
        self.network = network

    def embed(self, faces: Tensor, like: Tensor) -> Tensor:
        """Return vectors, float64 (n, d); faces are shown as they are cropped, whoever `like` is.

        Raises:
            UserError: it fails, or what it answers is no finite vector for each face.
        """
        said = self.network(faces)
        if said.shape[1] < 2:
            raise UserError(
                f"{self.network.file} must answer with a vector for each face: "
                f"{self.network.output} is one number"
            )
        return F.normalize(torch.from_numpy(said), dim=1)


def cut(faces: Tensor, share: float) -> Tensor:
    """The middle of faces, of `share` of their side; beyond the edge it is repeated."""
    height, width = faces.shape[-2:]
    margins = [round((share - 1) / 2 * side) for side in (width, height)]
    return F.pad(faces, (margins[0], margins[0], margins[1], margins[1]), mode="replicate")


def find_channels(shape: list) -> int | None:
    """The axis of the colours, 1 or 3, in an input's shape; None: it is not one of pictures."""
    if len(shape) != 4 or 0 in shape or (isinstance(shape[0], int) and shape[0] != 1):
        return None
    if 3 in (shape[1], shape[3]):
        return 1 if shape[1] == 3 else 3
    return None if isinstance(shape[1], int) or shape[3] in NO_COLOURS else 1


def in_a_line(error: Exception) -> str:
    """What an error says; onnxruntime's may have several lines."""
    return " ".join(str(error).split())


def open_session(file: Path) -> Any:
    """Open a file with onnxruntime.

    Raises:
        UserError: it is missing or no ONNX, or onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ImportError:
        raise UserError(
            "networks of ONNX files need the extra export: pip install 'agegen[export]'"
        ) from None
    try:
        file.open("rb").close()
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror})") from None
    try:
        # by its name, not its content: weights may lie in a second file beside it
        return onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    except Exception as error:  # of onnxruntime's own kinds, which it does not publish
        raise UserError(f"{file} is no ONNX file that can be run ({in_a_line(error)})") from None
