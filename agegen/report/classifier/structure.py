"""What the network is made of: a table of layers that adds up, and a drawing of it."""

from pathlib import Path

from agegen.report.classifier.structure_figure import picture_network
from agegen.report.parts.section import Section, Table
from agegen.report.parts.wording import percent
from agegen.run.files import read_json

HEADER = (
    "layer", "kind", "output", "how the count comes about", "parameters", "multiply-adds",
)  # fmt: skip


def answer(folder: Path, evaluation: dict) -> Section:
    """Answer the question after the structure, from analysis/structure.json.

    Args:
        folder: of the analysis.
        evaluation: unused: the structure was there before any face.
    """
    content = read_json(folder / "structure.json")
    layers = layer_table("Every layer in the order of the computation", content, content["layers"])
    short = layer_table("Layers and blocks in the order of the computation", content, join(content))
    return Section(
        "structure",
        "What is the structure of the network, and how many parameters does it have?",
        "Quelle est la structure du réseau, et combien de paramètres possède-t-il ?",
        [describe_size(content), describe_largest(content)],
        tables=[short, layers] if content["blocks"] else [layers],
        pictures=[picture_network(content)],
        details=[
            *describe_blocks(content),
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


def describe_largest(content: dict) -> str:
    """Name the layers with the most parameters and with the most work."""
    parameters = max(content["layers"], key=lambda layer: layer["parameters"])
    work = max(content["layers"], key=lambda layer: layer["multiply_adds"])
    return (
        f"The most parameters are in {parameters['name']}: {parameters['formula']} = "
        f"{parameters['parameters']:,}; the most multiply-adds in {work['name']} "
        f"({work['multiply_adds']:,}), whose output is {in_words(work['output'])}."
    )


def describe_blocks(content: dict) -> list[str]:
    """Say what each kind of block does, in the words of its class."""
    does = {block["kind"]: block["does"] for block in content["blocks"] if block["does"]}
    return [f"{kind}: {text}" for kind, text in does.items()]


def in_words(shape: list[int]) -> str:
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
    rows: dict[str, dict] = {}
    for layer in content["layers"]:
        block = block_of(layer, content["blocks"])
        if block is None:
            rows[layer["name"]] = layer
            continue
        empty = block | {"kinds": [], "terms": [], "parameters": 0, "multiply_adds": 0}
        row = rows.setdefault(block["name"], empty)
        row["kinds"].append(layer["kind"])
        row["terms"] += [layer["formula"]] if layer["formula"] else []
        row["parameters"] += layer["parameters"]
        row["multiply_adds"] += layer["multiply_adds"]
    for row in rows.values():
        if "kinds" in row:
            row["kind"] = f"{row['kind']}: {count_kinds(row['kinds'])}"
            row["formula"] = " + ".join(f"({t})" if "+" in t else t for t in row["terms"])
    return list(rows.values())


def block_of(layer: dict, blocks: list[dict]) -> dict | None:
    """The block that a layer belongs to, or None."""
    return next((b for b in blocks if layer["name"].startswith(f"{b['name']}.")), None)


def count_kinds(kinds: list[str]) -> str:
    """2 Conv2d, Linear, … in the order of their first."""
    return ", ".join(
        name if kinds.count(name) == 1 else f"{kinds.count(name)} {name}"
        for name in dict.fromkeys(kinds)
    )
