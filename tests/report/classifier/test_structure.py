"""The section on the structure: tables that add up, and a drawing that holds every layer."""

from dataclasses import asdict
from pathlib import Path

import pytest
from analyses import undrawn, words_of  # noqa: F401 - a fixture
from torch import nn

from agegen.analysis.structure import describe_structure
from agegen.classifier.model import PlainCNN, ResidualCNN
from agegen.report.classifier import structure
from agegen.report.classifier.structure import (
    draw_network,
    largest_shape,
    list_slabs,
    list_stages,
)
from agegen.run.files import write_json


def content_of(model: nn.Module) -> dict:
    return asdict(describe_structure(model, 40)) | {"network": type(model).__name__}


def number(text: str) -> int:
    return int(text.replace(",", ""))


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("model", [PlainCNN((8, 16)), ResidualCNN((8, 12), 2, 4)], ids=str)
def test_every_table_adds_up_to_its_last_row(model: nn.Module, tmp_path: Path) -> None:
    write_json(tmp_path / "structure.json", content_of(model))
    section = structure.answer(tmp_path, {})
    assert len(section.tables) == (2 if isinstance(model, ResidualCNN) else 1)
    for table in section.tables:
        for column in (-2, -1):
            *parts, total = (number(row[column]) for row in table.rows)
            assert sum(parts) == total
    total = sum(p.numel() for p in model.parameters())
    assert number(section.tables[0].rows[-1][-2]) == total
    assert f"{total:,} trained parameters" in section.answer[0]


@pytest.mark.usefixtures("undrawn")
def test_blocks_have_the_output_and_the_words_of_the_whole(tmp_path: Path) -> None:
    write_json(tmp_path / "structure.json", content_of(ResidualCNN((8, 12), 1, 4)))
    section = structure.answer(tmp_path, {})
    rows = {row[0]: row for row in section.tables[0].rows}
    assert rows["stages.1"][2] == "12×5×5"  # not the 12 of its last layer, a gate
    assert rows["stages.1"][1].startswith("ResidualBlock: 2 BatchNorm2d, 3 Conv2d, 2 Linear")
    assert "(8·4 + 4)" in rows["stages.0"][3]
    assert "added to the input" in words_of(section)


@pytest.mark.usefixtures("undrawn")
def test_parameters_outside_of_layers_are_in_the_total(tmp_path: Path) -> None:
    model = PlainCNN((8,))
    model.register_parameter("extra", nn.Parameter(model[0].weight[0].detach().clone()))
    write_json(tmp_path / "structure.json", content_of(model))
    rows = structure.answer(tmp_path, {}).tables[0].rows
    assert rows[-2][0] == "elsewhere"
    assert rows[-2][-2] == "27"


@pytest.mark.parametrize("model", [PlainCNN((8, 16)), ResidualCNN((8, 12), 2, 4)], ids=str)
def test_the_drawing_holds_every_layer_with_weights_and_all_parameters(model: nn.Module) -> None:
    from matplotlib.figure import Figure

    slabs = list_slabs(content_of(model))
    weighted = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(slabs) == 1 + len(weighted)
    assert sum(slab.parameters for slab in slabs) == sum(p.numel() for p in model.parameters())
    stages = list_stages(slabs)
    shapes = [largest_shape(stage) for stage in stages]
    plain = [(3, 40, 40), (8, 40, 40), (16, 20, 20), (2,)]
    residual = [(3, 40, 40), (8, 20, 20), (8, 10, 10), (12, 5, 5), (2,)]
    assert shapes == (plain if isinstance(model, PlainCNN) else residual)
    figure = Figure()
    draw_network(figure, stages)
    written = {text.get_text() for text in figure.axes[0].texts}
    assert {f"{sum(slab.parameters for slab in stage):,}" for stage in stages} <= written
    boxes = [patch for patch in figure.axes[0].patches if patch.get_fill()]
    assert [round(box.get_height()) for box in boxes] == [
        slab.shape[1] if len(slab.shape) == 3 else 2 for slab in slabs
    ]
    frames = len(figure.axes[0].patches) - len(boxes)
    assert frames == (4 if isinstance(model, ResidualCNN) else 0)
