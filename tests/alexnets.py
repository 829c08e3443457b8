"""Files with the names and shapes of AlexNet's convolutions, and random numbers."""

from pathlib import Path

import torch
from safetensors.torch import save_file

SHAPES = {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)}


def write_trunk(file: Path) -> Path:
    """Write one, always the same; activations neither vanish nor explode."""
    draw = torch.Generator().manual_seed(0)
    tensors = {}
    for number, (out, into, side) in SHAPES.items():
        shape = (out, into, side, side)
        scale = (2 / (into * side * side)) ** 0.5
        tensors[f"features.{number}.weight"] = torch.randn(shape, generator=draw) * scale
        tensors[f"features.{number}.bias"] = torch.zeros(out)
    save_file(tensors, file)
    return file
