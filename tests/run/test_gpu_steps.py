"""Steps of both trainings on a GPU that only exists as shapes: nothing fails, nothing waits."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from unittest.mock import MagicMock, patch

import numpy as np
import pytest
import torch
from pretended_gpu import GPU, WaitsError, Watch, accelerator_on, pretended_gpu
from small_cyclegans import on_features, small_config
from torch import Tensor

from agegen.classifier import train as classifier
from agegen.classifier import training as classifier_training
from agegen.classifier.config import TrainConfig
from agegen.classifier.model import ModelConfig, build_model
from agegen.cyclegan import objective as cyclegan_objective
from agegen.cyclegan import train as cyclegan
from agegen.cyclegan import training as cyclegan_training
from agegen.cyclegan.losses import GAN_LOSSES
from agegen.cyclegan.model import GeneratorConfig, build_generator
from agegen.faces.store import FaceStore
from agegen.faces.views import AugmentConfig, at_side, evaluation_views, random_crops, to_uint8
from agegen.run.devices import to_device
from agegen.run.folder import Checkpoint

pytestmark = pytest.mark.filterwarnings("ignore:Accessing the data pointer of FakeTensor")
BEGINNING = Checkpoint(0, {}, {"rate_factor": 1.0})
BEST = classifier.Best(0, 1, 40, 0.5, 0.5, 0.7, 1.0)
BETWEEN_STEPS = {  # what may wait, as it comes once in many steps
    cyclegan: {"save": None, "require_finite": None},
    classifier: {"save": None, "validate": BEST},
}


@pytest.fixture
def gpu() -> Iterator[Watch]:
    with pretended_gpu() as watch:
        yield watch


def make_steps(module: object, loop: Callable[[], object]) -> None:
    """Run a training's loop without what comes between its steps."""
    with ExitStack() as stack:
        for name, result in BETWEEN_STEPS[module].items():
            stack.enter_context(patch.object(module, name, lambda *_, result=result: result))
        stack.enter_context(patch.object(module.StepLog, "flush", lambda _: None))
        loop()


def train_cyclegan(watch: Watch, store: FaceStore, precision: str, **options: object) -> None:
    """Two steps, with a full pool in the second."""
    config = small_config(store, Path(), constant_pairs=8, decay_pairs=0, **options)
    config = cyclegan_training.fitted_to(config, store)
    with accelerator_on(precision) as accelerator:
        training = cyclegan_training.set_up(config, accelerator, store)
        watch.strict = True
        make_steps(cyclegan, lambda: cyclegan.loop(training, config, BEGINNING, MagicMock()))
    assert training.pool_old.faces.device == GPU


def train_classifier(watch: Watch, store: FaceStore, precision: str, **options: object) -> None:
    """An epoch."""
    plain = TrainConfig(store.folder, Path(), ModelConfig(widths=(4, 8)), epochs=1, threads=1)
    config = classifier_training.fitted_to(replace(plain, **options), store)
    with accelerator_on(precision) as accelerator:
        training = classifier_training.set_up(config, accelerator, store)
        watch.strict = True
        make_steps(classifier, lambda: classifier.loop(training, config, None))


CYCLEGANS = {
    "float32": {},
    "bf16": {
        "diff_augment": True, "discriminator_batch": 8, "identity_every": 2, "accumulate": 2
    },
    "fp16": {"channels_last": True, "generator": GeneratorConfig(width=4, blocks=1, residual=True)},
}  # fmt: skip
CLASSIFIERS = {
    "float32": {"optimizer": "sgd", "clip_norm": 0.0, "channels_last": False},
    "bf16": {"early_epochs": 0.5, "model": ModelConfig("plain", widths=(4, 8))},
    "fp16": {},
}


@pytest.mark.parametrize("precision", CYCLEGANS)
def test_no_step_of_a_cyclegan_waits(gpu: Watch, drawn_store: FaceStore, precision: str) -> None:
    train_cyclegan(gpu, drawn_store, precision, **CYCLEGANS[precision])
    assert gpu.seen > 1000


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_no_step_before_frozen_features_waits(
    gpu: Watch, drawn_store: FaceStore, tmp_path: Path, precision: str
) -> None:
    options = on_features(drawn_store, tmp_path) | {"sharpest": 1.0, "balance": ()}
    for name in ("constant_pairs", "decay_pairs"):  # the helper's
        del options[name]
    train_cyclegan(gpu, drawn_store, precision, **options)
    assert gpu.seen > 1000


@pytest.mark.parametrize("precision", CLASSIFIERS)
def test_no_step_of_a_classifier_waits(gpu: Watch, drawn_store: FaceStore, precision: str) -> None:
    train_classifier(gpu, drawn_store, precision, **CLASSIFIERS[precision])
    assert gpu.seen > 400


PLANTED: dict[str, Callable[[Tensor], object]] = {
    "a value": lambda x: float(x.mean()),
    "a truth": lambda x: bool((x > 0).any()),
    "all values": lambda x: x.cpu(),
    "a list": lambda x: x.tolist(),
    "a mask": lambda x: x[x > 0],
    "an assignment by a mask": lambda x: x.__setitem__(x > 0, x[:1, 0]),
    "places": lambda x: (x > 0).nonzero(),
    "unlike values": lambda x: x.unique(),
    "rows numbered by NumPy": lambda x: x[np.array([0, 1])],
    "rows numbered on the CPU": lambda x: x[torch.tensor([0, 1])],
    "a tensor of Python's numbers": lambda x: torch.tensor([1.0, 0.0], device=x.device),
    "a blocking copy": lambda x: torch.zeros(3).pin_memory().to(x.device),
    "a copy that is not pinned": lambda x: torch.zeros(3).to(x.device, non_blocking=True),
    "a copy in pieces": lambda x: torch.zeros(3, 4)[:, :2].pin_memory().to(
        x.device, non_blocking=True
    ),
    "a copy into a tensor": lambda x: x.copy_(torch.zeros(3, 4)),
    "copies into tensors": lambda x: torch._foreach_copy_([x], [torch.zeros(3, 4)]),
}  # fmt: skip


@pytest.mark.parametrize("what", PLANTED)
def test_what_waits_is_found(gpu: Watch, what: str) -> None:
    x = torch.rand(3, 4, device=GPU)
    gpu.strict = True
    with pytest.raises(WaitsError):
        PLANTED[what](x)


def test_what_does_not_wait_is_let_pass(gpu: Watch) -> None:
    x = torch.rand(3, 4, device=GPU)
    gpu.strict = True
    x = x[1:, None] + 2.0 * torch.ones_like(x[1]).masked_fill_(x[0] > 0, 0.0)
    x.copy_(to_device(torch.zeros(3, 8)[:, :4], x.device)[:2, None])
    x = x[to_device(torch.tensor([1, 0]), x.device)].to(GPU).float()
    assert x.device == GPU
    assert torch.rand(2).tolist()  # of the CPU's own


@pytest.mark.parametrize(
    ("planted", "error"),
    [
        (lambda views: (float(views[0].mean()), views)[1], WaitsError),
        (lambda views: (views[0], torch.zeros(views[1].shape)), RuntimeError),
        (lambda views: tuple(x.half() for x in views), RuntimeError),
    ],
)
def test_what_is_planted_in_a_training_is_found(
    gpu: Watch, drawn_store: FaceStore, planted: Callable, error: type[Exception]
) -> None:
    views = cyclegan.make_views
    with (
        patch.object(cyclegan, "make_views", lambda *given: planted(views(*given))),
        pytest.raises(error),
    ):
        train_cyclegan(gpu, drawn_store, "float32")


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("upsampling", ["transposed", "nearest", "shuffle"])
def test_generators_keep_faces_on_the_device(upsampling: str) -> None:
    config = GeneratorConfig(width=4, blocks=1, upsampling=upsampling)
    generator = build_generator(config, 33).to(GPU)
    made = generator(torch.rand(2, 3, 33, 35, device=GPU))
    assert (made.device, made.shape) == (GPU, (2, 3, 33, 35))
    for loss in GAN_LOSSES.values():
        assert loss.generator(made).device == loss.discriminator(made, made).device == GPU


@pytest.mark.usefixtures("gpu")
def test_evaluation_keeps_faces_on_the_device() -> None:
    images = torch.zeros(2, 48, 48, 3, dtype=torch.uint8, device=GPU)
    model = build_model(ModelConfig(widths=(4, 8))).to(GPU).eval()
    for views in ("centre", "flip", "five", "ten"):
        assert model(at_side(evaluation_views(images, 40, views)[0], 32)).device == GPU
    crops = random_crops(images, torch.rand(2, 3, 3, dtype=torch.float64), 40)
    assert (crops.device, crops.shape) == (GPU, (3, 2, 3, 40, 40))
    assert to_uint8(crops[0]).device == GPU


def test_no_view_is_made_of_a_copied_activation() -> None:
    """An operation in place on a view makes autograd copy the whole (CopySlices)."""
    x = torch.rand(1, 3, 32, 32) * 2 - 1
    config = cyclegan_training.CycleGANConfig(
        Path(), Path(), size=32, augment=AugmentConfig(crop=32)
    )
    generators = cyclegan_objective.build_generators(config)
    discriminators = cyclegan_objective.build_discriminators(config)
    made = generators(x, x, identity=True)
    names = graph_of(made.back_old.sum() + made.back_young.sum() + made.same_old.sum())
    names |= graph_of(sum(logits.sum() for logits in discriminators(x, made.fake_old, x, x)[:4]))
    assert "ReluBackward0" in names
    assert "CopySlices" not in names


def graph_of(result: Tensor) -> set[str]:
    """Names of the operations that lead to a result."""
    todo, found = [result.grad_fn], {}
    while todo:
        node = todo.pop()
        if node is not None and node not in found:
            found[node] = node.name()
            todo += [before for before, _ in node.next_functions]
    return {name.split("::")[-1] for name in found.values()}
