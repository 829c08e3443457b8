"""What the network is made of: a table of layers that adds up, and a drawing of it."""

from collections import Counter
from collections.abc import Iterable
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from agegen.report.parts.section import Section, Table
from agegen.report.parts.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    VERMILLION,
    Axes,
    Figure,
    Picture,
    picture,
)
from agegen.report.parts.wording import count, percent
from agegen.run.files import read_json

HEADER = (
    "layer", "kind", "output", "how the count comes about", "parameters", "multiply-adds",
)  # fmt: skip
KINDS = {"Conv2d": "convolution", "Linear": "linear layer"}
CONVOLUTION_COLOURS = (BLUE, GREEN, GREY)
GAP, STAGE_GAP, LOWEST = 0.015, 0.08, 0.05  # shares of the input's side


def answer(folder: Path, evaluation: dict) -> Section:
    """Answer the question after the structure, from analysis/structure.json."""
    content = read_json(folder / "structure.json")
    layers = layer_table("Every layer in the order of the computation", content, content["layers"])
    does = {block["kind"]: block["does"] for block in content["blocks"] if block["does"]}
    short = layer_table("Layers and blocks in the order of the computation", content, join(content))
    largest = max(content["layers"], key=lambda layer: layer["parameters"])
    busiest = max(content["layers"], key=lambda layer: layer["multiply_adds"])
    return Section(
        "structure",
        "What is the structure of the network, and how many parameters does it have?",
        "Quelle est la structure du réseau, et combien de paramètres possède-t-il ?",
        [
            describe_size(content),
            f"The most parameters are in {largest['name']}: {largest['formula']} = "
            f"{largest['parameters']:,}; the most multiply-adds in {busiest['name']} "
            f"({busiest['multiply_adds']:,}), whose output is {in_words(busiest['output'])}.",
        ],
        tables=[short, layers] if content["blocks"] else [layers],
        pictures=[picture_network(content)],
        details=[
            *(f"{kind}: {text}" for kind, text in does.items()),  # in the words of its class
            "Output: channels × height × width for one face. A convolution has k·k·c_in·c_out "
            "parameters (and c_out more with a bias), a linear layer inputs·outputs + outputs, a "
            f"batch norm two a channel. {content['buffers']:,} more numbers are kept but not "
            "trained (running means and variances). Multiply-adds are those of convolutions and "
            "linear layers; steps that are no layers of their own, such as sums, are not listed.",
        ],
        command=f"python recipes/analyze_classifier.py --run {folder.parent} --chapters structure",
    )


def describe_size(content: dict) -> str:
    """Parameters and work of the whole network, and the convolutions' share of both."""
    convolutions = [layer for layer in content["layers"] if layer["kind"] == "Conv2d"]
    total, work = content["parameters"], content["multiply_adds"]
    with_parameters = sum(layer["parameters"] > 0 for layer in content["layers"])
    shares = [
        percent(sum(layer[key] for layer in convolutions) / whole) if whole else "–"
        for key, whole in (("parameters", total), ("multiply_adds", work))
    ]
    return (
        f"{content['network']}: {total:,} trained parameters in {with_parameters} layers, and "
        f"{work / 1e6:,.1f} million multiply-adds for one face of {content['input'][1]} × "
        f"{content['input'][2]} pixels. {len(convolutions)} of the layers are convolutions, which "
        f"have {shares[0]} of the parameters and {shares[1]} of the multiply-adds."
    )


def in_words(shape: Iterable[int]) -> str:
    """32×48×48, which does not break over lines."""
    return "×".join(map(str, shape))


def layer_table(caption: str, content: dict, rows: list[dict]) -> Table:
    """One row a layer or block; the last row is the total."""
    cells = [
        (
            row["name"], row["kind"], in_words(row["output"]), row["formula"],
            f"{row['parameters']:,}", f"{row['multiply_adds']:,}",
        )
        for row in rows
    ]  # fmt: skip
    if content["elsewhere"]:
        cells.append(("elsewhere", "", "", "", f"{content['elsewhere']:,}", ""))
    totals = f"{content['parameters']:,}", f"{content['multiply_adds']:,}"
    cells.append((f"total of {len(content['layers'])} layers", "", "", "", *totals))
    return Table(caption, HEADER, cells)


def join(content: dict) -> list[dict]:
    """Rows of layers and blocks; a block's numbers are the sums over its layers."""
    grouped: dict[str, list[dict]] = {}
    for layer in content["layers"]:
        grouped.setdefault((block_of(layer, content) or layer)["name"], []).append(layer)
    blocks = {block["name"]: block for block in content["blocks"]}
    return [
        sum_up(blocks[name], layers) if name in blocks else layers[0]
        for name, layers in grouped.items()
    ]


def sum_up(block: dict, layers: list[dict]) -> dict:
    """The row of a block."""
    counts = Counter(layer["kind"] for layer in layers)
    kinds = ", ".join(kind if n == 1 else f"{n} {kind}" for kind, n in counts.items())
    terms = [layer["formula"] for layer in layers if layer["formula"]]
    return block | {
        "kind": f"{block['kind']}: {kinds}",
        "formula": " + ".join(f"({term})" if "+" in term else term for term in terms),
        "parameters": sum(layer["parameters"] for layer in layers),
        "multiply_adds": sum(layer["multiply_adds"] for layer in layers),
    }


def block_of(layer: dict, content: dict) -> dict | None:
    """The block that a layer belongs to, or None."""
    return next((b for b in content["blocks"] if layer["name"].startswith(f"{b['name']}.")), None)


class Slab(NamedTuple):
    """One drawn layer."""

    what: str  # "input", or kind and size of kernel
    shape: tuple[int, ...]  # of the output of the layer: (c, h, w) or (c,)
    parameters: int  # of the layer, and of those after it that are not drawn
    block: str  # name of its block; empty where it has none
    inside: bool = False  # a vector between feature maps, as gates of squeeze-and-excitation are


def list_slabs(content: dict) -> list[Slab]:
    """The input and all layers with weight matrices; others' parameters go to the one before."""
    slabs, layers = [Slab("input", tuple(content["input"]), 0, "")], content["layers"]
    last_map = max((i for i, layer in enumerate(layers) if len(layer["output"]) == 3), default=0)
    for i, layer in enumerate(layers):
        if layer["kind"] not in KINDS or not layer["output"]:
            last = slabs[-1]
            slabs[-1] = last._replace(parameters=last.parameters + layer["parameters"])
            continue
        shape, block = tuple(layer["output"]), block_of(layer, content)
        name, inside = block["name"] if block else "", len(shape) == 1 and i < last_map
        kind = KINDS[layer["kind"]]
        if layer["kind"] == "Conv2d":  # its formula begins with the size of its kernel
            kind += " " + "×".join(layer["formula"].split("·")[:2])
        slabs.append(Slab(kind, shape, layer["parameters"], name, inside))
    return slabs


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
        f"{in_words(largest_shape(stage))}: {count(len(stage), 'layer')} with weights, "
        f"{sum(slab.parameters for slab in stage):,} parameters"
        for stage in stages[1:]
    )
    boxes = {block["kind"] for block in content["blocks"]}
    framed = f" Frames: {', '.join(sorted(boxes))}." if boxes else ""
    return picture(
        "The network", f"{content['network']}, {content['parameters']:,} parameters",
        partial(draw_network, stages=stages), f"{words}.",
        "From left to right, every layer with weights: its height is the side of its feature maps, "
        f"its width grows with their number.{framed} Above, channels × height × width; below, the "
        "parameters of all layers of that size.",
        height=2.6, wide=True,
    )  # fmt: skip


def largest_shape(stage: list[Slab]) -> tuple[int, ...]:
    """Shape of the last feature maps of a stage, or of its last vector."""
    maps = [slab.shape for slab in stage if not slab.inside]
    return maps[-1] if maps else stage[-1].shape


def draw_network(figure: Figure, stages: list[list[Slab]]) -> None:
    """Draw the slabs of `list_stages` in rows of the same height, with frames around blocks."""
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
        middle, parameters = (start + left - GAP * side) / 2, sum(s.parameters for s in stage)
        words: dict[str, Any] = {"x": middle, "ha": "center", "fontsize": 5.5}
        axes.text(y=1.04 * side, s=in_words(largest_shape(stage)), va="bottom", **words)
        axes.text(y=-0.04 * side, s=f"{parameters:,}", va="top", **words)
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
