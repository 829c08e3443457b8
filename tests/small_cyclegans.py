"""Small CycleGAN trainings for the tests: a step takes some 20 ms."""

from pathlib import Path

import torch
from alexnets import write_trunk
from torch import nn

from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.model import DiscriminatorConfig, GeneratorConfig
from agegen.faces.store import FaceStore
from agegen.run.folder import Run
from agegen.run.tensor_files import load_tensors

TIMES = {"pairs_per_second", "peak_gib", "seconds"}
SMALL = {
    "size": 32,
    "generator": GeneratorConfig(width=4, blocks=1),
    "discriminator": DiscriminatorConfig(width=4, receptive_field=16),
    "constant_pairs": 24,
    "decay_pairs": 24,
    "watch_every": 10**6,
    "checkpoint_every": 10**6,
    "pool_size": 6,
    "verified": 0.0,
    "precision": "float32",
    "threads": 1,
}


def on_features(store: FaceStore, folder: Path) -> dict[str, object]:
    """Options of 4 steps as shipped: delta, features of a file, groups, and all that goes with it.

    Trunk and table are written to the folder, if they are not there.
    """
    trunk, table = folder / "alexnet.safetensors", folder / "groups.csv"
    if not trunk.exists():
        write_trunk(trunk)
        rows = [f"{Path(path).name},{'ab'[i // 4 % 2]}" for i, path in enumerate(store.paths)]
        table.write_text("path,group\n" + "\n".join(rows) + "\n")
    return {
        "size": 44, "constant_pairs": 4, "decay_pairs": 4, "checkpoint_every": 2,
        "generator": GeneratorConfig("delta", width=8, blocks=1),
        "discriminator": DiscriminatorConfig("features", width=8, trunk=trunk),
        "batch_size": 2, "discriminator_batch": 4, "betas": (0.5, 0.99),
        "discriminator_rate": 4.0, "other_age": 0.3, "cycle_weight": 1.5, "cycle_every": 2,
        "identity_weight": 0.0, "change_weight": 0.4, "coarse_change_weight": 0.8,
        "tone_jitter": 0.25, "grid_jitter": 3, "sharpest": 0.75, "balance": (str(table),),
    }  # fmt: skip


def small_config(store: FaceStore, out: Path, **options: object) -> CycleGANConfig:
    """12 steps of 4 pairs, watched and saved at the end only."""
    return CycleGANConfig(store.folder, out, **{**SMALL, **options})


def steps_of(run: Path) -> list[dict]:
    """The figures of the logged steps, without their times."""
    rows = [r for r in Run(run).metrics() if r["kind"] == "step"]
    return [{k: v for k, v in row.items() if k not in TIMES | {"kind"}} for row in rows]


def assert_same_end(one: Path, other: Path) -> None:
    """All tensors of the last checkpoints are the same bits, and so are the files for use."""
    a, b = Run(one).latest_checkpoint(), Run(other).latest_checkpoint()
    assert a.step == b.step
    assert a.tensors.keys() == b.tensors.keys()
    kept = [(name, a.tensors[name], b.tensors[name]) for name in a.tensors]
    kept.append(("file", *(load_tensors(run / "generators.safetensors") for run in (one, other))))
    for name, mine, theirs in kept:
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(t, theirs[k]) for k, t in mine.items()), name


class BatchNormGenerator(nn.Sequential):
    """A network of a user's own that cannot be trained."""

    def __init__(self, width: int, blocks: int, upsampling: str) -> None:
        super().__init__(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3))
