"""What a launcher's environment may ask for: each setting is taken, or refused in a sentence."""

import random
from types import SimpleNamespace

import pytest
import torch
from accelerate.utils import DistributedType, DynamoBackend

from agegen.run.devices import choose_precision, make_accelerator, precision_of
from agegen.run.errors import UserError

YES, NO = ("1", "true", "True", "yes"), ("0", "false", "no")
ENGINES = {
    "ACCELERATE_USE_FSDP": "FSDP",
    "ACCELERATE_USE_DEEPSPEED": "DeepSpeed",
    "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM",
    "ACCELERATE_USE_PARALLELISM_CONFIG": "parallelism config",
    "ACCELERATE_USE_SAGEMAKER": "SageMaker",
}
REFUSED = dict.fromkeys(ENGINES, (YES, NO)) | {
    "ACCELERATE_DYNAMO_BACKEND": (("inductor", "EAGER", "aot_eager"), ("no", "NO")),
    "ACCELERATE_GRADIENT_ACCUMULATION_STEPS": (("2", "4"), ("1",)),
    "ACCELERATE_MIXED_PRECISION": (("fp8", "fp16", "FP16", "int8"), ("no", "bf16", "BF16")),
}
"""Values that are refused on a CPU, and values that are not."""
ONE_BY_ONE = [(name, bad) for name, (refused, _) in REFUSED.items() for bad in refused]


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in REFUSED:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("name", "value"), ONE_BY_ONE)
def test_what_would_change_a_training_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    named = ENGINES.get(name, value.lower() if "PRECISION" in name else value)
    with pytest.raises(UserError, match=f"{named}.*launcher|launcher asks for .*{named}") as raised:
        make_accelerator("auto")
    assert "\n" not in str(raised.value)


def test_whatever_is_asked_for_is_refused_or_leaves_the_training_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng, taken = random.Random(0), 0
    for _ in range(300):
        refused = False
        for name, (bad, good) in REFUSED.items():
            kind = rng.choices(["none", "good", "bad"], (5, 10, 1))[0]
            refused |= kind == "bad"
            if kind == "none":
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, rng.choice(bad if kind == "bad" else good))
        if refused:
            with pytest.raises(UserError, match="launcher"):
                make_accelerator("auto")
            continue
        taken += 1
        accelerator = make_accelerator("auto")
        assert accelerator.distributed_type == DistributedType.NO
        assert accelerator.gradient_accumulation_steps == 1
        assert accelerator.state.dynamo_plugin.backend == DynamoBackend.NO
    assert 50 < taken < 250


@pytest.mark.parametrize("launchers", ["bf16", "no"])
@pytest.mark.parametrize("ours", ["auto", "bf16", "float32"])
def test_the_flag_goes_before_the_launchers_precision(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, ours: str, launchers: str
) -> None:
    monkeypatch.setattr("agegen.run.devices.native_precision", lambda: "float32")
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", launchers)
    expected = {"no": "float32"}.get(launchers, launchers) if ours == "auto" else ours
    assert precision_of(make_accelerator(ours)) == expected
    said = "takes the place of the launcher's" in capsys.readouterr().out
    assert said == (launchers == "bf16" and ours == "float32")


@pytest.fixture
def on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    state = SimpleNamespace(device=torch.device("cuda"), print=print)
    monkeypatch.setattr("agegen.run.devices.start_processes", lambda: state)


@pytest.mark.usefixtures("on_a_gpu")
@pytest.mark.parametrize(
    ("bf16", "capability", "expected"),
    [
        (True, (9, 0), "bf16"),
        (True, (8, 0), "bf16"),
        (False, (7, 5), "fp16"),
        (False, (7, 0), "fp16"),
        (False, (6, 1), "float32"),
    ],
)
def test_each_gpu_computes_in_what_it_is_fast_in(
    monkeypatch: pytest.MonkeyPatch, bf16: bool, capability: tuple, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bf16)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    assert choose_precision("auto") == expected
    for asked in ("bf16", "fp16", "no"):
        monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", asked)
        assert choose_precision("auto") == (expected if asked == "no" else asked)
