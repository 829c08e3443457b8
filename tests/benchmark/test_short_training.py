"""A short training has as many steps as are timed, whatever its batch."""

from pathlib import Path

import pytest

from agegen.benchmark.classifier_loops import short_training
from agegen.benchmark.config import BenchmarkConfig
from agegen.classifier.training_faces import open_faces
from agegen.faces.batches import steps_in_epoch
from agegen.faces.store import FaceStore


@pytest.mark.parametrize("batch", [4, 64, 256])
def test_it_has_the_steps_that_are_timed(drawn_store: FaceStore, batch: int) -> None:
    config = BenchmarkConfig(steps=6)
    training = short_training(drawn_store, Path(), config, batch=batch)
    assert training.batch_size == batch
    faces = len(open_faces(training).indices("train"))
    steps = training.epochs * steps_in_epoch(faces, batch)
    assert steps >= config.warm_up + config.steps
