"""Weights and optimiser states as safetensors, which hold no code; written whole."""

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from agegen.run.errors import UserError
from agegen.run.files import written_whole

Tensors = dict[str, Tensor]


def save_tensors(path: Path, tensors: Tensors) -> None:
    """Write tensors as safetensors, whole."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with written_whole(path) as temporary:
        try:
            save_file(plain, temporary)
        except SafetensorError as error:  # its own wrapper of the system's error
            if "No space left" in str(error):
                raise UserError(f"cannot write {path}: the disk is full") from error
            raise


def in_half(tensors: Tensors) -> Tensors:
    """Floating tensors as float16, half as large; others as they are."""
    return {name: t.half() if t.is_floating_point() else t for name, t in tensors.items()}


def load_tensors(path: Path) -> Tensors:
    """Read a safetensors file.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        return load_file(path)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except SafetensorError as error:
        raise UserError(f"{path} is damaged ({error})") from None


def checksum(tensors: Tensors) -> str:
    """The SHA-256 checksum of tensors' names and bytes, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> Tensors:
    """Flatten an optimiser's state to named tensors: ``{parameter number}.{name}``."""
    state = optimizer.state_dict()["state"]
    return {f"{i}.{name}": value for i, entry in state.items() for name, value in entry.items()}


def load_optimizer_tensors(optimizer: torch.optim.Optimizer, tensors: Tensors) -> None:
    """Restore what `optimizer_tensors` gave.

    The moments take the memory layout of their parameters: the fused kernels walk both by address.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, _, name = key.partition(".")
        parameter = parameters[int(number)]
        if value.shape == parameter.shape:
            value = torch.empty_like(parameter).copy_(value)
        state.setdefault(int(number), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
