"""The structure of a network: its layers, where its parameters come from, and its arithmetic."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from agegen.analysis.analysis import Analysis

Hook = Callable[[nn.Module, tuple, Any], None]


@dataclass(frozen=True)
class Layer:
    """One layer that computes something, in the order of its first call."""

    name: str  # its path in the network
    kind: str  # its class
    output: tuple[int, ...]  # shape for one face, without the batch axis
    parameters: int  # trained numbers of its own
    formula: str  # how their number comes about; empty where there are none
    multiply_adds: int  # for one face; 0 for all but convolutions and linear layers


@dataclass(frozen=True)
class Block:
    """Layers that belong together: an outermost module with children that is no mere container."""

    name: str  # its path; the names of its layers begin with it
    kind: str  # its class
    does: str  # first line of the class's docstring; empty where it has none of its own
    output: tuple[int, ...]  # shape for one face, without the batch axis


@dataclass(frozen=True)
class Structure:
    """A network's layers and totals."""

    layers: tuple[Layer, ...]  # in the order of their first call
    blocks: tuple[Block, ...]  # in the order in which they are done
    input: tuple[int, int, int]  # of one face, (3, size, size)
    parameters: int  # of the whole network
    elsewhere: int  # those that modules with children hold themselves
    buffers: int  # numbers that are kept but not trained (running statistics)
    multiply_adds: int  # sum over the layers, for one face


def describe_structure(model: nn.Module, size: int) -> Structure:
    """Run one face through a network of float (n, 3, size, size); note its layers and blocks."""
    layers: dict[str, Layer] = {}
    blocks: dict[str, Block] = {}
    outermost = list_blocks(model)
    with ExitStack() as hooks:
        for name, module in model.named_modules():
            if not list(module.children()):
                note = note_layer(layers, name)
            elif name in outermost:
                note = note_block(blocks, name)
            else:
                continue
            hooks.callback(module.register_forward_hook(note).remove)
        show_grey_face(model, size)
    total = sum(p.numel() for p in model.parameters())
    return Structure(
        layers=tuple(layers.values()),
        blocks=tuple(blocks.values()),
        input=(3, size, size),
        parameters=total,
        elsewhere=total - sum(layer.parameters for layer in layers.values()),
        buffers=sum(b.numel() for b in model.buffers()),
        multiply_adds=sum(layer.multiply_adds for layer in layers.values()),
    )


def list_blocks(model: nn.Module) -> set[str]:
    """Names of the outermost modules with children; containers are looked into."""
    found: list[str] = []
    for name, module in model.named_modules():
        is_container = isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict)
        inside = any(name.startswith(f"{block}.") for block in found)
        if name and list(module.children()) and not is_container and not inside:
            found.append(name)
    return set(found)


@torch.no_grad()
def show_grey_face(model: nn.Module, size: int) -> None:
    """Run one face without content through the network, in evaluation mode."""
    was_training = model.training
    model.eval()
    model(torch.zeros(1, 3, size, size, device=next(model.parameters()).device))
    model.train(was_training)


def note_layer(layers: dict[str, Layer], name: str) -> Hook:
    """Make a hook that notes one layer at its first call, and adds up the work of later ones."""

    def note(module: nn.Module, _: tuple, output: Any) -> None:
        before = layers[name].multiply_adds if name in layers else 0
        layers[name] = Layer(
            name=name,
            kind=type(module).__name__,
            output=shape_of(output),
            parameters=sum(p.numel() for p in module.parameters(recurse=False)),
            formula=count_in_words(module),
            multiply_adds=before + multiply_adds(module, output),
        )

    return note


def note_block(blocks: dict[str, Block], name: str) -> Hook:
    """Make a hook that notes one block."""

    def note(module: nn.Module, _: tuple, output: Any) -> None:
        kind = type(module)
        own = kind.__doc__ if "__doc__" in vars(kind) and kind.__doc__ else ""
        does = own.strip().partition("\n")[0]
        blocks[name] = Block(name, kind.__name__, does, shape_of(output))

    return note


def shape_of(output: Any) -> tuple[int, ...]:
    """Shape for one face; empty for a layer that returns more than one tensor."""
    return tuple(output.shape[1:]) if isinstance(output, Tensor) else ()


def count_in_words(module: nn.Module) -> str:
    """Write how the number of parameters comes about, with this layer's numbers."""
    match module:
        case nn.Conv2d():
            (high, wide), out = module.kernel_size, module.out_channels
            factors = f"{high}·{wide}·{module.in_channels // module.groups}·{out}"
            return factors + (f" + {out}" if module.bias is not None else "")
        case nn.Linear():
            factors, out = f"{module.in_features}·{module.out_features}", module.out_features
            return factors + (f" + {out}" if module.bias is not None else "")
        case nn.BatchNorm2d() if module.affine:
            return f"{module.num_features} + {module.num_features}"
    return " + ".join("·".join(map(str, p.shape)) for p in module.parameters(recurse=False))


def multiply_adds(module: nn.Module, output: Any) -> int:
    """Multiplications of a convolution or linear layer for one face, from its output."""
    match module:
        case nn.Conv2d():
            high, wide = module.kernel_size
            each = high * wide * module.in_channels // module.groups
            return each * output[0].numel()
        case nn.Linear():
            return module.in_features * output[0].numel()
    return 0


def analyze(analysis: Analysis) -> dict:
    """The structure of a run's network as plain JSON."""
    classifier = analysis.classifier
    return asdict(describe_structure(classifier.model, classifier.crop)) | {
        "network": type(classifier.model).__name__
    }
