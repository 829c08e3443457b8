"""A user's own networks as judges, from ONNX files: age estimators and embedders of faces."""

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
    """A network of a file: float (n, 3, h, w) in [−1, 1] → float64 (n, …).

    Args:
        file: ONNX, with one input, pictures n c h w or n h w c; any number at a time, or one.
        output: which of its outputs; the first if "".
        view: how it wants to see faces.
        shown: share of a stored face's side that the faces show.

    Raises:
        UserError: the file is missing, no ONNX, or takes no pictures, it has no such output, or
            onnxruntime is not installed.
    """

    def __init__(self, file: Path, output: str, view: OnnxView, shown: float = SHOWN) -> None:
        self.file, self.view, self.shown = file, view, shown
        self.session = open_session(file)
        inputs, outputs = self.session.get_inputs(), [o.name for o in self.session.get_outputs()]
        if output and output not in outputs:
            raise UserError(f"{file} has no output {output!r}: it has {', '.join(outputs)}")
        self.output = output or outputs[0]
        shape = list(inputs[0].shape)
        if len(inputs) != 1 or len(shape) != 4 or 3 not in (shape[1], shape[3]):
            said = "; ".join(f"{i.name} {i.shape}" for i in inputs)
            raise UserError(f"{file} takes no pictures n c h w or n h w c alone: it takes {said}")
        self.input, self.type = inputs[0].name, inputs[0].type
        self.channels_first = shape[1] == 3
        sides = shape[2:] if self.channels_first else shape[1:3]
        self.side = tuple(s if isinstance(s, int) else ANY_SIDE for s in sides)
        self.one_by_one = shape[0] == 1

    def __call__(self, faces: Tensor) -> np.ndarray:
        """Ask it."""
        seen = self.see(faces)
        parts = np.split(seen, len(seen)) if self.one_by_one and len(seen) else [seen]
        try:
            found = [self.session.run([self.output], {self.input: part})[0] for part in parts]
        except Exception as error:
            raise UserError(f"{self.file} failed on faces: {error}") from None
        return np.concatenate(found).astype(np.float64)

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
        kinds = {"tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
        seen = x.contiguous().numpy()
        if self.type == "tensor(uint8)":
            seen = np.rint(seen)
        return seen.astype(kinds.get(self.type, np.float32))


class OnnxJudge:
    """An age estimator of a file, in years.

    It answers with a number, (n,) or (n, 1), or with how likely each age from 0 is, (n, k), of
    which the expected age is taken; these may be logits.

    Raises:
        UserError: as `OnnxNetwork`; or its answer has another shape.
    """

    name = "onnx_judge"
    steps = (10, 15, 20)

    def __init__(self, network: OnnxNetwork) -> None:
        self.network = network

    def scores(self, faces: Tensor) -> dict[str, Tensor]:
        """Return "years", float64 (n,)."""
        said = self.network(faces)
        said = said.reshape(len(said), -1) if said.size else np.zeros((len(faces), 1))
        if len(said) != len(faces) or said.shape[1] < 1:
            raise UserError(
                f"{self.network.file} must answer with an age, or a distribution, for each face: "
                f"{self.network.output} of {len(faces)} faces has the shape {said.shape}"
            )
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
            UserError: the answer is no vector for each face.
        """
        said = self.network(faces)
        if len(said) != len(faces) or said.ndim < 2 or said[0].size < 2:
            raise UserError(
                f"{self.network.file} must answer with a vector for each face: "
                f"{self.network.output} of {len(faces)} faces has the shape {said.shape}"
            )
        return F.normalize(torch.from_numpy(said.reshape(len(said), -1)), dim=1)


def cut(faces: Tensor, share: float) -> Tensor:
    """The middle of faces, of `share` of their side; beyond the edge it is repeated."""
    height, width = faces.shape[-2:]
    margins = [round((share - 1) / 2 * side) for side in (width, height)]
    return F.pad(faces, (margins[0], margins[0], margins[1], margins[1]), mode="replicate")


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
        content = file.read_bytes()
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror})") from None
    try:
        return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    except Exception as error:  # of onnxruntime's own kinds, which it does not publish
        raise UserError(f"{file} is no ONNX file that can be run ({error})") from None
