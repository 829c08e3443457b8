"""What TensorBoard shows of a run, and what it should."""

from pathlib import Path

import pytest

from agegen.run.folder import Run

Scalars = dict[tuple[str, int], float]


def events_in(run: Path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    everything = {"scalars": 0, "images": 0}
    return EventAccumulator(str(run / "tensorboard"), size_guidance=everything).Reload()


def scalars_in(run: Path) -> Scalars:
    """All values by name and step, none of which has two."""
    events, found = events_in(run), {}
    for name in events.Tags()["scalars"]:
        for event in events.Scalars(name):
            assert (name, event.step) not in found
            found[name, event.step] = pytest.approx(event.value, rel=1e-6)  # float32
    return found


def pictures_in(run: Path) -> dict[str, dict[int, bytes]]:
    """PNG files by name and step."""
    events = events_in(run)
    return {
        name: {event.step: event.encoded_image_string for event in events.Images(name)}
        for name in events.Tags()["images"]
    }


def scalars_of_metrics(run: Path) -> Scalars:
    """What metrics.jsonl says should be there."""
    found = {}
    for record in Run(run).metrics():
        kind, step = record.pop("kind"), record.pop("step")
        if kind == "alarm":
            record = {f"{record['name']}_{record['direction']}": record["value"]}
        found |= {(f"{kind}/{name}", step): value for name, value in record.items()}
    return found
