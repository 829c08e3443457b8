"""A drawing of a network: every layer with weights, as high as its feature maps are."""

from __future__ import annotations

from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from agegen.report.parts.style import BLACK, BLUE, GREEN, GREY, VERMILLION, Picture, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = {"Conv2d": "convolution", "Linear": "linear layer"}
CONVOLUTION_COLOURS = (BLUE, GREEN, GREY)
GAP, STAGE_GAP, LOWEST = 0.015, 0.08, 0.05  # shares of the input's side


class Slab(NamedTuple):
    """One drawn layer.

    Attributes:
        what: "input", or kind and size of kernel.
        shape: of the output of the layer: (c, h, w) or (c,).
        parameters: of the layer, and of those after it that are not drawn.
        block: name of its block; empty where it has none.
        inside: True for a vector between feature maps, as the gates of squeeze-and-excitation are.
    """

    what: str
    shape: tuple[int, ...]
    parameters: int
    block: str
    inside: bool = False


def list_slabs(content: dict) -> list[Slab]:
    """The input and all layers with weight matrices; the others' parameters go to the one before.

    Args:
        content: of analysis/structure.json.
    """
    slabs = [Slab("input", tuple(content["input"]), 0, "")]
    names = [block["name"] for block in content["blocks"]]
    last_map = max(
        (i for i, layer in enumerate(content["layers"]) if len(layer["output"]) == 3), default=0
    )
    for i, layer in enumerate(content["layers"]):
        if layer["kind"] not in KINDS or not layer["output"]:
            last = slabs[-1]
            slabs[-1] = last._replace(parameters=last.parameters + layer["parameters"])
            continue
        shape = tuple(layer["output"])
        block = next((name for name in names if layer["name"].startswith(f"{name}.")), "")
        inside = len(shape) == 1 and i < last_map
        slabs.append(Slab(name_kind(layer), shape, layer["parameters"], block, inside))
    return slabs


def name_kind(layer: dict) -> str:
    """Kind of a layer, with the size of a convolution's kernel, which its formula begins with."""
    if layer["kind"] == "Conv2d":
        high, wide = layer["formula"].split("·")[:2]
        return f"{KINDS['Conv2d']} {high}×{wide}"
    return KINDS[layer["kind"]]


def list_stages(slabs: list[Slab]) -> list[list[Slab]]:
    """The input, then runs of slabs of one height; vectors between maps belong to theirs."""
    sides: list[int] = []
    for slab in slabs[1:]:
        vector = len(slab.shape) == 1
        sides.append(sides[-1] if slab.inside and sides else 0 if vector else slab.shape[1])
    numbered = zip(sides, slabs[1:], strict=True)
    runs = groupby(numbered, key=lambda pair: pair[0])
    return [slabs[:1], *([slab for _, slab in run] for _, run in runs)]


def picture_network(content: dict) -> Picture:
    """The network from left to right."""
    stages = list_stages(list_slabs(content))
    words = "; ".join(
        f"{'×'.join(map(str, largest_shape(stage)))}: {len(stage)} "
        f"{'layer' if len(stage) == 1 else 'layers'} with weights, "
        f"{sum(slab.parameters for slab in stage):,} parameters"
        for stage in stages[1:]
    )
    boxes = {block["kind"] for block in content["blocks"]}
    framed = f" Frames: {', '.join(sorted(boxes))}." if boxes else ""
    drawn = picture(
        "The network", f"{content['network']}, {content['parameters']:,} parameters",
        partial(draw_network, stages=stages), f"{words}.",
        "From left to right, every layer with weights: its height is the side of its feature maps, "
        f"its width grows with their number.{framed} Above, channels × height × width; below, the "
        "parameters of all layers of that size.",
        height=2.6,
    )  # fmt: skip
    return drawn._replace(wide=True)


def largest_shape(stage: list[Slab]) -> tuple[int, ...]:
    """Shape of the last feature maps of a stage, or of its last vector."""
    maps = [slab.shape for slab in stage if not slab.inside]
    return maps[-1] if maps else stage[-1].shape


def draw_network(figure: Figure, stages: list[list[Slab]]) -> None:
    """Draw the slabs in rows of the same height, with frames around blocks.

    Args:
        figure: to draw on.
        stages: of `list_stages`; the first one is the input.
    """
    axes = figure.subplots()
    side = stages[0][0].shape[1]
    colours = {"input": "white", KINDS["Linear"]: VERMILLION}
    kinds = dict.fromkeys(slab.what for stage in stages for slab in stage)
    convolutions = [kind for kind in kinds if kind not in colours]
    colours |= dict(zip(convolutions, CONVOLUTION_COLOURS, strict=False))
    left, named = 0.0, set[str]()
    for stage in stages:
        start = left
        for _, run in groupby(stage, key=lambda slab: slab.block):
            left = draw_run(axes, list(run), left, side, colours, named)
        label_stage(axes, stage, (start + left - GAP * side) / 2, side)
        left = max(left, start + 0.42 * side) + STAGE_GAP * side
    axes.set(xlim=(-0.12 * side, left), ylim=(-0.16 * side, 1.16 * side))
    axes.axis("off")
    figure.legend(loc="outside lower center", ncols=len(named), fontsize=6)


def draw_run(
    axes: Axes, run: list[Slab], left: float, side: int, colours: dict, named: set[str]
) -> float:
    """Draw neighbouring slabs of one block, with its frame; returns where the next one begins."""
    start, highest = left, 0.0
    for slab in run:
        high = slab.shape[1] if len(slab.shape) == 3 else LOWEST * side
        wide = 0.006 * side * slab.shape[0] ** 0.5
        axes.bar(
            left + wide / 2, high, wide, (side - high) / 2, edgecolor=BLACK, linewidth=0.4,
            color=colours.get(slab.what, GREY), alpha=0.75,
            label=slab.what if slab.what not in named else None,
        )  # fmt: skip
        named.add(slab.what)
        left += wide + GAP * side
        highest = max(highest, high)
    if run[0].block:
        edge, high = 0.5 * GAP * side, highest + 0.05 * side
        axes.bar(
            start - edge, high, left - start, (side - high) / 2, align="edge", fill=False,
            edgecolor=GREY, linewidth=0.6,
        )  # fmt: skip
    return left


def label_stage(axes: Axes, stage: list[Slab], middle: float, side: int) -> None:
    """Write the shape above a stage and its parameters below."""
    shape = "×".join(map(str, largest_shape(stage)))
    parameters = sum(slab.parameters for slab in stage)
    axes.text(middle, 1.04 * side, shape, ha="center", va="bottom", fontsize=5.5)
    axes.text(middle, -0.04 * side, f"{parameters:,}", ha="center", va="top", fontsize=5.5)
