"""The table, the estimates and the efficiency of more processes."""

from functools import partial
from pathlib import Path

import pytest

from agegen.benchmark.config import BenchmarkConfig
from agegen.benchmark.machine import Machine
from agegen.benchmark.scaling import Scaling, Way, ways_to_try
from agegen.benchmark.table import Estimate, aligned, duration, estimate, write_table
from agegen.benchmark.turns import Contestant, Group, Speed
from agegen.classifier.config import TrainConfig
from agegen.cyclegan.config import CycleGANConfig
from agegen.run.errors import UserError


def machine(gpus: int = 0, cores: int = 4) -> Machine:
    peaks = {"float32": 1e11, "bf16": 4e11}
    gpu = "a GPU" if gpus else ""
    return Machine("a CPU", cores, cores, gpu, gpus, "2.0", "today", ("float32", "bf16"), peaks)


def test_the_table_has_medians_of_ratios_and_shares_of_the_right_peak() -> None:
    call = partial(Speed, 0.0, 0.0)
    plain = Contestant("plain", call, "float32", 1e9)
    ours = Contestant("ours", call, "bf16", 2e9)
    other = Contestant("other", call, "bf16", 1e9, is_comparable=False)
    turns = [
        [Speed(10, 1.0, 0.5), Speed(20, 1.0, 0.5), Speed(30, 1.0, 0.5)],
        [Speed(20, 2.0), Speed(60, 2.0), Speed(30, 2.0)],
        [Speed(40, 0.5), Speed(40, 0.5), Speed(40, 0.5)],
    ]
    text = write_table(machine(), [Group("a race", [plain, ours, other], turns)], [], [])
    rows = [line.split() for line in text.splitlines()]
    assert ["plain", "20.0", "1.00", "1.00–1.00", "1.00", "20", "20%", "50.0%"] in rows
    assert ["ours", "30.0", "2.00", "1.00–3.00", "2.00", "60", "15%", "–"] in rows
    assert ["other", "40.0", "–", "–", "0.50", "40", "10%", "–"] in rows


def test_estimates_are_images_over_speed() -> None:
    classifier = TrainConfig(Path(), Path(), epochs=10)
    cyclegan = CycleGANConfig(Path(), Path(), constant_pairs=600, decay_pairs=300)
    own, cacd, pairs = estimate((100.0, 6.0), 500, classifier, cyclegan)
    assert [own.seconds, cacd.seconds, pairs.seconds] == [50, 4000, 300]
    assert "500 training faces" in own.what
    assert "900 pairs" in pairs.what


def test_an_estimate_is_written_in_its_unit() -> None:
    text = write_table(machine(), [], [], [Estimate("a training", 7200.0)])
    assert text.endswith("\n  a training: 2.0 h")
    assert [duration(s) for s in (59, 600)] == ["59 s", "10 min"]


def test_efficiency_is_of_all_cores_used() -> None:
    scaling = Scaling("x", [Way(1, 1), Way(1, 4), Way(4, 1)], [10.0, 20.0, 36.0])
    assert scaling.efficiencies == pytest.approx([1.0, 0.5, 0.9])
    rows = [line.split() for line in write_table(machine(), [], [scaling], []).splitlines()]
    assert ["4", "1", "36.0", "90%"] in rows


def test_ways_begin_with_one_and_end_with_all() -> None:
    assert ways_to_try(BenchmarkConfig(), machine(cores=4)) == [Way(1, 1), Way(1, 4), Way(4, 1)]
    assert ways_to_try(BenchmarkConfig(), machine(gpus=2)) == [Way(1, 1), Way(2, 1)]
    assert ways_to_try(BenchmarkConfig(processes=(1,)), machine()) == []
    with pytest.raises(UserError, match="--processes 5 is more than the 4 core"):
        ways_to_try(BenchmarkConfig(processes=(1, 5)), machine())


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert aligned([["a", "100"], [], ["long", "2"]]) == "a     100\n\nlong    2"


@pytest.mark.parametrize("wrong", [{"rounds": 0}, {"batch_sizes": ()}, {"size": -1}, {"drawn": 5}])
def test_wrong_settings_are_refused(wrong: dict) -> None:
    with pytest.raises(UserError, match=f"--{next(iter(wrong)).replace('_', '-')} "):
        BenchmarkConfig(**wrong)


@pytest.mark.parametrize(("steps", "warm_up"), [(2, 2), (15, 5), (60, 20)])
def test_the_warm_up_is_a_third_and_checkpoints_stay_few(steps: int, warm_up: int) -> None:
    assert BenchmarkConfig(steps=steps).warm_up == warm_up
