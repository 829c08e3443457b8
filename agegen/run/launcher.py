"""Settings of a launcher (accelerate, torchrun) under which a training would be another, or none.

Ports and several trainings on one host: docs/distributed.md.
"""

import os

from accelerate.utils import parse_flag_from_env

from agegen.run.errors import UserError

NOT_OURS = {
    "ACCELERATE_USE_FSDP": "FSDP",
    "ACCELERATE_USE_DEEPSPEED": "DeepSpeed",
    "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM",
    "ACCELERATE_USE_PARALLELISM_CONFIG": "a parallelism config",
    "ACCELERATE_USE_SAGEMAKER": "SageMaker",
}
HOW = "leave its flag out, or the config file that `accelerate config` made"


def require_ours() -> None:
    """Refuse settings of the launcher under which the loops would train something else, or not.

    Raises:
        UserError: it names the setting.
    """
    for name, what in NOT_OURS.items():
        if parse_flag_from_env(name):
            raise UserError(f"the launcher asks for {what}, which agegen lacks: {HOW}")
    backend = os.environ.get("ACCELERATE_DYNAMO_BACKEND", "no")
    if backend.lower() != "no":
        raise UserError(f"the launcher asks for dynamo ({backend}): use the flag --compile instead")
    parts = os.environ.get("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "1")
    if parts != "1":
        raise UserError(
            f"the launcher asks for {parts} gradient accumulation steps: train_cyclegan.py has "
            "--accumulate, which divides a batch; the launcher's would divide the gradients"
        )
