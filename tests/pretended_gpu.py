"""A GPU that only exists as shapes, types and devices: it finds what would fail or wait on one.

Tensors on the device are fake, those of the CPU are real. Nothing is computed there, so that a
backward pass gives gradients of 0.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode, unset_fake_temporarily
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from agegen.run.devices import Precision, make_accelerator

GPU = torch.device("cuda", 0)
ASK_FOR_VALUES = {
    "_local_scalar_dense", "nonzero", "masked_select", "equal", "bincount", "_unique2",
    "unique_dim", "unique_consecutive", "repeat_interleave",
}  # fmt: skip
WITHOUT_SHAPES = {"_fused_sgd_"}  # torch does not know what they do to tensors that are not there
INDEXING = {"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index"}


class WaitsError(Exception):
    """A step would wait for the GPU, or the GPU for the host's memory."""


class Watch(TorchDispatchMode):
    """Keeps tensors of the CPU real; with `strict`, refuses operations that wait.

    Raises:
        WaitsError: at the line that would wait.
    """

    def __init__(self, fake: FakeTensorMode) -> None:
        super().__init__()
        self.fake, self.strict, self.seen = fake, False, 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
        made_there = torch.device(kwargs.get("device") or "cpu").type == "cuda"
        if not made_there and not any(isinstance(x, FakeTensor) for x in tensors):
            with unset_fake_temporarily():
                return func(*args, **kwargs)
        self.seen += 1
        if self.strict and (why := why_it_waits(func, args, kwargs)):
            raise WaitsError(f"{func}: {why}")
        if name_of(func) in WITHOUT_SHAPES:
            return None
        args, kwargs = tree_map(self.as_fake, (args, kwargs))
        return func(*args, **kwargs)

    def as_fake(self, x: Any) -> Any:
        """The shape and type of a tensor of the CPU, as a mix of devices needs it."""
        is_real = isinstance(x, Tensor) and not isinstance(x, FakeTensor)
        return self.fake.from_tensor(x) if is_real else x


def name_of(func: Any) -> str:
    """Of an operation, without its kind of arguments."""
    return func._schema.name.removeprefix("aten::")


def why_it_waits(func: Any, args: tuple, kwargs: dict) -> str:
    """What the host or the GPU waits for in an operation on the device; empty if for nothing."""
    name = name_of(func)
    if name in ASK_FOR_VALUES:
        return "a value is asked for"
    if name in INDEXING:
        numbers = [x for x in args[1] if isinstance(x, Tensor)]
        if any(x.dtype in (torch.bool, torch.uint8) for x in numbers):
            return "how many a mask selects is asked for"
        if any(x.device.type == "cpu" for x in numbers):
            return "numbers of rows are copied"
    if name == "_to_copy":
        target = kwargs.get("device") or args[0].device
        return why_a_copy_waits(args[0], target, kwargs.get("non_blocking", False))
    if name in ("copy_", "_foreach_copy_"):
        given = func._schema.arguments[2].name if len(args) > 2 else ""
        free = args[2] if given == "non_blocking" else kwargs.get("non_blocking", False)
        pairs = zip(*(x if isinstance(x, list | tuple) else [x] for x in args[:2]), strict=True)
        reasons = [why_a_copy_waits(source, target.device, free) for target, source in pairs]
        return next(filter(None, reasons), "")
    return ""


def why_a_copy_waits(source: Tensor, target: torch.device, non_blocking: bool) -> str:
    """The same of a copy."""
    if source.device.type == target.type:
        return ""
    if not non_blocking:
        return "a blocking copy"
    pinned = getattr(source, "is_pretended_pinned", False)
    if source.device.type == "cpu" and not (pinned and source.is_contiguous()):
        return "a copy from memory that is not pinned, or in pieces"
    return ""


def pin(tensor: Tensor) -> Tensor:
    """The same values, marked."""
    pinned = tensor.detach()
    pinned.is_pretended_pinned = True  # type: ignore[attr-defined]
    return pinned


@contextmanager
def pretended_gpu() -> Iterator[Watch]:
    """Let `device="cuda"` mean a GPU that only exists as shapes."""
    with (
        patch.object(Tensor, "pin_memory", pin),
        patch("torch.cuda.amp.common.amp_definitely_not_available", lambda: False),
        patch("torch.cuda.is_bf16_supported", lambda *_: True),
        patch("torch.utils.swap_tensors", torch._C._swap_tensor_impl),  # torch minds its own memo
        patch.object(FakeTensorMode, "__deepcopy__", lambda mode, _: mode, create=True),
        FakeTensorMode() as fake,
        Watch(fake) as watch,
    ):
        yield watch


@contextmanager
def accelerator_on(precision: Precision) -> Iterator[Accelerator]:
    """Accelerate as it is on one GPU; enter it within `pretended_gpu`."""
    accelerator = make_accelerator("float32")
    plain = precision == "float32"
    with (
        patch.dict(PartialState._shared_state, device=GPU),
        patch.dict(AcceleratorState._shared_state, device=GPU),
        patch.object(accelerator.state, "_mixed_precision", "no" if plain else precision),
        patch.object(accelerator, "native_amp", not plain),
        patch.object(accelerator, "backward", lambda loss: give_gradients(accelerator, loss)),
    ):
        if precision == "fp16":
            accelerator.scaler = torch.amp.GradScaler("cuda")
        yield accelerator


def give_gradients(accelerator: Accelerator, loss: Tensor) -> None:
    """Do what `accelerator.backward` does but for the numbers: autograd needs a GPU."""
    assert loss.requires_grad
    assert loss.shape == ()
    if accelerator.scaler:
        accelerator.scaler.scale(loss)
    for network in accelerator._models:
        for weight in network.parameters():
            if weight.requires_grad:
                weight.grad = torch.zeros_like(weight)
