"""All that a training has written as tensors, to compare bit for bit."""

from pathlib import Path

import torch
from torch import Tensor

from agegen.run.folder import Run
from agegen.run.tensor_files import load_tensors


def tensors_of(run: Path) -> dict[str, Tensor]:
    """Of the last checkpoint, and of the files for use."""
    groups = dict(Run(run).latest_checkpoint().tensors)
    groups |= {file.stem: load_tensors(file) for file in run.glob("*.safetensors")}
    return {f"{group}/{k}": tensor for group, part in groups.items() for k, tensor in part.items()}


def are_same(one: Path, other: Path) -> bool:
    """True if two runs have the same tensors, under the same names."""
    a, b = tensors_of(one), tensors_of(other)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
