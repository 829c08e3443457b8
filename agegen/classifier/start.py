"""A classifier's training that starts from trained weights."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from agegen.classifier.config import TrainConfig
from agegen.classifier.predict import load_classifier
from agegen.run.configs import from_plain
from agegen.run.files import read_json
from agegen.run.start import adopted, checksums, find_origin
from agegen.run.tensor_files import Tensors


class Start(NamedTuple):
    """What a training begins with; nothing of it where it begins by chance, or is under way.

    Attributes:
        weights: of the network.
        facts: for config.json.
        note: to be said.
    """

    weights: Tensors | None
    facts: dict
    note: str


NOTHING = Start(None, {}, "")


def with_start(config: TrainConfig) -> tuple[TrainConfig, Start]:
    """Find what a training starts from, and take the network's settings over.

    Args:
        config: as asked for.

    Raises:
        UserError: the start is no run of a classifier or is damaged, `out` lies in it, or another
            network was asked for.
    """
    origin = find_origin(config.start_from, config.out, config.resume, "classifier")
    if origin is None:
        return config, NOTHING
    if origin.under_way:
        found = config_of(origin.run).model
        model = adopted(config.model, found, "model", origin)
        return replace(config, start_from=origin.named, model=model), NOTHING
    start = load_classifier(origin.run, "cpu")
    model = adopted(config.model, start.config.model, "model", origin)
    note = f"starts from the best weights of {origin.named}, for views of {start.crop} pixels"
    facts = checksums(origin.run / "best.safetensors")
    return (
        replace(config, start_from=origin.named, model=model),
        Start(start.model.state_dict(), facts, note),
    )


def config_of(run: Path) -> TrainConfig:
    """The config of a run."""
    file = run / "config.json"
    return from_plain(TrainConfig, read_json(file)["config"], file)
